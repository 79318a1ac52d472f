import pg from "pg";

let count = 0;
const query = pg.Client.prototype.query as (this: pg.Client, ...args: unknown[]) => unknown;
// Counted where everything passes, our pool's queries and a peer's alike.
pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
  count += 1;
  return query.apply(this, args);
} as typeof pg.Client.prototype.query;

/** Queries that this process has sent to Postgres so far: each is one round trip. */
export const countedQueries = (): number => count;
