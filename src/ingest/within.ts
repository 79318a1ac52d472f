import { Transient } from "../domain/errors.js";
import { inTime } from "../domain/in-time.js";

/** Stops waiting for KV after so many milliseconds; whether it did its work is then not known. */
export const within = <T>(ms: number, work: Promise<T>): Promise<T> =>
  inTime(ms, work, () => {
    const detail = `KV: no answer within ${ms} ms`;
    return new Transient("kv_unavailable", { detail });
  });
