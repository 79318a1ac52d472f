import { canonicalJson } from "./canonical-json.js";
import type { Instant } from "./time.js";

/**
 * What the ledger knows of a kind of object, and how final each of its states is. A state of a higher rank is never
 * left for one of a lower (`paid` is not undone by a late `open`); states of one rank may follow one another.
 * `unknown` is a state that a source has named and we have no word for. `docs/reference/states.md` draws this table.
 */
export const LEDGER_STATES = {
  payment: {
    pending: 0,
    action_required: 0,
    processing: 0,
    authorized: 0,
    failed: 0,
    canceled: 1,
    succeeded: 2,
  },
  charge: { pending: 0, authorized: 0, failed: 1, expired: 1, succeeded: 2 },
  /** A refund that was paid out may still come back from the bank: `failed` is the last word. */
  refund: { pending: 0, action_required: 0, succeeded: 1, canceled: 2, failed: 2 },
  /** Before it is a dispute it may be an inquiry, which takes no money: `warning` is one that was answered. */
  dispute: {
    warning_needs_response: 0,
    warning: 0,
    needs_response: 0,
    under_review: 0,
    warning_closed: 1,
    prevented: 1,
    won: 1,
    lost: 1,
  },
  fraud_warning: { actionable: 0, closed: 0 },
  /** `uncollectible` may still be paid or voided. */
  invoice: { draft: 0, open: 0, uncollectible: 0, paid: 1, void: 1, deleted: 1 },
  invoice_payment: { open: 0, canceled: 1, paid: 1 },
  subscription: {
    incomplete: 0,
    trialing: 0,
    active: 0,
    past_due: 0,
    unpaid: 0,
    paused: 0,
    incomplete_expired: 1,
    canceled: 1,
  },
  customer: { active: 0, deleted: 1 },
  checkout: { open: 0, expired: 1, complete: 1 },
} as const satisfies Record<string, Record<string, number>>;

export type LedgerKind = keyof typeof LEDGER_STATES;
/** Of several kinds any state of any of them. */
export type LedgerState<K extends LedgerKind> = K extends LedgerKind
  ? (keyof (typeof LEDGER_STATES)[K] & string) | "unknown"
  : never;
export const LEDGER_KINDS = Object.keys(LEDGER_STATES) as readonly LedgerKind[];

/** One object is one row by these four. */
export interface LedgerKey {
  kind: LedgerKind;
  /** The connected account at the gateway; empty for our own. */
  account: string;
  livemode: boolean;
  externalId: string;
}

/** Other objects, by their external ids. Set once at the source, so that what one word leaves out another may give. */
export interface Links {
  customerRef: string | null;
  /** The payment that a charge, refund, dispute or checkout belongs to; the charge's own id where it has none. */
  paymentRef: string | null;
  chargeRef: string | null;
  invoiceRef: string | null;
  subscriptionRef: string | null;
}

/** A payment belongs to itself, as its charges do: one look by `paymentRef` finds all that it is made of. */
const OWN_LINK: { readonly [K in LedgerKind]?: keyof Links } = {
  payment: "paymentRef",
  charge: "chargeRef",
  invoice: "invoiceRef",
  subscription: "subscriptionRef",
  customer: "customerRef",
};

/** The links of a word, and the object's own place among them. */
export function linksOf({ object, said }: AnyWord): Links {
  const own = OWN_LINK[object.kind];
  return own === undefined ? said.links : { ...said.links, [own]: object.externalId };
}

/** Who pays, as far as an object says. What the metadata means is the policy's business. */
export interface Payer {
  email: string | null;
  name: string | null;
  /** BCP 47, as the payer chose it: `th`, `en-GB`. */
  locale: string | null;
  /** The platform's own reference beside the metadata. */
  clientRef: string | null;
  metadata: Readonly<Record<string, string>>;
}

export interface Failure {
  code: string;
  message: string;
}

/** What only one kind has. Amounts are minor units of the object's currency, times instants. */
export interface LedgerDetails {
  payment: Payer & { receivedMinor: number; failure: Failure | null };
  charge: Payer & { capturedMinor: number; refundedMinor: number; failure: Failure | null };
  refund: { reason: string | null; failureReason: string | null };
  dispute: { reason: string | null; answerBy: Instant | null };
  fraud_warning: { fraudType: string | null };
  invoice: Payer & {
    number: string | null;
    paidMinor: number;
    dueMinor: number;
    /** Why it was made, in the ledger's words. */
    reason: "start" | "renewal" | "change" | "other";
    attempts: number;
    nextAttemptAt: Instant | null;
    /** Where the payer can pay it. */
    url: string | null;
    /** The service that is paid for, from its lines. */
    periodStart: Instant | null;
    periodEnd: Instant | null;
  };
  invoice_payment: Record<never, never>;
  subscription: {
    metadata: Readonly<Record<string, string>>;
    periodStart: Instant | null;
    periodEnd: Instant | null;
    trialEnd: Instant | null;
    /** When a cancellation that was asked for takes effect. */
    cancelAt: Instant | null;
    endedAt: Instant | null;
    items: readonly { price: string | null; product: string | null; quantity: number }[];
  };
  customer: Payer;
  checkout: Payer & { mode: "payment" | "subscription" | "setup"; paid: boolean };
}

/** The whole of an object at one moment, as its source said it. */
export interface Said<K extends LedgerKind = LedgerKind> {
  state: LedgerState<K>;
  amountMinor: number | null;
  /** ISO 4217, upper case. */
  currency: string | null;
  links: Links;
  details: LedgerDetails[K];
  /** When the object came to be at its source. */
  bornAt: Instant | null;
}

/** A word of a source: an event's copy of the object, or the object itself, fetched. */
export interface Word<K extends LedgerKind = LedgerKind> {
  object: LedgerKey & { kind: K };
  said: Said<K>;
  /** Of an event the time of the change; of a fetch the source's own clock at the answer. Whole seconds at some sources. */
  occurredAt: Instant;
  authority: "event" | "fetched";
  /**
   * Set by the engine on what it fetched to settle a doubt: the version of the row that was read before the fetch (null:
   * there was none). While the row is still that, the fetch is newer than all that the row was made of.
   */
  after?: number | null;
  /** Set by the engine when the source cannot be asked: a doubt is then decided by rule. */
  alone?: boolean;
}

/** A word on an object of any kind. */
export type AnyWord = { [K in LedgerKind]: Word<K> }[LedgerKind];

/** An object as the ledger has it. */
export interface LedgerObject extends LedgerKey, Links {
  id: string;
  state: string;
  /** The first word of a final state; of any other the last one. */
  stateAsOf: Instant;
  amountMinor: number | null;
  currency: string | null;
  details: LedgerDetails[LedgerKind];
  bornAt: Instant | null;
  /** The moment that the rest is true of. */
  asOf: Instant;
  authority: Word["authority"];
  /** The platform's user that it names, as the policy of the day read it; to find objects of one user. */
  userRef: string | null;
  /** Transitions that people were told of: each is told once. */
  told: readonly string[];
  createdAt: Instant;
  updatedAt: Instant;
  version: number;
}

/** One of which the kind is known, and with it what only that kind has. */
export type ObjectOf<K extends LedgerKind> = LedgerObject & {
  kind: K;
  state: LedgerState<K>;
  details: LedgerDetails[K];
};

export const isKind =
  <K extends LedgerKind>(kind: K) =>
  (one: LedgerObject): one is ObjectOf<K> =>
    one.kind === kind;

/**
 * Counts the decisions on all objects of one subscription, which several workers may add to at the same time; a payment's
 * own row does that for its objects.
 */
export interface SubscriptionVersion {
  /** Made of the subscription's key. */
  id: string;
  version: number;
}

/** How final a state is: see `LEDGER_STATES`. */
export function rankOf(kind: LedgerKind, state: string): number {
  return (LEDGER_STATES[kind] as Readonly<Record<string, number>>)[state] ?? 0;
}

export type Joined =
  /** Nothing changes: the row has this word, or a later one. */
  | { kind: "kept"; row: LedgerObject }
  | { kind: "joined"; row: LedgerObject }
  /** The words contradict each other, and only the source can tell which is the later. */
  | { kind: "doubt"; why: string };

/** What the order of two words by time and the finality of their states say of the new one. */
type Verdict = "replaces" | "is_older" | { doubt: string };

/**
 * Joins a word into the row. What comes out does not depend on the order in which words come: the later word
 * stands, a final state is never left, and where those two disagree, or two words of one moment do, it is a doubt.
 *
 * @param before null when nothing is known of the object yet.
 * @param id for a row that is new.
 */
export function joinWord(
  before: LedgerObject | null,
  word: AnyWord,
  { id, now }: { id: string; now: Instant },
): Joined {
  const { links: _links, ...said } = word.said;
  const links = linksOf(word);
  if (before === null) {
    const { object, occurredAt, authority } = word;
    const times = { stateAsOf: occurredAt, asOf: occurredAt, createdAt: now, updatedAt: now };
    const kept = { authority, userRef: null, told: [], version: 0 };
    const row = { id, ...object, ...links, ...said, ...times, ...kept };
    return { kind: "joined", row };
  }
  const verdict = judge(before, word);
  if (typeof verdict === "object") return { kind: "doubt", why: verdict.doubt };
  const next: LedgerObject = { ...before, ...joinLinks(before, links) };
  if (verdict === "replaces") {
    Object.assign(next, said);
    next.asOf = Math.max(before.asOf, word.occurredAt);
    next.authority = word.authority;
    next.stateAsOf = word.occurredAt;
  }
  if (said.state === before.state && rankOf(before.kind, before.state) > 0) {
    next.stateAsOf = Math.min(before.stateAsOf, word.occurredAt); // the first word of it, whoever comes first
  }
  if (canonicalJson(next) === canonicalJson(before)) return { kind: "kept", row: before };
  return { kind: "joined", row: { ...next, updatedAt: now } };
}

function judge(before: LedgerObject, word: AnyWord): Verdict {
  const { said } = word;
  if (word.after === before.version) return "replaces"; // read after all that the row was made of
  const later = word.occurredAt - before.asOf;
  // The same once more: the row is true of that moment too, or a word from between would seem newer.
  if (isSame(before, said)) return later > 0 ? "replaces" : "is_older";
  const rank = rankOf(before.kind, said.state);
  const higher = rank - rankOf(before.kind, before.state);
  if (later === 0 && higher !== 0) return higher > 0 ? "replaces" : "is_older";
  if (later > 0 && higher > 0) return "replaces";
  if (later < 0 && higher <= 0) return "is_older";
  const bothFinal = higher === 0 && rank > 0 && said.state !== before.state;
  if (later > 0 && higher === 0 && !bothFinal) return "replaces";
  if (word.alone === true) return judgeAlone(before, word);
  const when = later === 0 ? "at the moment of" : later > 0 ? "after" : "before";
  return { doubt: `${said.state} is said ${when} ${before.state}` };
}

/** Nobody can be asked: a final state stands, and of two words of one moment always the same one, whichever came first. */
function judgeAlone(before: LedgerObject, word: AnyWord): Verdict {
  const { said, occurredAt } = word;
  const higher = rankOf(before.kind, said.state) - rankOf(before.kind, before.state);
  if (higher !== 0) return higher > 0 ? "replaces" : "is_older";
  if (occurredAt !== before.asOf) return occurredAt > before.asOf ? "replaces" : "is_older";
  return canonicalJson(contentOf(said)) > canonicalJson(contentOf(before))
    ? "replaces"
    : "is_older";
}

type Content = Pick<LedgerObject, "state" | "amountMinor" | "currency" | "details" | "bornAt">;
const contentOf = ({ state, amountMinor, currency, details, bornAt }: Content): Content => ({
  state,
  amountMinor,
  currency,
  details,
  bornAt,
});

const isSame = (before: LedgerObject, said: AnyWord["said"]): boolean =>
  canonicalJson(contentOf(before)) === canonicalJson(contentOf(said));

/** Links are set once: what is known stays, what a word leaves out is not forgotten. */
function joinLinks(before: Links, links: Links): Links {
  return {
    customerRef: before.customerRef ?? links.customerRef,
    paymentRef: before.paymentRef ?? links.paymentRef,
    chargeRef: before.chargeRef ?? links.chargeRef,
    invoiceRef: before.invoiceRef ?? links.invoiceRef,
    subscriptionRef: before.subscriptionRef ?? links.subscriptionRef,
  };
}
