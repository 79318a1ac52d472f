import { type Permanent, Transient } from "../domain/errors.js";
import { deadPlan } from "../handlers/event-plan.js";
import { apply } from "../store/apply.js";
import { Moved } from "../store/database.js";
import { load, read } from "../store/load.js";
import type { SettleDeps } from "./settle-dead-letter.js";

const ROUNDS_MAX = 6;

/**
 * The replay of an event could not be run to any end: its dead letter, which says "replaying", is opened
 * anew for a person, with the cause. One that is settled meanwhile, or open again, is left as it is.
 *
 * @throws Transient `database_busy` when the row moves in every round.
 */
export async function reopenReplay(
  eventId: string,
  error: Permanent,
  deps: Pick<SettleDeps, "database" | "clock" | "ids">,
): Promise<void> {
  const requestId = deps.ids.next("request");
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const { letters } = await load(deps.database, {
      letters: read("deadLetter", "t.event_id = ?", [eventId]),
    });
    const letter = letters[0];
    if (letter?.status !== "replaying") return;
    const now = deps.clock.now();
    const ctx = { now, ids: deps.ids, actor: "system:sweep", eventId, requestId };
    try {
      await apply(deps.database, deadPlan({ eventId }, error, letter, ctx));
      return;
    } catch (cause) {
      if (!(cause instanceof Moved)) throw cause;
    }
  }
  throw new Transient("database_busy", { detail: "the dead letter moved in every round" });
}
