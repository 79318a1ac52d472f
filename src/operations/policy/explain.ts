import { Permanent } from "../../domain/errors.js";
import type { DeploymentChanged, Fact } from "../../domain/facts.js";
import type { Maintenance } from "../../domain/incident.js";
import { type Clock, DAY_MS, type Instant } from "../../domain/time.js";
import { sentenceOf } from "../../handlers/event-plan.js";
import { withPaymentTrouble } from "../../handlers/payment-trouble.js";
import { approvalAt, approvalSentence } from "../../policy/calendar.js";
import { listed } from "../../policy/check/problem.js";
import type { Policy } from "../../policy/schema.js";
import type { Source } from "../../sources/source.js";
import type { Database } from "../../store/database.js";
import { readBody, readEventRow } from "../../store/events.js";
import { load, read } from "../../store/load.js";
import { type ExplainContext, explainRaised } from "./explain-signal.js";

export interface ExplainDeps {
  database: Database;
  clock: Clock;
  policy: Policy;
  ours: ReadonlySet<string>;
  sourceById(id: string): Source | undefined;
  /** Whether the deployment can send by the channel. */
  isSetUp(channel: string): boolean;
}

/** What an event means to the policy, in sentences; one part for each fact that it speaks of. */
export interface Explanation {
  policy: string;
  source: string;
  type: string;
  /** When it came, or now for one that has not. */
  at: Instant;
  /** The incidents that it is part of already. */
  incidents: string[];
  parts: { about: string; sentences: string[] }[];
}

/**
 * Explains an event that was received, by the policy of now and the calendar of then.
 *
 * @returns null when there is none of this id.
 * @throws Transient
 */
export async function explainEvent(
  eventId: string,
  deps: ExplainDeps,
): Promise<Explanation | null> {
  const { database } = deps;
  const [event, kept] = await Promise.all([
    readEventRow(database, eventId),
    readBody(database, eventId),
  ]);
  if (event === null) return null;
  const { signals } = await load(database, {
    signals: read("signal", "t.event_id = ?", [eventId]),
  });
  const incidents = [...new Set(signals.flatMap(({ incidentId }) => incidentId ?? []))];
  const { source, type, receivedAt } = event;
  const parts =
    kept === null
      ? [{ about: "unreadable", sentences: LOST }]
      : await explained({ source, type, ...kept, at: receivedAt }, deps);
  return { policy: deps.policy.name, source, type, at: receivedAt, incidents, parts };
}

/**
 * Explains a delivery as a provider would send it, as if it came now. Nothing is kept, and nobody has to sign it.
 *
 * @throws Permanent `unknown_source`; Transient
 */
export async function explainDelivery(
  given: { source: string; headers: Readonly<Record<string, string>>; body: string },
  deps: ExplainDeps,
): Promise<Explanation> {
  const { source: id, body: text } = given;
  const source = deps.sourceById(id);
  if (source === undefined) throw new Permanent("unknown_source", { detail: id });
  const body = new TextEncoder().encode(text);
  const all = new Headers(Object.entries(given.headers));
  const headers = Object.fromEntries(
    source.keepHeaders.flatMap((name) => (all.has(name) ? [[name, all.get(name) ?? ""]] : [])),
  );
  const { type } = await source.identify(all, body);
  const at = deps.clock.now();
  const parts = await explained({ source: id, type, headers, body, at }, deps);
  return { policy: deps.policy.name, source: id, type, at, incidents: [], parts };
}

const LOST = [
  "Its bytes are kept no more, so nobody can say any more what it means; its incidents, if any, say what became of it.",
];

const PLANNED_MAX = 1_000;

async function explained(
  given: {
    source: string;
    type: string;
    headers: Readonly<Record<string, string>>;
    body: Uint8Array<ArrayBuffer>;
    at: Instant;
  },
  deps: ExplainDeps,
): Promise<Explanation["parts"]> {
  const { source: id, type, headers, body, at } = given;
  const source = deps.sourceById(id);
  if (source === undefined) throw new Permanent("unknown_source", { detail: id });
  const facts = factsOf(() =>
    withPaymentTrouble(
      source.normalise(headers, body, { ours: deps.ours, receivedAt: at }),
      source,
      deps.policy,
    ),
  );
  if (facts instanceof Permanent) return [{ about: "unreadable", sentences: unread(facts) }];
  const planned = await maintenancesNear(at, deps.database);
  const { policy, isSetUp } = deps;
  const ctx: ExplainContext = { policy, source: id, planned, isSetUp, now: at };
  if (facts.length === 0) return [{ about: "nothing", sentences: nothingOf(type) }];
  return facts.map((fact) => ({ about: fact.kind, sentences: sentencesOf(fact, ctx) }));
}

function factsOf(normalise: () => Fact[]): Fact[] | Permanent {
  try {
    return normalise();
  } catch (error) {
    if (error instanceof Permanent) return error;
    throw error;
  }
}

const unread = (error: Permanent): string[] => [
  `It cannot be read: ${sentenceOf(error)}`,
  "It becomes a dead letter, which waits for an operator; no incident comes of it by itself.",
];

const nothingOf = (type: string): string[] => [
  `${type} says nothing that the policy looks at: it is kept as it came, nothing is concluded from it, and nobody is told.`,
];

async function maintenancesNear(at: Instant, database: Database): Promise<Maintenance[]> {
  const { planned } = await load(database, {
    planned: read(
      "maintenance",
      "t.ends_at > to_timestamp(?::float8 / 1000) AND t.starts_at < to_timestamp(?::float8 / 1000)",
      [at - 7 * DAY_MS, at + 7 * DAY_MS],
      { rowsMax: PLANNED_MAX },
    ),
  });
  return planned;
}

function sentencesOf(fact: Fact, ctx: ExplainContext): string[] {
  const { source, policy } = ctx;
  switch (fact.kind) {
    case "signal.raised":
      return explainRaised(fact, ctx);
    case "signal.acknowledged":
      return [
        `${source} says that somebody has taken it: "${fact.title}".`,
        "Its alert counts as acknowledged, and so does its incident: nobody is paged any more, and the next steps do not come.",
        "That it goes on is still told to users and executives, where the policy promises that.",
      ];
    case "signal.resolved":
      return [
        `${source} says that it is over: "${fact.title}".`,
        "Its alert ends, if one is open; if none ever began, it is kept and nobody is told.",
        policy.recovery.watchMinutes === 0
          ? "Its incident ends with the last of its alerts, and whoever was told that it began hears that it is over."
          : `Once all alerts of its incident are over, it is watched for ${policy.recovery.watchMinutes} min, looked at every ${policy.recovery.checkEveryMinutes} min; then it ends, and whoever was told that it began hears that it is over.`,
      ];
    case "deployment.changed":
      return explainDeployment(fact, ctx);
    case "mail.status_reported":
      return ["It says what became of one of our mails. The policy has no rule for that."];
    case "dispute.said":
    case "fraud_warning.said":
      return [
        `It speaks of ${fact.kind === "dispute.said" ? "a dispute" : "suspected fraud"}.`,
        "That is for the ledger, and for the policy's `payments`; what it asks of people is told as a signal of its own.",
      ];
    default:
      return [
        "It speaks of a payment or what belongs to one. That is for the ledger, and for the policy's `payments`; no incident comes of it.",
      ];
  }
}

function explainDeployment(fact: DeploymentChanged, ctx: ExplainContext): string[] {
  const { policy, now, source } = ctx;
  const { name, state, target, labels, ours } = fact;
  const lines = [`${source} says of the deployment of ${name} to ${target}: ${state}.`];
  if (target !== "production") {
    return [
      ...lines,
      "Only deployments to production are looked after. It is kept, and nobody is told.",
    ];
  }
  lines.push(
    "It is kept, so that trouble of the same service soon after names it as the suspect, beside the last good one.",
  );
  if (ours) return [...lines, "It is this very deployment, so nothing is concluded from it."];
  const begins = ["created", "succeeded", "promoted"].includes(state);
  const approval = begins ? approvalAt(policy, now) : null;
  if (approval !== null) {
    const label = labels.find((one) => policy.lockdown.emergencyLabels.includes(one));
    const wanted = policy.lockdown.emergencyLabels.map((one) => `[${one}]`);
    lines.push(
      label === undefined
        ? `It comes without an emergency's label (${listed(wanted)}), so it is an incident. ${approvalSentence(approval)}`
        : `Its label [${label}] lets it through: ${approval.because}.`,
    );
  } else if (begins) lines.push("No lockdown holds, and no exam is near.");
  const { checks, afterSeconds, everySeconds, forSeconds, rollbackWithinMinutes } =
    policy.deployments;
  if (state === "succeeded" || state === "promoted") {
    lines.push(
      `After ${afterSeconds} s it is checked (${listed(checks)}), again every ${everySeconds} s for ${forSeconds} s.`,
      `What still fails then is an incident that names the last good deployment and the command to go back to it, within ${rollbackWithinMinutes} min.`,
    );
    if (policy.deployments.tellStatusPage)
      lines.push("That it is finished is posted to the status page.");
  }
  return lines;
}
