import type { LedgerKind } from "../../domain/ledger.js";
import type { BalanceLine, Side } from "../../domain/reconciliation.js";

type Money = Pick<Side, "state" | "amountMinor" | "currency">;

/** Counts and sums by kind, currency and state, kept while a run goes through its objects. Sums are whole minor units. */
export class Balance {
  readonly #lines = new Map<string, BalanceLine>();

  constructor(lines: readonly BalanceLine[]) {
    for (const line of lines) this.#lines.set(keyOf(line), structuredClone(line));
  }

  /** An object on which both sides agree; `theirs` null where it is only ours, and the other way round. */
  add(kind: LedgerKind, ours: Money | null, theirs: Money | null): void {
    this.#count(kind, "ours", ours, 1);
    this.#count(kind, "theirs", theirs, 1);
  }

  /** What was counted differs, and a discrepancy says so; `-1` takes that back. */
  explain(kind: LedgerKind, ours: Money | null, theirs: Money | null, times: 1 | -1): void {
    this.#count(kind, "explained", theirs, times);
    this.#count(kind, "explained", ours, times === 1 ? -1 : 1);
  }

  /** A row of ours is now what the source says. */
  heal(kind: LedgerKind, before: Money | null, after: Money | null): void {
    this.#count(kind, "ours", before, -1);
    this.#count(kind, "ours", after, 1);
  }

  /** The source says something else than it did when it was counted. */
  moved(kind: LedgerKind, before: Money | null, after: Money | null): void {
    this.#count(kind, "theirs", before, -1);
    this.#count(kind, "theirs", after, 1);
  }

  lines(): BalanceLine[] {
    const isEmpty = ({ ours, theirs, explained }: BalanceLine): boolean =>
      [ours, theirs, explained].every(({ count, sumMinor }) => count === 0 && sumMinor === 0);
    const all = [...this.#lines.values()].filter((line) => !isEmpty(line));
    return all.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  #count(
    kind: LedgerKind,
    side: "ours" | "theirs" | "explained",
    money: Money | null,
    times: 1 | -1,
  ): void {
    if (money === null || money.amountMinor === null || money.currency === null) return;
    const { state, currency, amountMinor } = money;
    const none = () => ({ count: 0, sumMinor: 0 });
    const fresh = { kind, currency, state, ours: none(), theirs: none(), explained: none() };
    const line = this.#lines.get(keyOf(fresh)) ?? fresh;
    this.#lines.set(keyOf(line), line);
    line[side].count += times;
    line[side].sumMinor += times * amountMinor;
    if (!Number.isSafeInteger(line[side].sumMinor)) throw new RangeError("a sum is too large");
  }
}

const keyOf = ({ kind, currency, state }: Pick<BalanceLine, "kind" | "currency" | "state">) =>
  `${kind} ${currency} ${state}`;

/** What is left of the differences when the discrepancies are taken off: nothing, or a defect of ours. */
export function unexplained(lines: readonly BalanceLine[]): BalanceLine[] {
  return lines.filter(
    ({ ours, theirs, explained }) =>
      theirs.count - ours.count !== explained.count ||
      theirs.sumMinor - ours.sumMinor !== explained.sumMinor,
  );
}
