import { countField, countsKey } from "../../../src/domain/door-counts.js";
import { Secret } from "../../../src/domain/secret.js";
import { type Instant, MINUTE_MS } from "../../../src/domain/time.js";
import { type RunEventDeps, runEvent } from "../../../src/handlers/run-event.js";
import { type BalanceDeps, watchBalance } from "../../../src/operations/watch/index.js";
import type { DeadMessage, FlowState } from "../../../src/queues/account.js";
import { DELIVERY_HEADER, type Delivery, sealDelivery } from "../../../src/queues/delivery.js";
import { runDeps } from "../../support/events.js";
import { type WatchWorld, watchWorld } from "./world.js";

const TOKEN = new Secret("QSTASH_TOKEN", "balance-token");

export interface Arrival {
  /** When the door had it; now, where it is not said. */
  receivedAt?: Instant;
  /** The queue's message, and how often it was tried before. */
  message?: string;
  retried?: number;
  verifiedBy?: string;
  /** `{}` is ignored, `{` becomes a dead letter. */
  body?: string;
  /** Whole, in place of message and retries. */
  attemptId?: string;
}

export interface BalanceWorld extends Omit<WatchWorld, "deps"> {
  deps: BalanceDeps;
  engine: RunEventDeps;
  /** The door counts so many of Vercel's deliveries, at this moment unless told. */
  counted(outcome: string, n?: number, at?: Instant): Promise<void>;
  /** A worker runs a message of Vercel's event. */
  arrives(eventKey: string, arrival?: Arrival): Promise<string>;
  /** What the queue has given up on. */
  dead(eventKey: string, receivedAt: Instant): void;
  /** What waits at the queue. */
  queue: { dead: DeadMessage[]; flow: FlowState | null };
  /** So many minutes, with the watch in each of them. @returns what it said of each in which it said something. */
  minutes(n: number): Promise<string[]>;
}

/** As `watchWorld`, with the queue's account beside it and a door that only counts. */
export async function balanceWorld(): Promise<BalanceWorld> {
  const world = await watchWorld();
  const { clock, told } = world;
  const engine = { ...runDeps(world.w), clock };
  const queue: BalanceWorld["queue"] = { dead: [], flow: null };
  const deps: BalanceDeps = {
    ...world.deps,
    get policy() {
      return world.deps.policy;
    },
    queueTokens: [TOKEN],
    account: { listDead: async () => ({ messages: queue.dead }), flow: async () => queue.flow },
  };
  const deliveryOf = (eventKey: string, o: Arrival): Delivery => ({
    ...{ v: 1, source: "vercel", eventKey, type: "thing.done", occurredAt: clock.now() },
    ...{ receivedAt: o.receivedAt ?? clock.now(), requestId: "req_1", headers: {} },
    ...{ verifiedBy: o.verifiedBy ?? "VERCEL_WEBHOOK_SECRET", encoding: "raw" },
  });
  let messages = 0;
  return {
    ...world,
    deps,
    engine,
    queue,
    async counted(outcome, n = 1, at = clock.now()) {
      const counts = { [countsKey(at)]: { [countField("vercel", outcome)]: n } };
      await deps.kv.tally(counts, {}, { ttlMs: 86_400_000, listMax: 1 });
    },
    async arrives(eventKey, o = {}) {
      messages += 1;
      const { message = `msg_${messages}`, retried = 0, body = '{"type":"thing.done"}' } = o;
      const attemptId = o.attemptId ?? `${message}:${retried}`;
      const bytes = Uint8Array.from(new TextEncoder().encode(body));
      const delivery = deliveryOf(eventKey, o);
      const run = { delivery, body: bytes, attemptId, startedAt: clock.now() };
      return (await runEvent(run, engine)).outcome;
    },
    dead(eventKey, receivedAt) {
      const sealed = sealDelivery(deliveryOf(eventKey, { receivedAt }), TOKEN);
      queue.dead.push({
        ...{ dlqId: eventKey, messageId: eventKey, queue: "events", isSchedule: false },
        headers: new Headers({ [DELIVERY_HEADER]: sealed }),
        ...{ body: new Uint8Array(), createdAt: receivedAt, responseStatus: 503, responseBody: "" },
      });
    },
    async minutes(n) {
      const before = told.length;
      for (let i = 0; i < n; i += 1) {
        clock.advance(MINUTE_MS);
        await watchBalance(deps);
      }
      return told.slice(before).map(({ kind, title }) => `${kind}: ${title}`);
    },
  };
}
