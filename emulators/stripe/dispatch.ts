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
  unknownRoute,
} from "./errors.js";
import { expanded } from "./expand.js";
import { Input, parseForm } from "./form.js";
import type { Actor, Route, World } from "./world.js";

/** Stripe keeps keys for at least 24 hours. */
const KEY_TTL_MS = 24 * 60 * 60 * 1000;

interface Reply {
  status: number;
  body: string;
  replayed: boolean;
}

type Context = Parameters<Parameters<Kit["app"]["get"]>[1]>[0];

const asText = (value: object): string => JSON.stringify(value, null, 2);

const errorReply = (status: number, error: ErrorBody): Reply => ({
  status,
  body: asText({ error }),
  replayed: false,
});

function authenticate(header: string | undefined, apiKey: string): void {
  if (header === undefined) throw keyMissing();
  const [scheme, value = ""] = header.split(" ");
  const basic = scheme?.toLowerCase() === "basic";
  const key = basic ? (Buffer.from(value, "base64").toString("utf8").split(":")[0] ?? "") : value;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  if (!timingSafeEqual(digest(key), digest(apiKey))) throw keyInvalid(key);
}

/**
 * Mounts the routes behind what every Stripe request passes: the key, the idempotency key, the parameters; and before the
 * headers that every answer carries. `sent` runs once the answer's changes are stored.
 */
export function mount(
  world: World,
  routes: Route[],
  options: { apiKey: string; sent: () => void },
): void {
  const { kit } = world;
  const keys = createIdempotency(kit.store.table("idempotency"), KEY_TTL_MS, kit.clock.now);

  async function answer(
    context: Context,
    run: (actor: Actor) => Promise<Reply>,
  ): Promise<Response> {
    const actor: Actor = {
      id: kit.ids("req_"),
      idempotency_key: context.req.header("idempotency-key") ?? null,
    };
    let reply: Reply;
    try {
      authenticate(context.req.header("authorization"), options.apiKey);
      reply = await run(actor);
    } catch (error) {
      if (!(error instanceof StripeFailure)) throw error;
      reply = errorReply(error.status, error.body);
    }
    kit.store.commit();
    options.sent();
    return context.body(reply.body, reply.status, {
      "content-type": "application/json",
      "request-id": actor.id ?? "",
      "stripe-version": context.req.header("stripe-version") ?? world.apiVersion,
      ...(actor.idempotency_key === null ? {} : { "idempotency-key": actor.idempotency_key }),
      ...(reply.replayed ? { "idempotent-replayed": "true" } : {}),
      ...(reply.status === 401 ? { "www-authenticate": 'Bearer realm="Stripe"' } : {}),
    });
  }

  for (const route of routes) {
    kit.app.on(route.method, route.path, (context) =>
      answer(context, async (actor) => {
        const url = new URL(context.req.url);
        const text = route.method === "GET" ? url.search.slice(1) : await context.req.text();
        const work = async () => {
          await kit.processing();
          return run(world, route, context.req.param("id") ?? "", text, actor);
        };
        if (route.method !== "POST" || actor.idempotency_key === null) return work();
        return once(keys.claim(actor.idempotency_key, `${url.pathname}\n${text}`), actor, work);
      }),
    );
  }
  kit.app.onError((error, context) => {
    console.error("stripe emulator:", error);
    const { body, status } = errorReply(500, faultBody(500, undefined));
    return context.body(body, status, { "content-type": "application/json" });
  });
  kit.app.notFound((context) =>
    answer(context, async () => {
      throw unknownRoute(context.req.method, context.req.path);
    }),
  );
}

/** An answer below 500 that came from running the route is kept under its key; a refusal of the parameters is not. */
async function once(claim: Claim, actor: Actor, work: () => Promise<Reply>): Promise<Reply> {
  const key = actor.idempotency_key ?? "";
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
function run(world: World, route: Route, id: string, text: string, actor: Actor): Reply {
  const input = new Input(parseForm(text));
  input.accept(route.accepts);
  try {
    const object = route.run({ id, input, actor });
    const shown = expanded(world, object, input.texts("expand") ?? []);
    return { status: 200, body: asText(shown), replayed: false };
  } catch (error) {
    if (error instanceof StripeFailure && error.status === 402) {
      return errorReply(error.status, error.body);
    }
    throw error;
  }
}
