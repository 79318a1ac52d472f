import { describeError } from "../domain/describe-error.js";
import { AppError, type ErrorCode, Permanent, Transient } from "../domain/errors.js";
import { type AttemptOutcome, type DeadLetter, type EventRow, isFinal } from "../domain/event.js";
import type { Fact } from "../domain/facts.js";
import type { SourceHold } from "../domain/hold.js";
import type { Ids } from "../domain/ids.js";
import { mergePlans, type Plan } from "../domain/plan.js";
import type { Clock, Instant } from "../domain/time.js";
import type { Policy } from "../policy/schema.js";
import type { Delivery } from "../queues/delivery.js";
import type { Source } from "../sources/source.js";
import { apply } from "../store/apply.js";
import { type Database, Moved } from "../store/database.js";
import { recordAttempt, recordReceived } from "../store/events.js";
import { read, readEvent } from "../store/load.js";
import { completeOutbox } from "../store/outbox.js";
import { type AskDeps, AskedSource } from "./ask-source.js";
import { deadPlan, endedPlan, eventRow } from "./event-plan.js";
import type { Doubt, HandlerContext } from "./handler.js";
import { heldBy, heldPlan, readHold } from "./hold-event.js";
import { withPaymentTrouble } from "./payment-trouble.js";
import { type Decisions, decisionsOf, loadFor, reactionsTo } from "./reactions.js";

export interface RunEventDeps extends AskDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  policy: Policy;
  /** The platform's own application hears of changed entitlements. */
  tellsPlatform?: boolean;
  sourceById(id: string): Source | undefined;
  /** Project ids and slugs of this very deployment, in lower case. */
  ours: ReadonlySet<string>;
}

/** One run of a worker for one event. */
export interface EventRun {
  delivery: Delivery;
  /** The provider's bytes; or why they are not to be had. */
  body: Uint8Array<ArrayBuffer> | Permanent;
  /** The queue's message id and retry count. */
  attemptId: string;
  startedAt: Instant;
  /** The outbox row of the message that asked for this run: completed with its plan. */
  completes?: string;
  /** Set when nothing more is to be tried: the event is to be kept as dead for this cause. */
  verdict?: Permanent;
}

export interface EventResult {
  outcome: AttemptOutcome;
  eventId: string;
  /** Of an event that is dead: what it died of, and the dead letter that waits for a person. */
  died?: { code: ErrorCode; deadLetterId: string };
  /** What the plan wants published; the caller relays it, a sweep makes sure. */
  outbox: NonNullable<Plan["inserts"]["outbox"]>;
  /** How often the source was asked for an object. */
  fetches?: number;
}

/**
 * Rows may move between load and apply, and doubts be settled; past this it is left to the queue's retry. Who loses a round
 * has lost it to one that is done: so many at once, all opening incidents in one minute, need no retry.
 */
const ROUNDS_MAX = 20;

/**
 * Runs an event: facts, then load → decide → apply, again while rows move.
 * A permanent failure is written as a dead letter and is a result; a transient one is noted and thrown.
 */
export async function runEvent(run: EventRun, deps: RunEventDeps): Promise<EventResult> {
  try {
    let said = run.verdict ?? factsOf(run, deps);
    const asked = askedBy(run, deps);
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const found = said instanceof Permanent ? said : await gathered(said, asked);
      const source = deps.sourceById(run.delivery.source);
      const facts =
        found instanceof Permanent ? found : withPaymentTrouble(found, source, deps.policy);
      const result = await runOnce(run, facts, deps, asked?.gone);
      if (result === null) continue;
      if (!("doubts" in result)) return { ...result, fetches: asked?.fetches ?? 0 };
      if (!(said instanceof Permanent)) said = await settled(said, result.doubts, asked);
    }
    throw new Transient("database_busy", { detail: "rows moved in every round" });
  } catch (error) {
    const held = await heldInstead(run, error, deps);
    if (held !== null) return held;
    await noteFailed(run, error, deps);
    throw error;
  }
}

/**
 * What cannot be run need not fail while its source is held, for which a handler that fails may be the cause:
 * it is kept like the rest. Null when it is not held, or that cannot be told: then its failure stands.
 */
async function heldInstead(
  run: EventRun,
  cause: unknown,
  deps: RunEventDeps,
): Promise<EventResult | null> {
  if (cause instanceof AppError && cause.code === "database_unavailable") return null;
  try {
    const result = await runOnce(run, null, deps);
    return result !== null && "outcome" in result ? result : null;
  } catch (error) {
    const { requestId } = run.delivery;
    deps.log.warn("event.not_held", { requestId, detail: describeError(error) });
    return null;
  }
}

function askedBy({ delivery }: EventRun, deps: RunEventDeps): AskedSource | null {
  const source = deps.sourceById(delivery.source);
  return source === undefined ? null : new AskedSource(source, delivery.requestId, deps);
}

/** What the source cannot be asked for, for good, is a reason to keep the event as dead. */
async function orRefused<T>(asking: Promise<T>): Promise<T | Permanent> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Permanent) return error;
    throw error;
  }
}

const gathered = async (facts: Fact[], asked: AskedSource | null): Promise<Fact[] | Permanent> =>
  asked === null ? facts : orRefused(asked.gather(facts));

/** The facts as they were, now that the source was asked about what is in doubt; or why it cannot be. */
async function settled(
  facts: Fact[],
  doubts: readonly Doubt[],
  asked: AskedSource | null,
): Promise<Fact[] | Permanent> {
  const refusal = await orRefused(asked?.settle(doubts, facts) ?? Promise.resolve());
  return refusal instanceof Permanent ? refusal : facts;
}

/** True when the trouble that this event speaks of is in this deployment, so that telling of it would feed it. */
export function isOurs(run: EventRun, deps: Pick<RunEventDeps, "ours" | "sourceById">): boolean {
  if (deps.ours.size === 0) return false;
  const told = factsToldBy(run, deps).flatMap((fact) => {
    if (fact.kind === "signal.raised") return [fact.ours];
    return fact.kind.startsWith("signal.") ? [] : [false]; // an end does not say whose trouble it ends
  });
  if (told.length > 0) return told.includes(true);
  if (run.body instanceof Permanent) return false;
  const text = new TextDecoder().decode(run.body).toLowerCase();
  return [...deps.ours].some((name) => wordIn(text, name));
}

/** Nothing when the body cannot be read: whose it is, its text must tell. */
function factsToldBy(run: EventRun, deps: Pick<RunEventDeps, "ours" | "sourceById">): Fact[] {
  try {
    const facts = factsOf(run, deps);
    return facts instanceof Permanent ? [] : facts;
  } catch {
    return []; // a defect in reading it is what is being told of; it is thrown by the run itself
  }
}

/** Quoted or bare, as a number is, but never a part of a longer name. */
function wordIn(text: string, name: string): boolean {
  const isPart = (char: string | undefined): boolean => char !== undefined && /[\w-]/.test(char);
  for (let i = text.indexOf(name); i !== -1; i = text.indexOf(name, i + 1)) {
    if (!isPart(text[i - 1]) && !isPart(text[i + name.length])) return true;
  }
  return false;
}

function factsOf(
  { delivery, body }: Pick<EventRun, "delivery" | "body">,
  deps: Pick<RunEventDeps, "ours" | "sourceById">,
): Fact[] | Permanent {
  if (body instanceof Permanent) return body;
  const source = deps.sourceById(delivery.source);
  if (source === undefined) return new Permanent("unknown_source", { detail: delivery.source });
  try {
    const context = { ours: deps.ours, receivedAt: delivery.receivedAt };
    return source.normalise(delivery.headers, body, context);
  } catch (error) {
    if (error instanceof Permanent) return error;
    throw error;
  }
}

/**
 * One round of load, decide, apply; null when something moved, and doubts when the source is to be asked first.
 *
 * @param facts null when they cannot be had: then nothing is written unless the source is held.
 * @param gone what was asked for and is not there, for the trace.
 */
async function runOnce(
  run: EventRun,
  facts: Fact[] | Permanent | null,
  deps: RunEventDeps,
  gone: readonly string[] = [],
): Promise<EventResult | { doubts: readonly Doubt[] } | null> {
  const { delivery } = run;
  const { policy } = deps;
  const loading = { source: delivery.source, policy };
  const reactions = reactionsTo(facts ?? [], loading);
  const eventKey = [delivery.source, delivery.eventKey];
  const { event, deadLetter, hold, ...rows } = await loadFor(reactions, loading, deps.database, {
    event: readEvent("t.source = ? AND t.event_key = ?", eventKey),
    hold: readHold(delivery.source),
    deadLetter: read("deadLetter", "e.source = ? AND e.event_key = ?", eventKey, {
      join: "JOIN event e ON e.id = t.event_id",
    }),
  });
  const existing = (event as EventRow[])[0] ?? null;
  if (existing !== null && isFinal(existing.status)) return duplicate(run, existing, deps);

  const now = deps.clock.now();
  const eventId = existing?.id ?? deps.ids.next("event");
  const { source, requestId } = delivery;
  const actor = `source:${source}`;
  const tellsPlatform = deps.tellsPlatform === true;
  const ctx = { now, ids: deps.ids, actor, source, policy, eventId, requestId, tellsPlatform };
  const letter = (deadLetter as DeadLetter[])[0] ?? null;
  const holding = heldBy(hold as SourceHold[], eventId);
  if (holding === null && facts === null) return null;
  const decided =
    holding === null
      ? planOf(facts ?? [], () => decisionsOf(reactions, rows, ctx), letter, ctx)
      : heldPlan(holding);
  if ("doubts" in decided) return decided;
  const reasons = [...decided.plan.reasons, ...gone];
  const row = eventRow(delivery, { id: eventId, now, ...decided, reasons });
  const attempt = {
    id: run.attemptId,
    eventId,
    outcome: decided.status,
    errorCode: row.errorCode,
    errorMessage: row.errorMessage,
    startedAt: run.startedAt,
    durationMs: Math.max(0, now - run.startedAt),
  };
  const body = run.body instanceof Permanent ? null : run.body;
  const known = existing !== null;
  const completes = run.completes === undefined ? [] : [run.completes];
  try {
    const claim = { event: row, headers: delivery.headers, body, known, attempt };
    const applied = await apply(deps.database, { ...decided.plan, completes }, claim);
    if (!applied) return null; // somebody else finished or made it: the next load tells
    const outbox = decided.plan.inserts.outbox ?? [];
    return { outcome: decided.status, eventId, outbox, ...diedOf(decided, letter) };
  } catch (error) {
    if (error instanceof Moved) return null;
    throw error;
  }
}

interface Decided {
  status: "processed" | "ignored" | "held" | "dead";
  plan: Plan;
  error?: AppError;
}

/** A dead letter that was there is opened again; else the plan has made one. */
function diedOf({ error, plan }: Decided, letter: DeadLetter | null): Pick<EventResult, "died"> {
  const deadLetterId = letter?.id ?? plan.inserts.deadLetter?.[0]?.id;
  if (error === undefined || deadLetterId === undefined) return {};
  return { died: { code: error.code, deadLetterId } };
}

function planOf(
  facts: Fact[] | Permanent,
  decide: () => Decisions,
  letter: DeadLetter | null,
  ctx: HandlerContext,
): Decided | { doubts: readonly Doubt[] } {
  const dead = (error: Permanent): Decided => {
    const plan = deadPlan({ eventId: ctx.eventId }, error, letter, ctx);
    return { status: "dead", plan, error };
  };
  if (facts instanceof Permanent) return dead(facts);
  try {
    const status = facts.length === 0 ? "ignored" : "processed";
    const { plans, doubts } = decide();
    if (doubts.length > 0) return { doubts };
    return { status, plan: mergePlans([...plans, endedPlan(status, letter, ctx)]) };
  } catch (error) {
    if (error instanceof Permanent) return dead(error);
    throw error;
  }
}

async function duplicate(
  run: EventRun,
  existing: EventRow,
  deps: RunEventDeps,
): Promise<EventResult> {
  await recordAttempt(deps.database, {
    id: run.attemptId,
    eventId: existing.id,
    outcome: "duplicate",
    errorCode: null,
    errorMessage: null,
    startedAt: run.startedAt,
    durationMs: Math.max(0, deps.clock.now() - run.startedAt),
  });
  if (run.completes !== undefined) await completeOutbox(deps.database, run.completes);
  return { outcome: "duplicate", eventId: existing.id, outbox: [] };
}

/**
 * Best effort: that the event is here and waits, and how this run of it ended. Without a database this
 * shows as a gap in the attempts. Never throws: what failed first is what the queue and the log must hear.
 */
async function noteFailed(run: EventRun, cause: unknown, deps: RunEventDeps): Promise<void> {
  const error = cause instanceof AppError ? cause : new AppError("internal");
  if (error.code === "database_unavailable") return;
  const now = deps.clock.now();
  const id = deps.ids.next("event");
  const event = eventRow(run.delivery, { id, status: "received", now, reasons: [], error });
  const attempt = {
    id: run.attemptId,
    eventId: id,
    outcome: "transient" as const,
    errorCode: error.code,
    errorMessage: event.errorMessage,
    startedAt: run.startedAt,
    durationMs: Math.max(0, now - run.startedAt),
  };
  const body = run.body instanceof Permanent ? null : run.body;
  const kept = { event, headers: run.delivery.headers, body, attempt };
  await recordReceived(deps.database, kept).catch((unkept: unknown) => {
    const { requestId } = run.delivery; // the queue keeps the event; that we could not note it is said here
    deps.log.warn("attempt.unrecorded", { requestId, detail: describeError(unkept) });
  });
}
