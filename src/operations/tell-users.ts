import { Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { ChannelId, NoticeData, Template } from "../domain/notice.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Clock } from "../domain/time.js";
import type { Database } from "../store/database.js";
import { load, read } from "../store/load.js";
import { recipientHashSql } from "../store/recipient-hash.js";
import { applyIfStill } from "../store/until-still.js";
import type { Relay } from "./relay-outbox.js";

export interface TellUsersDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  relay: Relay;
  /** The status page has an address here. */
  hasStatusPage: boolean;
}

/** One word to all users of a service. */
export interface UsersWord {
  template: Extract<Template, `user-${string}`>;
  /** An object and its transition; each user is told once of it. */
  cause: string;
  /** Null: of all. */
  service: string | null;
  /** The incident, or the maintenance: on the status page what is told of one is one report. */
  incidentId: string | null;
  data: NoticeData;
  /** The platform's first language, in which its page speaks. */
  pageLocale: string;
}

const PAGE_ROWS = 200;
/** Others may be at it as well; a page that moved is read anew. */
const MOVES_MAX = 50;

const NOT_TOLD = `NOT EXISTS (SELECT 1 FROM notice n WHERE n.cause = ? AND n.template = ?
  AND n.recipient = t.email AND n.channel = 'email')`;
/** Null: of all. However its name is written: what a service is called was once typed by a person. */
const OF_SERVICE = `(?::text IS NULL OR t.services = '[]' OR EXISTS (
  SELECT 1 FROM jsonb_array_elements_text(t.services) AS s(name) WHERE lower(s.name) = lower(?::text)))`;
/** Whoever has unsubscribed, or takes no mail, is not planned for; a mail that is planned is held to it once more. */
const NOT_SUPPRESSED = `NOT EXISTS (SELECT 1 FROM suppression s WHERE s.recipient_hash = ${recipientHashSql("t.email")})`;

/**
 * Plans the word for every subscriber of the service, in their language, and for the status page: in pages, each
 * written and published for itself. Doing it again, or after a crash, goes on where it ended, and tells nobody twice.
 *
 * @returns how many were told now.
 * @throws Transient
 */
export async function tellUsers(word: UsersWord, deps: TellUsersDeps): Promise<number> {
  let told = deps.hasStatusPage ? await tellStatusPage(word, deps) : 0;
  let after = "";
  let moves = 0;
  for (;;) {
    const { rows } = await load(deps.database, {
      rows: read(
        "subscriber",
        `t.removed_at IS NULL AND t.id > ? AND ${OF_SERVICE} AND ${NOT_TOLD} AND ${NOT_SUPPRESSED}`,
        [after, word.service, word.service, word.cause, word.template],
        { orderBy: "t.id", limit: PAGE_ROWS },
      ),
    });
    const last = rows.at(-1);
    if (last === undefined) return told;
    const readers = rows.map(({ email, locale }) => ({
      channel: "email" as const,
      recipient: email,
      locale,
    }));
    if (await planned(word, readers, deps)) {
      told += rows.length;
      after = last.id;
    } else {
      moves += 1;
      if (moves > MOVES_MAX) {
        throw new Transient("database_busy", { detail: `telling users of ${word.cause}` });
      }
    }
  }
}

/** The status page alone, once. @returns 1 when it was planned now. @throws Transient */
export async function tellStatusPage(word: UsersWord, deps: TellUsersDeps): Promise<number> {
  const { known } = await load(deps.database, {
    known: read("notice", "t.cause = ? AND t.template = ? AND t.channel = 'status_page'", [
      word.cause,
      word.template,
    ]),
  });
  if (known.length > 0) return 0;
  const page = {
    channel: "status_page" as const,
    recipient: "status_page",
    locale: word.pageLocale,
  };
  return (await planned(word, [page], deps)) ? 1 : 0; // else somebody told it at this moment
}

async function planned(
  { template, cause, incidentId, data }: UsersWord,
  readers: readonly { channel: ChannelId; recipient: string; locale: string }[],
  { database, clock, ids, relay }: TellUsersDeps,
): Promise<boolean> {
  const requestId = ids.next("request");
  const actor = "system:incidents";
  const plan = new PlanBuilder({ now: clock.now(), ids, actor, eventId: null, requestId });
  for (const reader of readers) plan.notify({ ...reader, template, cause, data, incidentId });
  const built = plan.build();
  if (!(await applyIfStill(database, built))) return false;
  await relay(built.inserts.outbox ?? []);
  return true;
}
