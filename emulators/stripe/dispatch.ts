import { createHash, timingSafeEqual } from "node:crypto";
import { type Claim, createIdempotency } from "../recorder/idempotency.js";
import type { Kit } from "../recorder/vendor.js";
import {
  type ErrorBody,
  faultBody,
  idempotencyBusy,
  idempotencyMismatch,
  keyInvalid,
  keyMissing,
  StripeFailure,
} from "./errors.js";
import { expanded } from "./expand.js";
import { Input, type Param, parseForm } from "./form.js";
import type { Limiter } from "./rate-limit.js";
import type { Realms } from "./realms.js";
import type { Router } from "./router.js";
import type { Actor } from "./rows.js";
import { presented } from "./shapes.js";
import type { World } from "./world.js";

/** Stripe keeps keys for at least 24 hours. */
const KEY_TTL_MS = 24 * 60 * 60 * 1000;

interface Reply {
  status: number;
  body: string;
  replayed?: boolean;
  headers?: Record<string, string>;
}

type Context = Parameters<Parameters<Kit["app"]["get"]>[1]>[0];

const asText = (value: object): string => JSON.stringify(value, null, 2);

const errorReply = (status: number, error: ErrorBody): Reply => ({
  status,
  body: asText({ error }),
});

const digest = (text: string) => createHash("sha256").update(text).digest();

/** @returns the mode of the key that the request shows. */
function authenticate(header: string | undefined, apiKeys: readonly string[]): boolean {
  if (header === undefined) throw keyMissing();
  const [scheme, value = ""] = header.split(" ");
  const basic = scheme?.toLowerCase() === "basic";
  const key = basic ? (Buffer.from(value, "base64").toString("utf8").split(":")[0] ?? "") : value;
  if (!apiKeys.some((known) => timingSafeEqual(digest(key), digest(known)))) throw keyInvalid(key);
  return isLive(key);
}

export const isLive = (apiKey: string): boolean => /^(sk|rk)_live_/.test(apiKey);

export interface Order {
  method: string;
  path: string;
  params: { [name: string]: Param };
  actor: Actor;
  /** The shape that the answer takes. */
  version: string;
}

/**
 * Runs one route in one world.
 * @returns what the API answers with, references expanded, in the shape of the version.
 * @throws StripeFailure when it refuses.
 */
export function runRoute(world: World, router: Router, order: Order): object {
  const { method, path, params, actor, version } = order;
  const { route, id } = router.find(world, method, path);
  const input = new Input(params);
  input.accept(route.accepts);
  const answer = route.run({ id, input, actor });
  return presented(world, expanded(world, answer, input.texts("expand") ?? []), version);
}

/**
 * Mounts the API behind what every Stripe request passes: the rate limit, the key, the account, the idempotency key, the
 * parameters; and before the headers that every answer carries. `sent` runs once the answer's changes are stored.
 */
export function mount(
  kit: Kit,
  realms: Realms,
  router: Router,
  options: { apiKeys: readonly string[]; limiter: Limiter; sent: () => void },
): void {
  const keys = createIdempotency(kit.store.table("idempotency"), KEY_TTL_MS, kit.clock.now);
  const { apiVersion } = realms.primary;

  async function work(context: Context, actor: Actor): Promise<Reply> {
    if (!options.limiter.take()) {
      const headers = { "stripe-rate-limited-reason": "global-rate" };
      return { ...errorReply(429, faultBody(429, undefined)), headers };
    }
    const { req } = context;
    const livemode = authenticate(req.header("authorization"), options.apiKeys);
    const account = req.header("stripe-account") ?? req.header("stripe-context") ?? null;
    const world = realms.of(account, livemode);
    const { method } = req;
    const { pathname: path, search } = new URL(req.url);
    const text = method === "GET" ? search.slice(1) : (await req.text()) || search.slice(1);
    const version = req.header("stripe-version") ?? apiVersion;
    const run = async () => {
      await kit.processing();
      return replyOf(world, router, { method, path, params: parseForm(text), actor, version });
    };
    const key = actor.idempotency_key;
    if (method !== "POST" || key === null) return run();
    const scope = `${account ?? ""} ${livemode} ${key}`;
    return once(keys.claim(scope, `${path}\n${text}`), key, run);
  }

  async function answer(context: Context): Promise<Response> {
    const actor: Actor = {
      id: kit.ids("req_"),
      idempotency_key: context.req.header("idempotency-key") ?? null,
    };
    let reply: Reply;
    try {
      reply = await work(context, actor);
    } catch (error) {
      if (!(error instanceof StripeFailure)) throw error;
      reply = errorReply(error.status, error.body);
    }
    kit.store.commit();
    options.sent();
    const account = context.req.header("stripe-account");
    return context.body(reply.body, reply.status, {
      "content-type": "application/json",
      "request-id": actor.id ?? "",
      "stripe-version": context.req.header("stripe-version") ?? apiVersion,
      // Said here too, for those who ask without a socket; the listener says the same.
      date: new Date(kit.clock.now()).toUTCString(),
      ...(account === undefined ? {} : { "stripe-account": account }),
      ...(actor.idempotency_key === null ? {} : { "idempotency-key": actor.idempotency_key }),
      ...(reply.replayed === true ? { "idempotent-replayed": "true" } : {}),
      ...(reply.status === 401 ? { "www-authenticate": 'Bearer realm="Stripe"' } : {}),
      ...reply.headers,
    });
  }

  for (const method of ["GET", "POST", "DELETE"]) kit.app.on(method, "/:version{v[12]}/*", answer);
  kit.app.notFound(answer);
  kit.app.onError((error, context) => {
    console.error("stripe emulator:", error);
    const { body, status } = errorReply(500, faultBody(500, undefined));
    return context.body(body, status, { "content-type": "application/json" });
  });
}

/** An answer below 500 that came from running the route is kept under its key; a refusal of the parameters is not. */
async function once(claim: Claim, key: string, work: () => Promise<Reply>): Promise<Reply> {
  if (claim.kind === "mismatch") throw idempotencyMismatch(key);
  if (claim.kind === "busy") throw idempotencyBusy(key);
  if (claim.kind === "replay") {
    return { status: claim.answer.status, body: claim.answer.body, replayed: true };
  }
  try {
    const reply = await work();
    claim.keep({ status: reply.status, body: reply.body });
    return reply;
  } finally {
    claim.release();
  }
}

/** A decline has changed things, so its 402 is an answer of the route, not a refusal before it. */
function replyOf(world: World, router: Router, order: Order): Reply {
  try {
    return { status: 200, body: asText(runRoute(world, router, order)) };
  } catch (error) {
    if (error instanceof StripeFailure && error.status === 402) {
      return errorReply(error.status, error.body);
    }
    throw error;
  }
}
