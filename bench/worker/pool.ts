import { type Database, openDatabase } from "../../src/store/database.js";

/** Every contender has as many connections. */
export const POOL_MAX = 10;

/** The hot path's pool as a deployment has it. */
export function openPool(url: string): Database {
  return openDatabase(
    {
      url,
      poolMax: POOL_MAX,
      preparedStatements: true,
      connectTimeoutMs: 5_000,
      queryTimeoutMs: 30_000,
    },
    (error) => process.stderr.write(`connection lost: ${error.message}\n`),
  );
}
