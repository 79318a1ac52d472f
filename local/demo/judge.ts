import { isDeepStrictEqual } from "node:util";
import type { Answer, Delivery } from "./deliver.js";
import type { EffectRow, EventRow, NoticeRow, Records } from "./records.js";
import { ROW_LISTS, type RowList, STORIES, type Story } from "./stories.js";

/** What became of one delivery. */
export interface Outcome {
  delivery: Delivery;
  first: Answer;
  again: Answer;
  event: EventRow | undefined;
  effects: { noun: string; row: EffectRow }[];
  notices: NoticeRow[];
  auditCount: number;
}

const NOUNS: Readonly<Record<RowList, string>> = {
  payments: "payment",
  entitlements: "entitlement",
  incidents: "incident",
  deployments: "deployment",
};

const stateOf = (row: EffectRow): string => row.state ?? row.status ?? "?";

/** Effects are found by the audit trail: what an event did to an object is written there. */
export function outcomeOf(
  delivery: Delivery,
  [first, again]: readonly [Answer, Answer],
  records: Records,
): Outcome {
  const event = records.events.find(({ eventKey }) => eventKey === first.eventKey);
  const audit = records.audit.filter(({ eventId }) => eventId === (event?.id ?? ""));
  const touched = new Set(audit.map(({ subject }) => subject));
  const effects = ROW_LISTS.flatMap((list) =>
    records.rows[list]
      .filter(({ id }) => touched.has(id))
      .map((row) => ({ noun: NOUNS[list], row })),
  );
  const notices = records.notices.filter(({ id }) => touched.has(id));
  return { delivery, first, again, event, effects, notices, auditCount: audit.length };
}

/** Everything that is not as it should be, in sentences; empty when all is well. */
export function differences(
  outcomes: readonly Outcome[],
  before: Records,
  after: Records,
): string[] {
  return [
    ...outcomes.flatMap(ofDelivery),
    ...STORIES.flatMap((story) => ofStory(story, outcomes, after)),
    ...ofWhole(outcomes, after),
    ...(isDeepStrictEqual(before, after)
      ? []
      : ["the second deliveries changed something that the first ones had made"]),
  ];
}

function ofDelivery({ delivery, first, again, event }: Outcome): string[] {
  const name = `${delivery.story.source} ${delivery.sample}`;
  const found: string[] = [];
  const answered = ({ status, said }: Answer): string => `${status} ${said}`;
  if (answered(first) !== "202 accepted") {
    found.push(`${name}: answered ${answered(first)}, not 202 accepted`);
  }
  if (answered(again) !== "200 duplicate" || again.eventKey !== first.eventKey) {
    found.push(`${name}: the second time answered ${answered(again)}, not 200 duplicate`);
  }
  if (event?.status !== "processed") {
    const why = event?.error === null || event === undefined ? "" : ` (${event.error.message})`;
    found.push(`${name}: its event is ${event?.status ?? "not there"}, not processed${why}`);
  }
  return found;
}

function ofStory(story: Story, outcomes: readonly Outcome[], records: Records): string[] {
  const mine = outcomes.filter(({ delivery }) => delivery.story === story);
  const eventIds = new Set(mine.map(({ event }) => event?.id));
  const rows = distinct(
    mine.flatMap(({ effects }) => effects.map(({ noun, row }) => ({ noun, id: row.id, row }))),
  );
  const notices = distinct(mine.flatMap((outcome) => outcome.notices));
  const audit = records.audit.filter(({ eventId }) => eventId !== null && eventIds.has(eventId));
  const unsent = notices.filter(({ status }) => status !== "sent");
  return [
    ...unequal(
      story,
      "effects",
      rows.map(({ noun, row }) => `${noun} ${stateOf(row)}`),
      ROW_LISTS.flatMap((list) => story.rows[list]),
    ),
    ...unequal(
      story,
      "notices",
      notices.map(({ channel, template }) => `${channel} ${template}`),
      story.told,
    ),
    ...unequal(
      story,
      "audit entries",
      audit.map(({ action }) => action),
      story.audit,
    ),
    ...unsent.map(({ id, status }) => `${story.source}: notice ${id} is ${status}, not sent`),
  ];
}

/** What the stories do not account for, and what the people at the other end really got. */
function ofWhole(outcomes: readonly Outcome[], records: Records): string[] {
  const found: string[] = [];
  const count = (what: string, is: number, should: number): void => {
    if (is !== should) found.push(`${what}: ${is}, not ${should}`);
  };
  count("events", records.events.length, outcomes.length);
  for (const list of ROW_LISTS) {
    count(list, records.rows[list].length, STORIES.flatMap(({ rows }) => rows[list]).length);
  }
  const told = STORIES.flatMap((story) => story.told);
  const via = (channel: string): number => told.filter((t) => t.startsWith(`${channel} `)).length;
  count("notifications", records.notices.length, told.length);
  const eventIds = new Set(outcomes.map(({ event }) => event?.id));
  for (const { action, actor, eventId } of records.audit) {
    if (eventId === null || !eventIds.has(eventId)) {
      found.push(`audit entry ${action} by ${actor}: no story has it`);
    }
  }
  count("dead letters", records.deadLetters.length, 0);
  count("mails in the mailbox", records.mails.length, via("email"));
  count("messages in Slack", records.slackMessages.length, via("slack"));
  const mails = new Set(records.mails.map(({ id }) => id));
  for (const { id, channel, vendorId } of records.notices) {
    if (channel === "email" && !mails.has(vendorId ?? "")) {
      found.push(`notice ${id}: no mail in the mailbox has its vendor id (${vendorId})`);
    }
  }
  return found;
}

function unequal(
  { source }: Story,
  what: string,
  is: readonly string[],
  should: readonly string[],
): string[] {
  const [actual, expected] = [is, should].map((list) => [...list].sort().join(", ") || "none");
  return actual === expected
    ? []
    : [`${source}: ${what} are ${actual}; they should be ${expected}`];
}

function distinct<Row extends { id: string }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}
