import type { Permanent } from "../domain/errors.js";
import { deadPlan } from "../handlers/event-plan.js";
import { apply } from "../store/apply.js";
import { load, read } from "../store/load.js";
import { untilStill } from "../store/until-still.js";
import type { SettleDeps } from "./settle-dead-letter.js";

/**
 * The replay of an event could not be run to any end: its dead letter, which says "replaying", is opened
 * anew for a person, with the cause. One that is settled meanwhile, or open again, is left as it is.
 *
 * @throws Transient `database_busy` when the row moves in every round.
 */
export function reopenReplay(
  eventId: string,
  error: Permanent,
  deps: Pick<SettleDeps, "database" | "clock" | "ids">,
): Promise<void> {
  const requestId = deps.ids.next("request");
  return untilStill(`the dead letter of ${eventId}`, async () => {
    const { letters } = await load(deps.database, {
      letters: read("deadLetter", "t.event_id = ?", [eventId]),
    });
    const letter = letters[0];
    if (letter?.status !== "replaying") return;
    const now = deps.clock.now();
    const ctx = { now, ids: deps.ids, actor: "system:sweep", eventId, requestId };
    await apply(deps.database, deadPlan({ eventId }, error, letter, ctx));
  });
}
