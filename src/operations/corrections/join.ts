import { AppError, Transient } from "../../domain/errors.js";
import { type AttemptOutcome, OWN_VERIFIERS } from "../../domain/event.js";
import type { LedgerKey } from "../../domain/ledger.js";
import type { Instant } from "../../domain/time.js";
import { runEvent } from "../../handlers/run-event.js";
import type { Source } from "../../sources/source.js";
import { deliveryOf } from "../delivery-of.js";
import type { DrainDeps } from "../drain-source.js";
import { letThrough } from "../release-source.js";

/** A hold that begins or ends between two looks at it; more is somebody else's trouble. */
const ROUNDS_MAX = 5;

export interface Mention {
  source: Source & Required<Pick<Source, "mention">>;
  key: LedgerKey;
  /** Names the event: the same again is done once. */
  id: string;
  at: Instant;
  actor: string;
  reason: string;
}

/**
 * Has an object fetched and joined on the ordinary path, here and now: as an event of its own, so that its trace and its
 * audit entries say what it did. Under a hold that one event is let through.
 *
 * @returns how it ended; `dead` has a dead letter that says why.
 * @throws Transient when it failed for now: it may be done again.
 */
export async function joinNow(mention: Mention, deps: DrainDeps): Promise<AttemptOutcome> {
  const { source, actor, reason } = mention;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const { outcome, eventId, outbox } = await runEvent(await runOf(mention, deps), deps);
    await deps.relay(outbox);
    if (outcome !== "held") return outcome;
    try {
      const request = { source: source.id, actor, reason, events: [eventId] };
      const [tried] = await letThrough(request, deps);
      const ended = tried?.outcome ?? "gone";
      if (ended === "queued" || ended === "gone") {
        throw new Transient("gateway_unavailable", { detail: "it is left to the queue for now" });
      }
      if (ended !== "held") return ended;
    } catch (error) {
      // Released meanwhile, or drained: run again it is worked on, or known as done.
      const isOver =
        error instanceof AppError && (error.code === "conflict" || error.code === "not_found");
      if (!isOver) throw error;
    }
  }
  throw new Transient("database_busy", { detail: `${source.id} was held again and again` });
}

async function runOf({ source, key, id, at }: Mention, deps: DrainDeps) {
  const said = source.mention(key, { id, at });
  const made = await deliveryOf(source, said, OWN_VERIFIERS.correction, deps);
  return { ...made, attemptId: deps.ids.next("attempt"), startedAt: made.delivery.receivedAt };
}
