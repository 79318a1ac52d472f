import type { Fact, FactKind } from "../domain/facts.js";
import type { DecideContext, Plan } from "../domain/plan.js";
import type { Reads, RowsOf } from "../store/load.js";

/**
 * A reaction to facts. It says what to read, and decides; it writes nothing itself.
 * `decide` is pure: the same fact, rows and context give the same plan but for its ids.
 */
export interface Handler<K extends FactKind, R extends Reads> {
  id: string;
  reactsTo: readonly K[];
  load(fact: Extract<Fact, { kind: K }>, source: string): R;
  decide(fact: Extract<Fact, { kind: K }>, rows: RowsOf<R>, context: HandlerContext): Plan;
}

export interface HandlerContext extends DecideContext {
  /** The source's id, which scopes what only it can name. */
  source: string;
  eventId: string;
}

/** A handler as the registry holds it: the types of its facts and rows are known inside only. */
export interface AnyHandler {
  id: string;
  reactsTo: readonly FactKind[];
  load(fact: Fact, source: string): Reads;
  decide(fact: Fact, rows: Record<string, unknown[]>, context: HandlerContext): Plan;
}

/** Keeps the types of fact and rows together inside the handler, and forgets them for the registry. */
export function defineHandler<const K extends FactKind, R extends Reads>(
  handler: Handler<K, R>,
): AnyHandler {
  return handler as unknown as AnyHandler;
}
