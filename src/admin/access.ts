import type { Context, MiddlewareHandler } from "hono";
import { AppError, ERROR_CODES, Permanent } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import {
  ADMIN,
  type ApiKey,
  type Caller,
  callerOf,
  maySame,
  type Role,
} from "../domain/operator.js";
import { problem } from "../domain/problem.js";
import type { Secret } from "../domain/secret.js";

/** What tells who asks. */
export interface AccessDeps {
  adminToken: Secret;
  /** The row of a key that is in use; null for everything else. @throws Transient */
  findKey(given: string): Promise<ApiKey | null>;
}

/** What a route may read of its caller: `c.var.caller.actor` goes into the audit trail. */
export type CallerEnv = { Variables: { caller: Caller } };

/**
 * Who sends this request, by its `Authorization: Bearer`: the bootstrap token, or a named key.
 *
 * @throws Permanent `unauthorized` for anybody else; Transient when that cannot be told: nobody is let in.
 */
export async function identify(c: Context, deps: AccessDeps): Promise<Caller> {
  const given = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (given !== undefined) {
    if (deps.adminToken.matches(given)) return ADMIN;
    const key = await deps.findKey(given);
    if (key !== null) return callerOf(key);
  }
  throw new Permanent("unauthorized", {
    detail: "This needs Authorization: Bearer with the admin token or a key that is not revoked.",
  });
}

/** @throws Permanent `forbidden` that says whose role would do. */
export function demandRole({ actor, role }: Caller, needed: Role): void {
  if (maySame(role, needed)) return;
  const who = actor === "admin" ? "ADMIN_TOKEN" : "this key";
  const detail = `This needs the role ${needed}; ${who} has the role ${role}.`;
  throw new Permanent("forbidden", { detail });
}

/** What goes with an `unauthorized`: how to be let in. */
export const CHALLENGE = { "www-authenticate": "Bearer" };

/**
 * A guard for routes outside of the admin API: lets pass who has at least this role, and puts who it is at
 * `c.var.caller`. All others have a problem for their answer, whatever `onError` the app has.
 */
export function requireRole(
  needed: Role,
  deps: AccessDeps & { ids: Ids },
): MiddlewareHandler<CallerEnv> {
  return async (c, next) => {
    try {
      const caller = await identify(c, deps);
      demandRole(caller, needed);
      c.set("caller", caller);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const headers = error.code === "unauthorized" ? CHALLENGE : {};
      const detail = error.detail ?? ERROR_CODES[error.code].sentence;
      return problem(error.code, detail, deps.ids.next("request"), headers);
    }
    return next();
  };
}
