import { Permanent } from "../../domain/errors.js";
import type { SignalRaised } from "../../domain/facts.js";
import type { Clock, Instant } from "../../domain/time.js";
import { withPaymentTrouble } from "../../handlers/payment-trouble.js";
import { viewOf } from "../../handlers/track-incident/place.js";
import { type Difference, differencesOf } from "../../policy/differences.js";
import { decideRoute, type SignalView } from "../../policy/route.js";
import type { Policy } from "../../policy/schema.js";
import type { Source } from "../../sources/source.js";
import type { Database } from "../../store/database.js";
import { type PastSignal, pastSignals } from "../../store/past-signals.js";

export interface CompareDeps {
  database: Database;
  clock: Clock;
  policy: Policy;
  ours: ReadonlySet<string>;
  sourceById(id: string): Source | undefined;
}

/** What a policy makes of a signal, in a word: `CRITICAL (P0) by critical, rule system-down`. */
export interface Verdict {
  severity: string;
  severityName: string;
  rule: string;
  route: string;
  service: string;
}
export interface Changed {
  signalId: string;
  eventId: string;
  at: Instant;
  source: string;
  title: string;
  before: Verdict;
  after: Verdict;
}
export interface Comparison {
  before: string;
  after: string;
  differences: Difference[];
  /** Null where no time was asked for. */
  replayed: {
    since: Instant;
    signals: number;
    /** Of which the bytes are kept no more: judged by what is known of their alerts, without tags. */
    withoutBody: number;
    /** There are more signals than were looked at; these are the oldest. */
    cut: boolean;
    /** How many would have been another severity, route, rule or service. */
    changed: number;
    /** The first of these. */
    changes: Changed[];
  } | null;
}

const PAGE = 200;
const SIGNALS_MAX = 10_000;
const CHANGES_MAX = 200;

/**
 * Where another policy differs from the one that holds, and what it would have made of the signals since then. It reads and
 * writes nothing.
 *
 * @throws Transient
 */
export async function comparePolicies(
  other: Policy,
  since: Instant | null,
  deps: CompareDeps,
): Promise<Comparison> {
  const { policy } = deps;
  const replayed = since === null ? null : await replay(other, since, deps);
  const differences = differencesOf(policy, other);
  return { before: policy.name, after: other.name, differences, replayed };
}

async function replay(
  other: Policy,
  since: Instant,
  deps: CompareDeps,
): Promise<NonNullable<Comparison["replayed"]>> {
  const { database, policy } = deps;
  const found = { since, signals: 0, withoutBody: 0, cut: false, changed: 0 };
  const changes: Changed[] = [];
  let after: PastSignal | null = null;
  for (;;) {
    const page: PastSignal[] = await pastSignals(database, { since, after, limit: PAGE });
    for (const signal of page) {
      const view = viewOfPast(signal, deps);
      found.signals += 1;
      if (!view.isWhole) found.withoutBody += 1;
      const [before, now] = [verdictOf(view.view, policy), verdictOf(view.view, other)];
      if (isSame(before, now)) continue;
      found.changed += 1;
      if (changes.length >= CHANGES_MAX) continue;
      const { id: signalId, eventId, at, title, alert } = signal;
      changes.push({ signalId, eventId, at, source: alert.source, title, before, after: now });
    }
    after = page.at(-1) ?? null;
    if (page.length < PAGE) return { ...found, changes };
    if (found.signals >= SIGNALS_MAX) return { ...found, cut: true, changes };
  }
}

function verdictOf(view: SignalView, policy: Policy): Verdict {
  const { severity, severityName, rule, route, service } = decideRoute(view, policy);
  return { severity, severityName, rule, route, service };
}

/** Policies name their severities, rules and routes as they like; the same names are the same. */
const isSame = (a: Verdict, b: Verdict): boolean => JSON.stringify(a) === JSON.stringify(b);

/** As its event says it today; where that is gone, as its alert has kept it. */
function viewOfPast(signal: PastSignal, deps: CompareDeps): { view: SignalView; isWhole: boolean } {
  const { alert, title, at } = signal;
  const fact = factOf(signal, deps);
  if (fact !== null) return { view: viewOf(fact, alert.source), isWhole: true };
  return {
    view: {
      source: alert.source,
      kind: alert.kind,
      level: alert.level ?? "error",
      title,
      service: alert.service ?? "unknown",
      environment: alert.environment,
      tags: {},
      occurredAt: at,
    },
    isWhole: false,
  };
}

function factOf(
  { alert, headers, body, receivedAt }: PastSignal,
  deps: CompareDeps,
): SignalRaised | null {
  const source = deps.sourceById(alert.source);
  if (source === undefined || body === null) return null;
  try {
    const said = source.normalise(headers ?? {}, body, { ours: deps.ours, receivedAt });
    const facts = withPaymentTrouble(said, source, deps.policy);
    return (
      facts.find(
        (fact): fact is SignalRaised =>
          fact.kind === "signal.raised" && fact.groupKey === alert.groupKey,
      ) ?? null
    );
  } catch (error) {
    if (error instanceof Permanent) return null;
    throw error;
  }
}
