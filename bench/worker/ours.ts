import { signDelivery } from "../../emulators/qstash/signature.js";
import { Secret } from "../../src/domain/secret.js";
import { type EventRun, runEvent } from "../../src/handlers/run-event.js";
import { DELIVERY_HEADER, sealDelivery } from "../../src/queues/delivery.js";
import { queueUrl } from "../../src/queues/publish.js";
import { systemClock } from "../../src/runtime/clock.js";
import { createIds } from "../../src/runtime/ids.js";
import { buildNode } from "../../src/runtime/node.js";
import { environmentOf, PUBLIC_BASE_URL, QSTASH_KEYS } from "../env.js";
import type { Contender, LaneSetup } from "../lanes/lane.js";
import { nextEvents, type SignedEvent } from "../stripe-events.js";
import { deliveryOf, runOf } from "./delivery.js";
import { runDepsOf } from "./deps.js";
import { openPool } from "./pool.js";

const ids = createIds(systemClock);

/** The event itself: facts, load, decide, and one statement with everything that a paid purchase brings. */
export async function openRun(setup: LaneSetup): Promise<Contender> {
  const database = openPool(setup.databaseUrl);
  const deps = runDepsOf(database, ids);
  return {
    async prepare(count) {
      const runs = await Promise.all(nextEvents(count).map((event) => runOf(event, ids)));
      return async (index) => {
        const { outcome, outbox } = await runEvent(runs[index] as EventRun, deps);
        if (outcome !== "processed" || outbox.length !== 1) throw new Error(`became ${outcome}`);
      };
    },
  };
}

/** The worker as the queue calls it: its signature checked, the seal opened, the event run, the outbox relayed, all logged. */
export async function openConsume(setup: LaneSetup): Promise<Contender> {
  const env = environmentOf(setup);
  const { app } = buildNode(env);
  const token = new Secret("QSTASH_TOKEN", env.QSTASH_TOKEN ?? "");
  const url = queueUrl({ publicBaseUrl: PUBLIC_BASE_URL }, "events");
  const requestOf = async (event: SignedEvent): Promise<Request> => {
    const { body } = event;
    const nowMs = Date.now();
    return new Request(url, {
      method: "POST",
      headers: {
        "content-type": "application/octet-stream",
        "content-length": String(body.length),
        "upstash-message-id": ids.next("attempt"),
        "upstash-retried": "0",
        "upstash-signature": await signDelivery(QSTASH_KEYS.current, { url, body, nowMs }),
        [DELIVERY_HEADER]: await sealDelivery(await deliveryOf(event, ids), token),
      },
      body,
    });
  };
  return {
    async prepare(count) {
      const requests: Request[] = [];
      for (const event of nextEvents(count)) requests.push(await requestOf(event));
      return async (index) => {
        const response = await app.fetch(requests[index] as Request);
        const text = await response.text();
        if (!text.includes('"processed"')) throw new Error(`answered ${response.status} ${text}`);
      };
    },
  };
}
