import { Transient } from "../domain/errors.js";
import { QueueRefused } from "../queues/publish.js";

const CODES = ["database_unavailable", "queue_unavailable"];

/** Without the database or the queue no entry of a sweep can be settled; the next sweep begins again. */
export function isForAll(error: unknown): boolean {
  return (
    error instanceof Transient && CODES.includes(error.code) && !(error instanceof QueueRefused)
  );
}
