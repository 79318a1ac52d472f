import type { Row, Stage } from "./stage.js";
import { PRICE_MINOR, type Told } from "./story.js";

const MINUTE_MS = 60_000;
const HELD_WITHIN_MS = 2 * MINUTE_MS;
const TOLD_WITHIN_MS = 120 * MINUTE_MS;

/** What each payment is to be in the end, and what it gives; null gives nothing. */
const ENDS: Readonly<
  Record<string, { state: string; refundedMinor: number; gives: "active" | "revoked" | null }>
> = {
  nok: { state: "succeeded", refundedMinor: 0, gives: "active" },
  ploy: { state: "succeeded", refundedMinor: 0, gives: "active" },
  somchai: { state: "succeeded", refundedMinor: 0, gives: "active" },
  malee: { state: "succeeded", refundedMinor: 0, gives: "active" },
  "malee, again": { state: "succeeded", refundedMinor: PRICE_MINOR, gives: "revoked" },
  anan: { state: "canceled", refundedMinor: 0, gives: null },
  kanya: { state: "succeeded", refundedMinor: 0, gives: "active" },
  suda: { state: "succeeded", refundedMinor: 0, gives: "active" },
};

/** All mails of the story, by who gets them; a corrected payment was told before as it was recorded then. */
const MAILS: Readonly<Record<string, readonly string[]>> = {
  nok: ["payment-received th"],
  ploy: ["payment-corrected th", "payment-received th"],
  somchai: ["payment-corrected en", "payment-received en"],
  malee: [
    "payment-corrected th",
    "payment-corrected th",
    "payment-received th",
    "payment-received th",
    "refund-issued th",
  ],
  anan: ["payment-corrected th", "payments-paused th", "payments-resumed th"],
  kanya: ["payment-received th"],
  suda: ["payment-received th"],
};

const CORRECTIONS: Readonly<Record<string, string>> = {
  ploy: "adopt applied, anna, anna, anna",
  somchai: "adopt applied, anna, anna, anna",
  malee: "adopt applied, anna, anna, anna",
  "malee, again": "refund applied, anna, ben, anna",
  anan: "cancel applied, anna, anna, anna",
};

/** What the judge looks at. */
export type Seen = Pick<Stage, "rows" | "mails" | "shop" | "signalbox">;

/** Everything that is not as it should be, in sentences; and what was looked at. */
export interface Verdict {
  checked: string[];
  wrong: string[];
}

/** Looks at the ledger, at Stripe, at the mailbox and at the audit trail, not at what the commands said. */
export async function judge(stage: Seen, told: Told): Promise<Verdict> {
  const verdict: Verdict = { checked: [], wrong: [...told.surprises] };
  const check = (what: string, is: unknown, should: unknown): void => {
    verdict.checked.push(what);
    const [found, wanted] = [JSON.stringify(is), JSON.stringify(should)];
    if (found !== wanted) verdict.wrong.push(`${what}: ${found}, not ${wanted}`);
  };
  await judgeLedger(stage, told, check);
  await judgeGateway(stage, told, check);
  await judgeMails(stage, told, check);
  await judgeTrail(stage, told, check);
  return verdict;
}

type Check = (what: string, is: unknown, should: unknown) => void;

async function judgeLedger(stage: Seen, { payments }: Told, check: Check): Promise<void> {
  const [rows, entitlements] = await Promise.all([
    stage.rows("payments"),
    stage.rows("entitlements"),
  ]);
  check("payments in the ledger", rows.length, Object.keys(ENDS).length);
  for (const [name, { state, refundedMinor, gives }] of Object.entries(ENDS)) {
    const row = rows.find(({ externalId }) => externalId === payments[name]);
    check(`${name}: payment`, [row?.state, row?.refundedMinor], [state, refundedMinor]);
    const given = entitlements.find(({ paymentId }) => paymentId === row?.id);
    const is = given === undefined ? null : [given.packageRef, given.status, given.months];
    check(`${name}: entitlement`, is, gives === null ? null : ["ADVANCED", gives, 6]);
  }
  const active = entitlements.filter(({ status }) => status === "active");
  const users = active.map(({ userRef }) => userRef).sort();
  check("users with ADVANCED", users, ["kanya", "malee", "nok", "ploy", "somchai", "suda"]);
  const isSixMonths = active.every(({ startsAt, endsAt }) => monthsBetween(startsAt, endsAt) === 6);
  check("each of them for six months", isSixMonths, true);
  check("open dead letters", await stage.rows("dead-letters"), []);
  const held = (await stage.rows("events")).filter(({ status }) => status === "held");
  check("events that are still held", held.length, 0);
}

function monthsBetween(from: unknown, to: unknown): number {
  const [a, b] = [new Date(String(from)), new Date(String(to))];
  return (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + b.getUTCMonth() - a.getUTCMonth();
}

async function judgeGateway(
  stage: Seen,
  { payments, corrections }: Told,
  check: Check,
): Promise<void> {
  for (const [name, { state }] of Object.entries(ENDS)) {
    const status = await stage.shop.statusOf(payments[name] ?? "");
    check(`${name}: at Stripe`, status, state);
  }
  const refunds = await stage.shop.refunds();
  const told = refunds.map(({ payment, amountMinor, status }) => [payment, amountMinor, status]);
  check("refunds at Stripe", told, [[payments["malee, again"], PRICE_MINOR, "succeeded"]]);
  const applied = await stage.rows("corrections");
  const refund = applied.find(({ id }) => id === corrections["malee, again"]);
  check("the refund's id at Stripe is kept", refund?.vendorRef, refunds[0]?.id);
}

async function judgeMails(stage: Seen, { noticedAt }: Told, check: Check): Promise<void> {
  const [notices, mailbox] = await Promise.all([stage.rows("notifications"), stage.mails()]);
  const inbox = new Set(mailbox.map(({ id }) => id));
  check("mails in the mailbox", mailbox.length, Object.values(MAILS).flat().length);
  for (const [user, wanted] of Object.entries(MAILS)) {
    const mine = notices.filter(({ recipient }) => recipient === `${user}@example.com`);
    const got = mine
      .filter(({ status, vendorId }) => status === "sent" && inbox.has(vendorId))
      .map(({ template, locale }) => `${template} ${locale}`);
    check(`${user}: mails`, got.sort(), wanted);
  }
  const after = notices
    .filter(({ template }) => template === "payment-corrected")
    .map(({ sentAt }) => Date.parse(String(sentAt)) - noticedAt);
  check("the affected were told within 2 hours", Math.max(...after) < TOLD_WITHIN_MS, true);
}

async function judgeTrail(stage: Seen, told: Told, check: Check): Promise<void> {
  const name = (actor: unknown): string => String(actor).replace("operator:", "");
  const rows = await stage.rows("corrections");
  check("corrections", rows.length, Object.keys(CORRECTIONS).length);
  for (const [payment, wanted] of Object.entries(CORRECTIONS)) {
    const row = rows.find(({ id }) => id === told.corrections[payment]);
    const people = [row?.plannedBy, row?.approvedBy, row?.appliedBy].map(name).join(", ");
    check(`${payment}: correction`, `${row?.kind} ${row?.status}, ${people}`, wanted);
  }
  const audit = await stage.rows("audit");
  const by = (action: string) =>
    audit.filter((row) => row.action === action).map(({ actor }) => name(actor));
  check("who held", by("source.held"), ["anna"]);
  check("who released", by("source.released"), ["anna"]);
  check("who approved the refund", by("correction.approved"), ["ben"]);
  check("corrections that were applied", by("correction.applied").length, rows.length);
  check("held within 2 minutes", told.heldAt - told.noticedAt < HELD_WITHIN_MS, true);
  const span = ["payments", "affected", "--from", told.failedFrom, "--json"];
  const { out } = await stage.signalbox(span, told.keys.anna);
  const lines = (JSON.parse(out) as { data: Row[] }).data;
  check(
    "affected payments that still differ",
    lines.filter(({ differs }) => differs === true),
    [],
  );
}
