import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { z } from "zod";
import { ENTITLEMENT_STATUSES, type Entitlement, isInForce } from "../domain/entitlement.js";
import { AppError, ERROR_CODES, Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { ApiKey, Caller } from "../domain/operator.js";
import type { Log, Report } from "../domain/ports.js";
import { problem } from "../domain/problem.js";
import type { Secret } from "../domain/secret.js";
import { type Clock, type Instant, isoOf } from "../domain/time.js";
import type { EntitlementsOf } from "../store/entitlements.js";
import { CHALLENGE, demandRole, identify } from "./access.js";
import { exactly, parsed } from "./requests.js";

/** Where the app is to be mounted. */
export const ENTITLEMENTS_PATH = "/api/entitlements";

const time = z.iso.datetime().meta({ description: "ISO 8601, UTC" });
const text = z.string();

export const userEntitlements = z
  .object({
    userId: text,
    livemode: z.boolean(),
    active: z.array(text).meta({ description: "The packages that the user has now, by name" }),
    entitlements: z.array(
      z.object({
        id: text,
        account: text.meta({ description: "The connected account; empty for our own" }),
        package: text,
        status: text.meta({ enum: [...ENTITLEMENT_STATUSES] }),
        inForce: z.boolean().meta({ description: "Gives access now: active, begun, not ended" }),
        startsAt: time,
        endsAt: time.nullable().meta({ description: "Null: never" }),
        ordinal: z.int().meta({ description: "Of this user's for this package" }),
        grantedAt: time,
        revokedAt: time.nullable(),
        revokedBecause: text.nullable(),
        version: z.int().meta({ description: "As in the webhooks: the higher one is the later" }),
      }),
    ),
  })
  .meta({ id: "UserEntitlements" });

const flagError = "must be true or false";
export const entitlementsQuery = z.strictObject({
  livemode: z
    .enum(["true", "false"], { error: flagError })
    .meta({ description: "false: what was bought in the gateway's test mode; true when absent" })
    .optional(),
  account: exactly.meta({ description: "Of one connected account; of all when absent" }),
});

const asked = entitlementsQuery.extend({ userId: exactly.unwrap() });
/** Of a request that cannot be read: nobody has such a name, and whose key it is can be told all the same. */
const NOBODY: EntitlementsOf = { userRef: "", livemode: true, account: null };

/** What is asked for; or why that cannot be read, to be told to nobody who may not ask. */
function askedBy(c: Context): EntitlementsOf | Error {
  try {
    const { userId, livemode, account } = parsed(asked, {
      ...c.req.query(),
      userId: c.req.param("userId"),
    });
    return { userRef: userId, livemode: livemode !== "false", account: account ?? null };
  } catch (error) {
    return error as Error;
  }
}

export interface EntitlementsDeps {
  adminToken: Secret;
  /** One query: the rows, and whose key was given. @throws Transient */
  read(
    given: string | null,
    of: EntitlementsOf,
  ): Promise<{ key: ApiKey | null; rows: Entitlement[] }>;
  clock: Clock;
  ids: Ids;
  log: Log;
  report: Report;
}

type Env = { Variables: { requestId: string; caller: Caller | undefined } };

/**
 * What the platform's own application asks on each of its requests: what a user is entitled to. The path holds a user,
 * so it is not logged. Errors are RFC 9457 problems.
 */
export function createEntitlementsApp(deps: EntitlementsDeps): Hono<Env> {
  const { clock, ids, log, report } = deps;
  const app = new Hono<Env>();
  app.use("*", async (c, next) => {
    const startedAt = clock.now();
    const requestId = ids.next("request");
    c.set("requestId", requestId);
    await next();
    c.header("cache-control", "no-store");
    c.header("x-request-id", requestId);
    const { status } = c.res;
    const actor = c.var.caller?.actor;
    const durationMs = clock.now() - startedAt;
    log.info("entitlements.answered", { requestId, status, durationMs, actor });
  });
  app.use("*", secureHeaders({ xFrameOptions: "DENY", referrerPolicy: "no-referrer" }));
  app.onError((error, c) => {
    const { requestId } = c.var;
    if (error instanceof AppError && ERROR_CODES[error.code].status >= 400) {
      const detail = error.detail ?? ERROR_CODES[error.code].sentence;
      return problem(error.code, detail, requestId, {
        ...(error instanceof Transient ? { "retry-after": "5" } : {}),
        ...(error.code === "unauthorized" ? CHALLENGE : {}),
      });
    }
    log.error("entitlements.failed", { requestId, code: "internal", error: error.name });
    report(error, { requestId, action: "entitlements.failed" });
    return problem("internal", "It was reported; this is not your mistake.", requestId);
  });
  app.get("/:userId", async (c) => {
    const of = askedBy(c);
    let rows: readonly Entitlement[] | null = null;
    const read = async (given: string | null): Promise<ApiKey | null> => {
      const found = await deps.read(given, of instanceof Error ? NOBODY : of);
      rows = found.rows;
      return found.key;
    };
    const caller = await identify(c, { adminToken: deps.adminToken, findKey: read });
    c.set("caller", caller);
    demandRole(caller, "read");
    if (of instanceof Error) throw of;
    if (rows === null) await read(null); // the token of the environment is no key
    return c.json(answerOf(of, rows ?? [], clock.now()));
  });
  app.all("/:userId", (c) => {
    const detail = `What a user is entitled to is read by GET; this was ${c.req.method}.`;
    return problem("method_not_allowed", detail, c.var.requestId, { allow: "GET" });
  });
  return app;
}

function answerOf(
  { userRef, livemode }: EntitlementsOf,
  rows: readonly Entitlement[],
  now: Instant,
): z.output<typeof userEntitlements> {
  const entitlements = rows.map((row) => ({
    id: row.id,
    account: row.account,
    package: row.packageRef,
    status: row.status,
    inForce: isInForce(row, now),
    startsAt: isoOf(row.startsAt),
    endsAt: row.endsAt === null ? null : isoOf(row.endsAt),
    ordinal: row.ordinal,
    grantedAt: isoOf(row.grantedAt),
    revokedAt: row.revokedAt === null ? null : isoOf(row.revokedAt),
    revokedBecause: row.revokedBecause,
    version: row.version,
  }));
  const active = entitlements.filter(({ inForce }) => inForce).map((one) => one.package);
  return { userId: userRef, livemode, active: [...new Set(active)].sort(), entitlements };
}
