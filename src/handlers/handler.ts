import type { Fact, FactKind } from "../domain/facts.js";
import type { LedgerKey } from "../domain/ledger.js";
import type { DecideContext, Plan } from "../domain/plan.js";
import type { Policy } from "../policy/schema.js";
import type { Reads, RowsOf } from "../store/load.js";

/** What a reaction may know besides its fact when it says what to read. */
export interface LoadContext {
  /** The source's id, which scopes what only it can name. */
  source: string;
  policy: Policy;
  /** The platform's own application hears of changed entitlements. */
  tellsPlatform?: boolean;
}

/** An object whose words contradict each other: the engine asks its source, and decides again. */
export interface Doubt {
  object: LedgerKey;
  /** The version of the row that was read; null when there is none. What is fetched now is newer than that row. */
  after: number | null;
  why: string;
}
export interface Doubts {
  doubts: readonly Doubt[];
}

/**
 * A reaction to facts. It says what to read, and decides; it writes nothing itself.
 * `decide` is pure: the same fact, rows and context give the same plan but for its ids.
 */
export interface Handler<K extends FactKind, R extends Reads> {
  id: string;
  reactsTo: readonly K[];
  load(fact: Extract<Fact, { kind: K }>, context: LoadContext): R;
  /** What to read in place of that, when what it found shows that it is not enough; null: it is. */
  loadMore?(fact: Extract<Fact, { kind: K }>, rows: RowsOf<R>, context: LoadContext): R | null;
  decide(fact: Extract<Fact, { kind: K }>, rows: RowsOf<R>, context: HandlerContext): Plan | Doubts;
}

export interface HandlerContext extends DecideContext, LoadContext {
  eventId: string;
}

/** A handler as the registry holds it: the types of its facts and rows are known inside only. */
export interface AnyHandler {
  id: string;
  reactsTo: readonly FactKind[];
  load(fact: Fact, context: LoadContext): Reads;
  loadMore?(fact: Fact, rows: Record<string, unknown[]>, context: LoadContext): Reads | null;
  decide(fact: Fact, rows: Record<string, unknown[]>, context: HandlerContext): Plan | Doubts;
}

/** Keeps the types of fact and rows together inside the handler, and forgets them for the registry. */
export function defineHandler<const K extends FactKind, R extends Reads>(
  handler: Handler<K, R>,
): AnyHandler {
  return handler as unknown as AnyHandler;
}
