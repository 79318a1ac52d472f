import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { AppError, Permanent } from "../domain/errors.js";

const BODY_BYTES_MAX = 16 * 1024;
/** An id of ours; anything else is not worth a query. */
const ID = /^[\w:.-]{1,200}$/;

/** Middleware for routes that take a body. */
export const limited = bodyLimit({
  maxSize: BODY_BYTES_MAX,
  onError: () => {
    throw new Permanent("too_large", {
      detail: `The body may have ${BODY_BYTES_MAX} bytes at most.`,
    });
  },
});

/** @throws Permanent `invalid_request` when it is not JSON. */
export async function jsonOf(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new Permanent("invalid_request", { detail: "the body must be a JSON object", cause });
  }
}

/** @throws Permanent `not_found` for what cannot be an id. */
export function idOf(c: Context, what: string): string {
  const id = c.req.param("id") ?? "";
  if (!ID.test(id)) throw new Permanent("not_found", { detail: `There is no such ${what}.` });
  return id;
}

export const notFound = (what: string, id: string): Permanent =>
  new Permanent("not_found", { detail: `There is no ${what} ${id}.` });
