import Table from "cli-table3";
import type { CaseOutcome } from "./run.js";

/** Sentry waits so long for an answer, and does not come back. */
const DOOR_BUDGET_MS = 1_000;

/** How it was survived, in the numbers that are not zero. */
function survivedBy({ survival, receipts }: CaseOutcome): string {
  const told = receipts.filter(({ statuses }) => statuses.length > 1).length;
  const parts: [string, number][] = [
    ["retried by the provider", told],
    ["spilled", survival.spilled],
    ["swept from the spill", survival.sweptSpills],
    ["put off", survival.retried],
    ["re-driven", survival.redriven],
    ["swept from the outbox", survival.sweptOutbox],
    ["dropped, the outbox has it", survival.dropped],
  ];
  const words = parts.filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`);
  return words.length === 0 ? "nobody needed it" : words.join(", ");
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function tableOf(outcomes: readonly CaseOutcome[]): string {
  const table = new Table({
    head: [
      "case",
      "accepted",
      "503",
      "lost",
      "doubled",
      "Slack twice?",
      "p99 ms",
      "s",
      "survived by",
    ],
    colWidths: [18, 10, 6, 6, 9, 14, 8, 5, 58],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const outcome of outcomes) {
    const { receipts, lost, doubled, slackDoubles, answeredMs, durationMs } = outcome;
    table.push([
      outcome.name,
      receipts.filter(({ eventKey }) => eventKey !== null).length,
      receipts.flatMap(({ statuses }) => statuses).filter((status) => status === 503).length,
      lost.length,
      doubled.length,
      slackDoubles.length,
      percentile(answeredMs, 0.99).toFixed(0),
      (durationMs / 1000).toFixed(0),
      survivedBy(outcome),
    ]);
  }
  return table.toString();
}

/** Everything about a case that is not as promised. */
export function problemsOf(outcome: CaseOutcome): string[] {
  const { name, receipts, survival, unrest, answeredMs } = outcome;
  const problems = [
    ...outcome.lost.map((what) => `lost: ${what}`),
    ...outcome.doubled.map((what) => `doubled: ${what}`),
    ...outcome.wrong.map((what) => `wrong: ${what}`),
    ...survival.defects.map((what) => `unforeseen: ${what}`),
  ];
  if (unrest !== null) problems.push(`no rest: ${JSON.stringify(unrest)}`);
  if (outcome.faulted === 0) problems.push("the fault met nobody");
  if (survival.buried > 0) problems.push(`${survival.buried} messages were buried`);
  for (const { event, eventKey, statuses } of receipts) {
    const strange = statuses.filter((status) => ![200, 202, 503].includes(status));
    if (eventKey === null) problems.push(`${event.id} never got a 2xx: ${statuses.join(" ")}`);
    else if (strange.length > 0) problems.push(`${event.id} was answered ${strange.join(" ")}`);
  }
  const refusals = receipts.flatMap(({ statuses }) => statuses).filter((s) => s === 503).length;
  if (name.startsWith("both:")) {
    if (refusals === 0) problems.push("nothing was answered 503 though nothing durable was there");
  } else if (refusals > 0) problems.push(`${refusals} deliveries were answered 503`);
  if (/^qstash:(refused|hung|500)/.test(name) && survival.spilled === 0) {
    problems.push("nothing was spilled");
  }
  if (/^(postgres|resend|slack):/.test(name) && survival.retried === 0) {
    problems.push("no worker put anything off");
  }
  const slowest = percentile(answeredMs, 0.99);
  if (slowest > DOOR_BUDGET_MS) problems.push(`the door took ${slowest.toFixed(0)} ms (p99)`);
  return problems.map((problem) => `${name}: ${problem}`);
}
