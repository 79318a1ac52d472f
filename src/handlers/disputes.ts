import { timeText } from "../channels/wording.js";
import type { Fact, ObjectSaid, SignalFact } from "../domain/facts.js";
import { decimalOf } from "../domain/money.js";
import type { Policy } from "../policy/schema.js";
import type { Source } from "../sources/source.js";
import { keyText } from "./record-ledger/join.js";

/**
 * The facts, and beside each word on a dispute what it asks of people: one that waits for an answer is trouble with a
 * time limit, told like any other; answered or decided, it is over. From the words and not from the events, so that one
 * that was only mentioned, or found by a reconciliation, is told too.
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
    word.kind === "dispute.said" ? [signalOf(word, source, policy)] : [],
  );
  return signals.length === 0 ? [...facts] : [...facts, ...signals];
}

type DisputeSaid = Extract<ObjectSaid, { kind: "dispute.said" }>;

function signalOf(
  { object, said, occurredAt }: DisputeSaid,
  source: Pick<Source, "pageOf"> | undefined,
  policy: Policy,
): SignalFact {
  const { state, links } = said;
  const paymentRef = links.paymentRef ?? links.chargeRef ?? "that is not named";
  const base = { groupKey: keyText(object), signalKind: "payment" as const, occurredAt };
  if (state !== "needs_response") {
    const title = `The dispute of payment ${paymentRef} is ${plain(state)}`;
    return { kind: "signal.resolved", ...base, title, by: null };
  }
  const paid = { ...object, kind: "payment" as const, externalId: paymentRef };
  return {
    kind: "signal.raised",
    ...base,
    title: titleOf(said, paymentRef, policy),
    level: "warning",
    service: "payments",
    environment: object.livemode ? null : "test",
    url: source?.pageOf?.(links.paymentRef === null ? object : paid) ?? null,
    tags: { dispute: state },
    ours: false,
    aside: true,
    apart: true,
  };
}

function titleOf(
  { amountMinor, currency, details }: DisputeSaid["said"],
  paymentRef: string,
  { timeZone }: Policy,
): string {
  const { reason, answerBy } = details;
  const money =
    amountMinor === null || currency === null
      ? ""
      : ` ${decimalOf({ amountMinor, currency })} ${currency} of`;
  const why = reason === null ? "" : ` (${plain(reason)})`;
  const answer =
    answerBy === null
      ? "its bank takes no answer"
      : `send evidence by ${timeText(answerBy, "en-GB", timeZone)}, or the money is lost`;
  return `Disputed:${money} payment ${paymentRef}${why}: ${answer}`;
}

const plain = (word: string): string => word.replaceAll("_", " ");
