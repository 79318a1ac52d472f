import type { Permanent } from "../domain/errors.js";
import type { OutboxMessage } from "../domain/outbox.js";
import type { Database } from "../store/database.js";
import { completeOutbox } from "../store/outbox.js";

export interface BuryDeps {
  database: Database;
  /** Writes the message's notice as a dead letter of ours. */
  buryNotice(
    due: { noticeId: string; requestId: string },
    error: Permanent,
  ): Promise<"failed" | "gone">;
  /** Opens the dead letter anew whose replay could not be run; it is known by its event. */
  reopenReplay(eventId: string, error: Permanent): Promise<void>;
}

/**
 * Hands a message of our own to a person, as the dead letter of what it speaks of, and only then ends its
 * outbox row, which would send it again for ever. A timer's message is only a wake-up: its own row stays,
 * and is swept.
 *
 * @returns "dropped" when nothing is left of what the message speaks of, or its own row tells a person.
 * @throws Transient when the database is not to be had; doing it again does it once.
 */
export async function buryMessage(
  own: { outboxId: string; message: OutboxMessage },
  error: Permanent,
  deps: BuryDeps,
): Promise<"buried" | "dropped"> {
  const fate = await show(own.message, error, deps);
  await completeOutbox(deps.database, own.outboxId);
  return fate;
}

async function show(
  message: OutboxMessage,
  error: Permanent,
  deps: BuryDeps,
): Promise<"buried" | "dropped"> {
  switch (message.type) {
    case "timer.due.v1":
      return "dropped";
    case "notice.due.v1":
      return (await deps.buryNotice(message, error)) === "gone" ? "dropped" : "buried";
    case "event.replay.v1":
      await deps.reopenReplay(message.eventId, error);
      return "buried";
  }
}
