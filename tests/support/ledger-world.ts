import { Transient } from "../../src/domain/errors.js";
import type { Log } from "../../src/domain/ports.js";
import { Secret } from "../../src/domain/secret.js";
import type { Clock } from "../../src/domain/time.js";
import { stripeGateway } from "../../src/gateways/stripe/index.js";
import { type EventResult, type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { deliveryOf } from "../../src/operations/delivery-of.js";
import type { ReconcileDeps } from "../../src/operations/reconcile/index.js";
import { presetOf } from "../../src/policy/presets/index.js";
import type { Policy } from "../../src/policy/schema.js";
import { createIds } from "../../src/runtime/ids.js";
import { sourceById } from "../../src/sources/registry.js";
import type { Source } from "../../src/sources/source.js";
import type { Database } from "../../src/store/database.js";

export interface LedgerWorld extends ReconcileDeps {
  /** Works on an event as a worker would, in this process. */
  work(body: object, verifiedBy?: string): Promise<EventResult>;
}

/** The ledger on a real database, its source's emulator over HTTP, and the engine without a queue between. */
export function ledgerWorld(o: {
  database: Database;
  emulator: { readonly url: string };
  apiKey: string;
  clock: Clock;
  log: Log;
  callsPerSecond?: number;
  policy?: Policy;
}): LedgerWorld {
  const { database, clock, log, emulator } = o;
  const apiKey = new Secret("STRIPE_API_KEY", o.apiKey);
  const callsPerSecond = o.callsPerSecond ?? 10_000;
  const gateway = stripeGateway({ apiKey, apiUrl: emulator.url, callsPerSecond }, clock);
  const ids = createIds(clock);
  const gatewayOf = (id: string) => (id === "stripe" ? gateway : undefined);
  const policy = o.policy ?? presetOf("runbook");
  const engine: RunEventDeps = {
    database,
    clock,
    ids,
    log,
    sourceById,
    gatewayOf,
    policy,
    ours: new Set(),
  };
  const runOf = async (source: Source, body: object, verifiedBy: string) => {
    const made = await deliveryOf(source, body, verifiedBy, { clock, ids });
    const attemptId = `${ids.next("attempt")}:0`;
    return { ...made, attemptId, startedAt: made.delivery.receivedAt };
  };
  const stripe = sourceById("stripe");
  if (stripe === undefined) throw new Error("no source stripe");
  return {
    database,
    clock,
    ids,
    log,
    policy,
    sourceById,
    gatewayOf,
    async sendEvent(source, body) {
      const run = await runOf(source, body, "reconciliation");
      await redriven(() => runEvent(run, engine));
      return { eventKey: run.delivery.eventKey };
    },
    async work(body, verifiedBy = "STRIPE_WEBHOOK_SECRET") {
      const run = await runOf(stripe, body, verifiedBy);
      return redriven(() => runEvent(run, engine));
    },
  };
}

const RETRIES_MAX = 5;

/** What may work later is tried again, as the queue would. */
async function redriven<T>(work: () => Promise<T>): Promise<T> {
  for (let retried = 0; ; retried += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Transient) || retried === RETRIES_MAX) throw error;
    }
  }
}
