import type { CorrectionKind } from "../../domain/correction.js";
import type { Entitlement, Grant } from "../../domain/entitlement.js";
import { Permanent } from "../../domain/errors.js";
import type { Gateway } from "../../domain/gateway.js";
import type { Ids } from "../../domain/ids.js";
import {
  joinWord,
  type LedgerKey,
  type LedgerKind,
  type LedgerObject,
} from "../../domain/ledger.js";
import { type DerivedPayment, derivePayment, type Payment } from "../../domain/payment.js";
import type { Clock, Instant } from "../../domain/time.js";
import { buyerIn } from "../../handlers/record-ledger/buyer.js";
import { grantOfPayment } from "../../handlers/record-ledger/grants.js";
import type { Policy } from "../../policy/schema.js";
import type { Source } from "../../sources/source.js";
import {
  type AffectedMail,
  knownPayments,
  openProposals,
  type Span,
  type TouchedCursor,
  type TouchedPayment,
  touchedIn,
  touchedPayments,
  touchedSubscriptions,
} from "../../store/affected.js";
import type { Database } from "../../store/database.js";
import { readHolds } from "../../store/holds.js";

export interface AffectedDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  policy: Policy;
  sourceById(id: string): Source | undefined;
  gatewayOf(sourceId: string): Gateway | undefined;
}

/** How a payment differs. `waits`: its deliveries may be among the held ones, so nothing is wrong with it yet. */
export const AFFECTED_DIFFERENCES = [
  "missing_here",
  "missing_there",
  "state",
  "amount",
  "received",
  "refunded",
  "currency",
  "user",
  "entitlement",
  "charged_twice",
  "unreadable",
] as const;
export type AffectedDifference = (typeof AFFECTED_DIFFERENCES)[number];

export type Money = Pick<
  Payment,
  "state" | "amountMinor" | "receivedMinor" | "refundedMinor" | "currency"
>;

/** One payment of the time: as it is here, as its source has it now, and what it gives beside what it should give. */
export interface AffectedLine {
  paymentId: string | null;
  account: string;
  livemode: boolean;
  externalId: string;
  userRef: string | null;
  ours: Money | null;
  theirs: Money | null;
  entitlement: Pick<Entitlement, "id" | "userRef" | "packageRef" | "status" | "endsAt"> | null;
  /** What it should give, by the policy of this release and what the source says now. */
  should: Pick<Grant, "userRef" | "packageRef" | "months" | "revoked"> | null;
  mails: AffectedMail[];
  differences: AffectedDifference[];
  /** What would put it right; null: nothing to be done, or a person must look. */
  proposal: CorrectionKind | null;
  /** The open discrepancy of a reconciliation that proposes the same. */
  discrepancyId: string | null;
  waits: boolean;
  /** Why the source could not be asked for it. */
  error: string | null;
}

export interface AffectedRequest extends Span {
  source: string;
  /** Where the page before ended; empty for the first. */
  after: string;
  limit: number;
}

export interface AffectedPage {
  lines: AffectedLine[];
  nextAfter: string | null;
  /** With the first page: how many were touched. What a subscription gives is not in this list. */
  subscriptions: number | null;
}

interface Asking {
  source: Source & Required<Pick<Source, "readObject" | "kindOfId">>;
  gateway: Gateway;
  deps: AffectedDeps;
}

/** Payments at once; each is a few calls, and the gateway paces them all. */
const AT_ONCE = 4;
/** Of one payment: itself, its charges, refunds and disputes. */
const FETCHES_MAX = 12;
/** What a payment's money is told by, beside itself. */
const MONEY_KINDS: readonly LedgerKind[] = ["charge", "refund", "dispute"];
/** The second part of the list: what the source has and we do not. */
const THERE = "there-";

/**
 * A page of what was touched in a time, each beside what the source says now. Nothing is written. After our own
 * payments come those that the source has of the time and we do not (of our own account).
 *
 * @throws Permanent `invalid_request` for a source without a ledger; Transient when the source does not answer.
 */
export async function listAffected(
  request: AffectedRequest,
  deps: AffectedDeps,
): Promise<AffectedPage> {
  const asking = askingOf(request.source, deps);
  const { after, limit } = request;
  if (after.startsWith(THERE)) return listMissing(request, after.slice(THERE.length), asking);
  const { at, subscriptions } = await placeOf(request, deps);
  if (at === null) return { lines: [], nextAfter: THERE, subscriptions };
  const { touched, nextAt } = await touchedPayments(deps.database, request, { at, limit });
  const lines: AffectedLine[] = [];
  for (let n = 0; n < touched.length; n += AT_ONCE) {
    const some = touched.slice(n, n + AT_ONCE);
    lines.push(...(await Promise.all(some.map((one) => lineOf(one, asking)))));
  }
  await propose(lines, asking);
  const nextAfter = nextAt === null ? THERE : `${nextAt.next} ${nextAt.last}`;
  return { lines, nextAfter, subscriptions };
}

async function placeOf(
  { after, ...span }: AffectedRequest,
  { database }: AffectedDeps,
): Promise<{ at: TouchedCursor | null; subscriptions: number | null }> {
  const [next = "", last = ""] = after.split(" ");
  if (last !== "") return { at: { next, last }, subscriptions: null };
  const [at, subscriptions] = await Promise.all([
    touchedIn(database, span),
    touchedSubscriptions(database, span),
  ]);
  return { at, subscriptions };
}

export function askingOf(sourceId: string, deps: AffectedDeps): Asking {
  const source = deps.sourceById(sourceId);
  const gateway = deps.gatewayOf(sourceId);
  if (source?.readObject === undefined || source.kindOfId === undefined || gateway === undefined) {
    throw new Permanent("invalid_request", {
      detail: `source: ${sourceId} has no ledger, or no key to be asked with`,
    });
  }
  const { readObject, kindOfId } = source;
  return { source: { ...source, readObject, kindOfId }, gateway, deps };
}

async function lineOf(touched: TouchedPayment, asking: Asking): Promise<AffectedLine> {
  const { payment, entitlement, mails } = touched;
  const { policy } = asking.deps;
  const line: AffectedLine = {
    ...blank(payment),
    paymentId: payment.id,
    userRef: payment.userRef,
    ours: moneyOf(payment),
    entitlement: entitlement === null ? null : shown(entitlement),
    mails,
  };
  const theirs = await theirsOf(touched, asking);
  if (theirs instanceof Permanent) {
    return { ...line, differences: ["unreadable"], error: theirs.detail ?? theirs.code };
  }
  if (theirs === null) return { ...line, differences: ["missing_there"] };
  const grant = grantOfPayment({ ...payment, ...theirs }, policy.payments);
  const differences = differencesOf(payment, theirs);
  if (!isGiven(entitlement, grant)) differences.push("entitlement");
  if (touched.isSecond) differences.push("charged_twice");
  return { ...line, theirs: moneyOf(theirs), should: shouldOf(grant), differences };
}

const shouldOf = (grant: Grant | null): AffectedLine["should"] => {
  if (grant === null) return null;
  const { userRef, packageRef, months, revoked } = grant;
  return { userRef, packageRef, months, revoked };
};

/** What the source says now of all that makes the payment, derived as it would be if it were adopted. */
async function theirsOf(
  { payment, objects }: TouchedPayment,
  asking: Asking,
): Promise<DerivedPayment | Permanent | null> {
  const { deps, gateway, source } = asking;
  const { account, livemode, externalId } = payment;
  if (!gateway.sees(livemode)) {
    const detail = `no key is set for objects in ${livemode ? "live" : "test"} mode`;
    return new Permanent("gateway_refused", { detail });
  }
  const own = { kind: source.kindOfId(externalId) ?? "payment", account, livemode, externalId };
  const known = new Map(objects.map((row) => [textOf(row), row]));
  const beside = objects.filter(
    (row) => MONEY_KINDS.includes(row.kind) && row.externalId !== externalId,
  );
  try {
    for (const key of [own, ...beside].slice(0, FETCHES_MAX)) {
      const said = await saidNow(key, known.get(textOf(key)) ?? null, asking);
      if (said !== null) known.set(textOf(key), said);
      else if (key === own) return null;
    }
  } catch (error) {
    if (error instanceof Permanent) return error;
    throw error;
  }
  return derivePayment([...known.values()], (payer) => buyerIn(payer, deps.policy.payments));
}

const textOf = ({ kind, externalId }: LedgerKey): string => `${kind} ${externalId}`;

/** The row as it would be after a fetch; null when the source has no such object. */
async function saidNow(
  { kind, account, livemode, externalId }: LedgerKey,
  before: LedgerObject | null,
  { gateway, source, deps }: Asking,
): Promise<LedgerObject | null> {
  const key = { kind, account, livemode, externalId };
  const fetched = await gateway.fetchObject(key);
  if (fetched === null) return null;
  const word = source.readObject(key, fetched.object, fetched.occurredAt);
  const occurredAt = Math.max(word.occurredAt, before?.asOf ?? 0);
  const after = before?.version ?? null;
  const joined = joinWord(
    before,
    { ...word, occurredAt, after },
    { id: before?.id ?? `${kind} ${externalId}`, now: deps.clock.now() },
  );
  return joined.kind === "doubt" ? before : joined.row;
}

function differencesOf(ours: Payment, theirs: DerivedPayment): AffectedDifference[] {
  const pairs: [AffectedDifference, unknown, unknown][] = [
    ["state", ours.state, theirs.state],
    ["amount", ours.amountMinor, theirs.amountMinor],
    ["received", ours.receivedMinor, theirs.receivedMinor],
    ["refunded", ours.refundedMinor, theirs.refundedMinor],
    ["currency", ours.currency, theirs.currency],
    ["user", ours.userRef, theirs.userRef],
  ];
  return pairs.flatMap(([name, here, there]) => (here === there ? [] : [name]));
}

/** True when the row is what the grant makes. When it ends is the fold's business, and follows from these. */
function isGiven(row: Entitlement | null, grant: Grant | null): boolean {
  if (grant === null || row === null) {
    const gives = row !== null && row.status !== "revoked";
    const should = grant !== null && grant.revoked === null;
    return gives === should;
  }
  const isRevoked = row.status === "revoked";
  if (isRevoked || grant.revoked !== null) return isRevoked === (grant.revoked !== null);
  const { userRef, packageRef, months } = grant;
  return row.userRef === userRef && row.packageRef === packageRef && row.months === months;
}

const moneyOf = (from: Money): Money => {
  const { state, amountMinor, receivedMinor, refundedMinor, currency } = from;
  return { state, amountMinor, receivedMinor, refundedMinor, currency };
};

const shown = ({ id, userRef, packageRef, status, endsAt }: Entitlement) => ({
  id,
  userRef,
  packageRef,
  status,
  endsAt,
});

const blank = ({ account, livemode, externalId }: Omit<LedgerKey, "kind">): AffectedLine => ({
  paymentId: null,
  account,
  livemode,
  externalId,
  userRef: null,
  ours: null,
  theirs: null,
  entitlement: null,
  should: null,
  mails: [],
  differences: [],
  proposal: null,
  discrepancyId: null,
  waits: false,
  error: null,
});

/** What would put each right; what a reconciliation has proposed counts where nothing else is wrong. */
async function propose(lines: AffectedLine[], { deps }: Asking): Promise<void> {
  const open = await openProposals(
    deps.database,
    lines.map(({ externalId }) => externalId),
  );
  for (const line of lines) {
    line.proposal = proposalOf(line);
    const proposed = open.filter(
      (one) =>
        one.externalId === line.externalId &&
        one.account === line.account &&
        one.livemode === line.livemode,
    );
    const same = proposed.find(({ kind }) => kind === line.proposal);
    line.discrepancyId = same?.id ?? null;
  }
}

function proposalOf({ differences, entitlement, waits }: AffectedLine): CorrectionKind | null {
  if (differences.length === 0 || differences.includes("unreadable") || waits) return null;
  if (differences.includes("charged_twice")) return "refund"; // its refund derives all the rest anew
  if (!differences.includes("missing_there")) return "adopt";
  return entitlement?.status === "active" ? "revoke" : null;
}

/** A page of what the source has of the time and we do not. While it is held, that is what holding does. */
async function listMissing(
  { from, to, source: id }: AffectedRequest,
  next: string,
  asking: Asking,
): Promise<AffectedPage> {
  const { gateway, source, deps } = asking;
  const livemode = gateway.sees(true);
  const range = { account: "", from, to };
  const page = await gateway
    .listObjects("payment", range, next === "" ? null : next)
    .catch((error: unknown) => {
      if (!(error instanceof Permanent)) throw error;
      throw new Permanent("conflict", { detail: `${id} refuses: ${error.detail ?? error.code}` });
    });
  const ids = page.items.map(({ externalId }) => externalId);
  const known = await knownPayments(deps.database, ids, livemode);
  const { holds } = await readHolds(deps.database);
  const waits = holds.some((hold) => hold.source === id);
  const now: Instant = deps.clock.now();
  const lines = page.items.flatMap(({ externalId, object, occurredAt }): AffectedLine[] => {
    if (known.has(externalId)) return [];
    const key = { kind: "payment" as const, account: "", livemode, externalId };
    const line = { ...blank(key), waits, differences: ["missing_here" as const] };
    try {
      const word = source.readObject(key, object, occurredAt);
      const joined = joinWord(null, word, { id: externalId, now });
      if (joined.kind === "doubt") return [line];
      const derived = derivePayment([joined.row], (payer) => buyerIn(payer, deps.policy.payments));
      return [{ ...line, userRef: derived.userRef, theirs: moneyOf(derived) }];
    } catch (error) {
      if (!(error instanceof Permanent)) throw error;
      return [{ ...line, differences: ["unreadable"], error: error.detail ?? error.code }];
    }
  });
  await propose(lines, asking);
  const nextAfter = page.next === null ? null : `${THERE}${page.next}`;
  return { lines, nextAfter, subscriptions: null };
}
