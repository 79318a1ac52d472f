import { Transient } from "../domain/errors.js";

/** Stops waiting for KV after so many milliseconds; whether it did its work is then not known. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const detail = `KV: no answer within ${ms} ms`;
    timer = setTimeout(() => reject(new Transient("kv_unavailable", { detail })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
