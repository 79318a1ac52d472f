import { type Expected, expectedOf, type Reader } from "./expected.js";
import { kindOf, type Sent } from "./sent.js";
import type { Policy, Row } from "./stage.js";
import type { Told } from "./story.js";

/** A notice as the admin API shows it. */
export interface NoticeRow {
  id: string;
  channel: string;
  template: string;
  recipient: string;
  status: string;
  cause: string;
  locale: string;
  createdAt: string;
  sentAt: string | null;
}

export interface Seen {
  policy: Policy;
  told: Told;
  readers: readonly Reader[];
  notices: readonly NoticeRow[];
  messages: readonly Sent[];
  incidents: readonly Row[];
  deadLetters: readonly Row[];
  /** The zone that times are written in. */
  timeText(at: number): string;
}

/** Everything that is not as it should be, in sentences; and how much was looked at. */
export interface Verdict {
  expected: Expected[];
  messages: number;
  wrong: string[];
}

/**
 * Two questions: does each notice that counts as sent stand at the vendor once, and nothing there that is no notice;
 * and is what was sent what the policy asks for, to whom and when.
 */
export function judge(seen: Seen): Verdict {
  const expected = expectedOf(seen.policy, seen.told, seen.readers);
  const wrong = [
    ...seen.told.surprises,
    ...atVendors(seen),
    ...byPolicy(expected, seen),
    ...ended(seen),
  ];
  return { expected, messages: seen.messages.length, wrong };
}

const isSent = ({ status }: NoticeRow): boolean => status === "sent" || status === "delivered";

/** Each notice once at its vendor, at its own time: the clock stands still while anything is sent. */
function atVendors({ notices, messages, timeText }: Seen): string[] {
  const wrong: string[] = [];
  const left = [...messages];
  for (const { id, channel, template, recipient, sentAt } of notices.filter(isSent)) {
    const at = Date.parse(sentAt ?? "");
    const kind = kindOf(channel, template);
    const found = left.findIndex(
      (one) =>
        one.channel === channel && one.to === recipient && one.kind === kind && one.at === at,
    );
    if (found >= 0) left.splice(found, 1);
    else {
      wrong.push(
        `${id} counts as sent (${template} by ${channel} to ${recipient}, ${timeText(at)}), and is not at the vendor`,
      );
    }
  }
  for (const { at, channel, to, kind, headline } of left) {
    wrong.push(
      `${channel} has a message to ${to} that no notice stands for: ${kind}, ${timeText(at)}, "${headline.slice(0, 80)}"`,
    );
  }
  return wrong;
}

function byPolicy(expected: readonly Expected[], { notices, readers, timeText }: Seen): string[] {
  const wrong: string[] = [];
  const left = notices
    .filter(isSent)
    .map((notice) => ({ ...notice, at: Date.parse(notice.sentAt ?? "") }));
  const fits = (one: (typeof left)[number], wanted: Expected): boolean =>
    one.channel === wanted.channel &&
    one.recipient === wanted.to &&
    one.template === wanted.template &&
    (wanted.incidentId === null || one.cause.includes(wanted.incidentId));
  const missing: Expected[] = [];
  for (const wanted of expected) {
    const found = left.findIndex(
      (one) => fits(one, wanted) && one.at >= wanted.from && one.at <= wanted.until,
    );
    if (found >= 0) left.splice(found, 1);
    else missing.push(wanted);
  }
  for (const wanted of missing) {
    const { template, channel, to, from, because } = wanted;
    const what = `${template} by ${channel} to ${to} at ${timeText(from)}`;
    const late = left.findIndex((one) => fits(one, wanted) && one.at > wanted.until);
    if (late < 0) wrong.push(`missing: ${what} (${because})`);
    else {
      const [one] = left.splice(late, 1);
      wrong.push(`late: ${what} (${because}) left at ${timeText(one?.at ?? 0)}`);
    }
  }
  for (const { template, channel, recipient, at, cause } of left) {
    const same = expected.some(
      (one) => one.template === template && one.channel === channel && one.to === recipient,
    );
    const what = same ? "doubled, or early" : "nobody asked for it";
    wrong.push(`${what}: ${template} by ${channel} to ${recipient} at ${timeText(at)} (${cause})`);
  }
  for (const { email, locale } of readers) {
    const others = notices.filter((one) => one.recipient === email && one.locale !== locale);
    if (others.length > 0)
      wrong.push(`${email} reads ${locale}, and was written to in another language`);
  }
  return wrong;
}

function ended({ incidents, told, deadLetters, notices }: Seen): string[] {
  const wrong: string[] = [];
  const wanted = told.outages.map(({ incidentId }) => incidentId).sort();
  const found = incidents.map(({ id }) => String(id)).sort();
  if (wanted.join() !== found.join()) {
    wrong.push(`incidents: ${found.join(", ") || "none"}, not ${wanted.join(", ")}`);
  }
  for (const { id, status } of incidents) {
    if (status !== "resolved") wrong.push(`${String(id)} is ${String(status)}, and should be over`);
  }
  if (deadLetters.length > 0)
    wrong.push(`${deadLetters.length} dead letters, where none should be`);
  for (const { id, status } of notices) {
    if (!["sent", "delivered", "canceled"].includes(status)) wrong.push(`${id} is ${status}`);
  }
  return wrong;
}
