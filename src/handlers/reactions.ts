import { Permanent } from "../domain/errors.js";
import type { Fact } from "../domain/facts.js";
import type { Plan } from "../domain/plan.js";
import type { Database } from "../store/database.js";
import { load, type Reads } from "../store/load.js";
import type { AnyHandler, Doubt, HandlerContext, LoadContext } from "./handler.js";
import { handlersOf } from "./registry.js";

type Rows = Record<string, unknown[]>;

/** A handler with its fact, and what it wants to see. */
export interface Reaction {
  handler: AnyHandler;
  fact: Fact;
  reads: Reads;
}

export interface Decisions {
  plans: Plan[];
  doubts: Doubt[];
}

/** All handlers of all facts. */
export function reactionsTo(facts: Fact[] | Permanent, context: LoadContext): Reaction[] {
  if (facts instanceof Permanent) return [];
  return facts.flatMap((fact) =>
    handlersOf(fact.kind).map((handler) => ({
      reads: handler.load(fact, context),
      handler,
      fact,
    })),
  );
}

/** Each reaction's reads have names of their own. */
const nameOf = (name: string, i: number): string => `h${i}_${name}`;

/** The rows of one reaction, by its own names for them. */
const rowsOf = ({ reads }: Reaction, i: number, rows: Rows): Rows =>
  Object.fromEntries(Object.keys(reads).map((name) => [name, rows[nameOf(name, i)] ?? []]));

/**
 * What all reactions want to see, and what the engine itself does. When one of them finds that it wants more, all is read
 * anew, so that what is decided by was true at one moment.
 */
export async function loadFor(
  reactions: Reaction[],
  context: LoadContext,
  database: Database,
  own: Reads,
): Promise<Rows> {
  const found = await readAll(reactions, database, own);
  let isMore = false;
  for (const [i, reaction] of reactions.entries()) {
    const { handler, fact } = reaction;
    if (handler.loadMore === undefined) continue;
    const more = handler.loadMore(fact, rowsOf(reaction, i, found), context);
    if (more === null) continue;
    reaction.reads = more;
    isMore = true;
  }
  return isMore ? readAll(reactions, database, own) : found;
}

function readAll(reactions: readonly Reaction[], database: Database, own: Reads): Promise<Rows> {
  const all: Reads = { ...own };
  for (const [i, { reads }] of reactions.entries()) {
    for (const [name, wanted] of Object.entries(reads)) all[nameOf(name, i)] = wanted;
  }
  return load(database, all);
}

/** What all reactions decide. @param rows those that `loadFor` gave. */
export function decisionsOf(
  reactions: readonly Reaction[],
  rows: Rows,
  ctx: HandlerContext,
): Decisions {
  const decided: Decisions = { plans: [], doubts: [] };
  for (const [i, reaction] of reactions.entries()) {
    const one = reaction.handler.decide(reaction.fact, rowsOf(reaction, i, rows), ctx);
    if ("doubts" in one) decided.doubts.push(...one.doubts);
    else decided.plans.push(one);
  }
  return decided;
}
