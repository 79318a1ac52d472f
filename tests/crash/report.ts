import type { CrashOutcome } from "./run.js";

/** Prints a run; true when anything is not as it was promised. */
export function report(outcome: CrashOutcome, seed: number): boolean {
  const { verdict, survival, kills, unrest, left, receipts, durationMs } = outcome;
  const attempts = receipts.reduce((sum, { statuses }) => sum + statuses.length, 0);
  const rows: [string, number | string][] = [
    ["seed", seed],
    ["kills of the app", kills.filter(({ what }) => what === "app").length],
    ["kills of the platform", kills.filter(({ what }) => what === "platform").length],
    ["attempts of the providers", attempts],
    ...Object.entries(verdict.counts),
    ["answered 503 at the door", survival.unavailable],
    ["spilled to KV", survival.spilled],
    ["swept from the spill", survival.sweptSpills],
    ["swept from the outbox", survival.sweptOutbox],
    ["attempts that were put off", survival.retried],
    ["re-driven from the DLQ", survival.redriven],
    ["dropped from the DLQ", survival.dropped],
    ["Slack messages that may be read twice", verdict.slackDoubles.length],
    ["seconds", (durationMs / 1000).toFixed(1)],
  ];
  console.log("");
  for (const [name, value] of rows) console.log(`${name.padEnd(40)}${String(value).padStart(8)}`);
  for (const double of verdict.slackDoubles) console.log(`  may be read twice: ${double}`);
  const problems = verdict.findings.map(({ kind, what }) => `${kind}: ${what}`);
  if (unrest !== null) problems.push(`no rest: ${JSON.stringify(unrest)}`);
  if (left.pending > 0) problems.push(`${left.pending} messages are left in the queue`);
  if (left.outbox > 0) problems.push(`${left.outbox} rows are left in the outbox`);
  for (const defect of survival.defects) problems.push(`unforeseen: ${defect}`);
  if (survival.buried > 0) problems.push(`${survival.buried} messages were buried`);
  const refused = receipts.filter(({ eventKey }) => eventKey === null);
  for (const { event, statuses } of refused) {
    problems.push(`${event.id} never got a 2xx: ${statuses.join(" ")}`);
  }
  console.log("");
  if (problems.length === 0) console.log("Nothing lost, nothing doubled.");
  for (const problem of problems) console.log(`FAILED  ${problem}`);
  return problems.length > 0;
}
