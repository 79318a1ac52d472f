import { describeError } from "../domain/describe-error.js";
import type { Log } from "../domain/ports.js";

/** Hears of idle connections that broke. The SQLSTATE tells a restart (57P01) from a network that is gone. */
export const lostConnection =
  (log: Log) =>
  (error: Error): void =>
    log.warn("database.connection_lost", { detail: describeError(error) });
