import { timeText } from "../channels/wording.js";
import type { Fact, ObjectSaid, SignalFact } from "../domain/facts.js";
import type { LedgerKey, LedgerState } from "../domain/ledger.js";
import { formatMoney } from "../domain/money.js";
import type { Policy } from "../policy/schema.js";
import type { Source } from "../sources/source.js";
import { keyText } from "./record-ledger/join.js";

/** Each asks for an answer of its own: an inquiry that was settled, or given up, may become a dispute all the same. */
const CLAIMS = ["dispute", "inquiry"] as const;
type Claim = (typeof CLAIMS)[number];

type Told = "waits" | "over";

/** What a state says of either. `unknown` says nothing: what waits for an answer may wait for it still. */
const SAID_OF: Readonly<Record<LedgerState<"dispute">, { readonly [C in Claim]?: Told }>> = {
  warning_needs_response: { inquiry: "waits" },
  warning: { inquiry: "over" },
  warning_closed: { inquiry: "over" },
  needs_response: { inquiry: "over", dispute: "waits" },
  under_review: { inquiry: "over", dispute: "over" },
  prevented: { inquiry: "over", dispute: "over" },
  won: { inquiry: "over", dispute: "over" },
  lost: { inquiry: "over", dispute: "over" },
  unknown: {},
};

/** A warning is over once the payment was refunded, or is disputed, which is told by itself. */
const SAID_OF_WARNING: Readonly<Partial<Record<LedgerState<"fraud_warning">, Told>>> = {
  actionable: "waits",
  closed: "over",
};

type Word<K extends "dispute" | "fraud_warning"> = Extract<ObjectSaid, { kind: `${K}.said` }>;
type PageOf = Pick<Source, "pageOf"> | undefined;

/** What a word asks of people, or that nothing is asked any more. */
interface Ask {
  name: Claim | "fraud warning";
  groupKey: string;
  told: Told;
  /** While it waits. */
  title: string;
  tags: Readonly<Record<string, string>>;
}

/**
 * The facts, and beside each word on a dispute or a suspected fraud what it asks of people: one that waits for an answer is
 * trouble, a dispute's with a time limit, told like any other; answered or decided, it is over. So is an inquiry, which may become a
 * dispute, and an issuer's warning, which a refund can still keep from becoming one. From the words and not from the
 * events, so that one that was only mentioned, or found by a reconciliation, is told too.
 */
export function withPaymentTrouble(facts: readonly Fact[], source: PageOf, policy: Policy): Fact[] {
  const words = facts.flatMap((fact): readonly Fact[] =>
    fact.kind === "ledger.said" ? fact.words : [fact],
  );
  const signals = words.flatMap((word): SignalFact[] => {
    if (word.kind === "dispute.said") {
      return disputeAsks(word, policy).map((ask) => signalOf(ask, word, source));
    }
    if (word.kind === "fraud_warning.said") {
      return warningAsks(word).map((ask) => signalOf(ask, word, source));
    }
    return [];
  });
  return signals.length === 0 ? [...facts] : [...facts, ...signals];
}

function disputeAsks(word: Word<"dispute">, policy: Policy): Ask[] {
  const { state } = word.said;
  return CLAIMS.flatMap((name): Ask[] => {
    const told = SAID_OF[state][name];
    if (told === undefined) return [];
    const key = keyText(word.object);
    const groupKey = name === "dispute" ? key : `${key} ${name}`;
    return [
      { name, groupKey, told, title: disputeTitle(name, word, policy), tags: { dispute: state } },
    ];
  });
}

function warningAsks({ object, said }: Word<"fraud_warning">): Ask[] {
  const { state, details } = said;
  const told = SAID_OF_WARNING[state];
  if (told === undefined) return [];
  const why = details.fraudType === null ? "" : ` (${plain(details.fraudType)})`;
  const title = `Fraud warning${modeOf(object)}: payment ${paymentOf(said)}${why}: unless it is refunded in full, it may become a dispute`;
  return [
    {
      name: "fraud warning",
      groupKey: keyText(object),
      told,
      title,
      tags: { fraud: state },
    },
  ];
}

function signalOf(
  { name, groupKey, told, title, tags }: Ask,
  { object, said, occurredAt }: Word<"dispute" | "fraud_warning">,
  source: PageOf,
): SignalFact {
  const base = { groupKey, signalKind: "payment" as const, occurredAt };
  if (told === "over") {
    const how = name === "fraud warning" ? "refunded, or disputed" : plain(said.state);
    const end = `The ${name} of payment ${paymentOf(said)} is over: ${how}`;
    return { kind: "signal.resolved", ...base, title: end, by: null };
  }
  return {
    kind: "signal.raised",
    ...base,
    title,
    level: "warning",
    service: "payments",
    environment: object.livemode ? null : "test",
    url: pageOf({ object, said }, source),
    tags,
    ours: false,
    aside: true,
    apart: true,
  };
}

/** The payment's page, or its charge's; a dispute has one of its own. */
function pageOf(
  { object, said }: Pick<Word<"dispute" | "fraud_warning">, "object" | "said">,
  source: PageOf,
): string | null {
  const { paymentRef, chargeRef } = said.links;
  if (paymentRef === null && object.kind === "dispute") return source?.pageOf?.(object) ?? null;
  const externalId = paymentRef ?? chargeRef;
  if (externalId === null) return null;
  return source?.pageOf?.({ ...object, kind: "payment", externalId }) ?? null;
}

function disputeTitle(
  claim: Claim,
  { object, said }: Word<"dispute">,
  { timeZone }: Policy,
): string {
  const { amountMinor, currency, details } = said;
  const { reason, answerBy } = details;
  const what = claim === "dispute" ? "Disputed" : "Inquiry";
  const money =
    amountMinor === null || currency === null
      ? ""
      : ` ${formatMoney({ amountMinor, currency }, "en", "code").replace("\u00a0", " ")} of`;
  const why = reason === null ? "" : ` (${plain(reason)})`;
  const otherwise = claim === "dispute" ? "the money is lost" : "it may become a dispute";
  const answer =
    answerBy === null
      ? "its bank takes no answer"
      : `send evidence by ${timeText(answerBy, "en-GB", timeZone)}, or ${otherwise}`;
  return `${what}${modeOf(object)}:${money} payment ${paymentOf(said)}${why}: ${answer}`;
}

const modeOf = ({ livemode }: LedgerKey): string => (livemode ? "" : " in test mode");

const paymentOf = ({ links }: Word<"dispute" | "fraud_warning">["said"]): string =>
  links.paymentRef ?? links.chargeRef ?? "that is not named";

const plain = (word: string): string => word.replaceAll("_", " ");
