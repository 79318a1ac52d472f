import { timeText } from "../channels/wording.js";
import type { Fact, ObjectSaid, SignalFact, SignalRaised } from "../domain/facts.js";
import type { LedgerState } from "../domain/ledger.js";
import { formatMoney } from "../domain/money.js";
import type { Policy } from "../policy/schema.js";
import type { Source } from "../sources/source.js";
import { keyText } from "./record-ledger/join.js";

/** Each asks for an answer of its own: an inquiry that was settled, or given up, may become a dispute all the same. */
const CLAIMS = ["dispute", "inquiry"] as const;
type Claim = (typeof CLAIMS)[number];

/** What a state says of either. `unknown` says nothing: what waits for an answer may wait for it still. */
const SAID_OF: Readonly<
  Record<LedgerState<"dispute">, { readonly [C in Claim]?: "waits" | "over" }>
> = {
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

/**
 * The facts, and beside each word on a dispute what it asks of people: one that waits for an answer is trouble with a
 * time limit, told like any other; answered or decided, it is over. So is an inquiry, which may become a dispute. From
 * the words and not from the events, so that one that was only mentioned, or found by a reconciliation, is told too.
 */
export function withDisputes(
  facts: readonly Fact[],
  source: Pick<Source, "pageOf"> | undefined,
  policy: Policy,
): Fact[] {
  const words = facts.flatMap((fact): readonly Fact[] =>
    fact.kind === "ledger.said" ? fact.words : [fact],
  );
  const signals = words.flatMap((word) =>
    word.kind === "dispute.said" ? signalsOf(word, source, policy) : [],
  );
  return signals.length === 0 ? [...facts] : [...facts, ...signals];
}

type DisputeSaid = Extract<ObjectSaid, { kind: "dispute.said" }>;

function signalsOf(
  { object, said, occurredAt }: DisputeSaid,
  source: Pick<Source, "pageOf"> | undefined,
  policy: Policy,
): SignalFact[] {
  const { state, links } = said;
  const paymentRef = links.paymentRef ?? links.chargeRef ?? "that is not named";
  const paid = { ...object, kind: "payment" as const, externalId: paymentRef };
  return CLAIMS.flatMap((claim): SignalFact[] => {
    const told = SAID_OF[state][claim];
    if (told === undefined) return [];
    const key = keyText(object);
    const groupKey = claim === "dispute" ? key : `${key} ${claim}`;
    const base = { groupKey, signalKind: "payment" as const, occurredAt };
    if (told === "over") {
      const title = `The ${claim} of payment ${paymentRef} is over: ${plain(state)}`;
      return [{ kind: "signal.resolved", ...base, title, by: null }];
    }
    const raised: SignalRaised = {
      kind: "signal.raised",
      ...base,
      title: titleOf(claim, { object, said }, paymentRef, policy),
      level: "warning",
      service: "payments",
      environment: object.livemode ? null : "test",
      url: source?.pageOf?.(links.paymentRef === null ? object : paid) ?? null,
      tags: { dispute: state },
      ours: false,
      aside: true,
      apart: true,
    };
    return [raised];
  });
}

function titleOf(
  claim: Claim,
  { object, said }: Pick<DisputeSaid, "object" | "said">,
  paymentRef: string,
  { timeZone }: Policy,
): string {
  const { amountMinor, currency, details } = said;
  const { reason, answerBy } = details;
  const what = claim === "dispute" ? "Disputed" : "Inquiry";
  const mode = object.livemode ? "" : " in test mode";
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
  return `${what}${mode}:${money} payment ${paymentRef}${why}: ${answer}`;
}

const plain = (word: string): string => word.replaceAll("_", " ");
