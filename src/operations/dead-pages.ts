import { describeError } from "../domain/describe-error.js";
import type { Kv, Log } from "../domain/ports.js";
import { DAY_MS } from "../domain/time.js";
import type { DeadMessage, DeadPage, QueueAccount } from "../queues/account.js";
import { QueueRefused } from "../queues/publish.js";

export interface DeadPagesDeps {
  account: Pick<QueueAccount, "listDead">;
  kv: Pick<Kv, "get" | "setFor" | "delete">;
  /** What this instance remembers of its own last run, for when KV is what everything waits for. */
  lastRun: { place: string | undefined };
  log: Log;
}

/** Of one run, waiting entries and all; what lies behind is the next run's. */
const PAGES_MAX = 50;
const PLACE_KEY = "dead-messages:place";
/** The queue keeps an entry for days; a place older than that is of a list that is no more. */
const PLACE_TTL_MS = DAY_MS;
/** A run that is cut off in the middle loses these many pages, and no more. */
const PAGES_PER_NOTE = 10;

/**
 * The queue's dead letters, page by page, from where the last run ended: however many lie in front and wait,
 * each entry has its turn. A run that comes to the end lets the next one begin at the top. Without KV
 * each instance goes by its own last run.
 *
 * @throws Transient `queue_unavailable` when the queue does not list them.
 */
export async function* deadPages(deps: DeadPagesDeps): AsyncGenerator<DeadMessage[]> {
  let place = await savedPlace(deps);
  let noted = place;
  const note = async (): Promise<void> => {
    if (place !== noted) await savePlace(place, deps);
    noted = place;
  };
  try {
    for (let pages = 1; pages <= PAGES_MAX; pages += 1) {
      const page = await pageAt(place, deps);
      yield page.messages; // a run that ends in here leaves its page to the next one
      place = page.cursor;
      if (place === undefined) break;
      if (pages % PAGES_PER_NOTE === 0) await note();
    }
  } finally {
    await note();
  }
}

/** A cursor that the queue no longer takes is of a list that is no more: the top is never wrong. */
async function pageAt(place: string | undefined, { account }: DeadPagesDeps): Promise<DeadPage> {
  try {
    return await account.listDead(place);
  } catch (error) {
    if (place === undefined || !(error instanceof QueueRefused)) throw error;
    return account.listDead(undefined);
  }
}

async function savedPlace({ kv, lastRun, log }: DeadPagesDeps): Promise<string | undefined> {
  try {
    return (await kv.get(PLACE_KEY)) ?? undefined;
  } catch (error) {
    log.warn("dead_messages.place_lost", { detail: describeError(error) });
    return lastRun.place;
  }
}

async function savePlace(place: string | undefined, deps: DeadPagesDeps): Promise<void> {
  const { kv, lastRun, log } = deps;
  lastRun.place = place;
  try {
    if (place === undefined) await kv.delete(PLACE_KEY);
    else await kv.setFor(PLACE_KEY, place, PLACE_TTL_MS);
  } catch (error) {
    log.warn("dead_messages.place_lost", { detail: describeError(error) });
  }
}
