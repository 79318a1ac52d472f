import { type MetricMinute, OWN_LABELS } from "../../domain/metric.js";
import { type Instant, MINUTE_MS } from "../../domain/time.js";
import type { Threshold } from "../../policy/schema.js";
import {
  type Crossing,
  evaluate,
  isWatched,
  LOOKBACK_MS,
  titleOf,
} from "../../policy/thresholds.js";
import { readMinutes } from "../../store/metrics.js";
import type { Trouble, WatchDeps } from "./deps.js";
import { againAt, ended, openAlerts, tellRaised, tellResolved } from "./tell.js";

const PREFIX = "monitor:threshold:";
/** One name for one threshold and what it is measured of. */
const groupOf = ({ id }: Threshold, label: string): string =>
  `${PREFIX}${id}${label === "" ? "" : `:${label}`}`;

/**
 * Looks at the policy's thresholds as each of these minutes ended, and tells what began and what is over.
 *
 * @param minutes that have been measured and not looked at, oldest first.
 */
export async function watchThresholds(
  minutes: readonly Instant[],
  deps: WatchDeps,
): Promise<{ raised: number; resolved: number }> {
  const said = { raised: 0, resolved: 0 };
  const [first, last] = [minutes[0], minutes.at(-1)];
  if (first === undefined || last === undefined) return said;
  const { thresholds } = deps.policy;
  const metrics = [...new Set(thresholds.map(({ metric }) => metric))];
  const range = { metrics, from: first - LOOKBACK_MS, to: last + MINUTE_MS };
  const [rows, alerts] = await Promise.all([
    readMinutes(deps.database, range),
    openAlerts(PREFIX, deps),
  ]);
  const open = new Set(alerts.open);
  const closed = new Map(alerts.closed);
  for (const groupKey of open) {
    if (thresholds.some((one) => isOf(one, groupKey))) continue;
    const title = "The policy has this threshold no more";
    await tellResolved(ended(groupKey, last + MINUTE_MS, title), deps);
    said.resolved += 1;
  }
  for (const threshold of thresholds) {
    for (const [label, series] of byLabel(rows, threshold.metric, open, threshold)) {
      const group = groupOf(threshold, label);
      for (const minute of minutes) {
        const state = { isOpen: open.has(group), closedAt: closed.get(group) };
        const crossing = look(threshold, series, state, minute, deps);
        if (crossing === null) continue;
        await tell(threshold, label, crossing, deps);
        said[crossing.kind] += 1;
        closed.delete(group);
        if (crossing.kind === "raised") open.add(group);
        else open.delete(group);
      }
    }
  }
  return said;
}

const isOf = (threshold: Threshold, groupKey: string): boolean =>
  groupKey === groupOf(threshold, "") || groupKey.startsWith(`${groupOf(threshold, "")}:`);

/** The series of each label, and an empty one for a label that only an open alert knows. */
function byLabel(
  rows: readonly MetricMinute[],
  metric: string,
  open: ReadonlySet<string>,
  threshold: Threshold,
): Map<string, MetricMinute[]> {
  const series = new Map<string, MetricMinute[]>();
  for (const groupKey of open) {
    if (isOf(threshold, groupKey)) {
      series.set(groupKey.slice(groupOf(threshold, "").length + 1), []);
    }
  }
  for (const row of rows) {
    if (row.metric !== metric) continue;
    const known = series.get(row.label);
    if (known === undefined) series.set(row.label, [row]);
    else known.push(row);
  }
  return series;
}

function look(
  threshold: Threshold,
  series: readonly MetricMinute[],
  { isOpen, closedAt }: { isOpen: boolean; closedAt: Instant | undefined },
  minute: Instant,
  { policy }: WatchDeps,
): Crossing | null {
  const now = minute + MINUTE_MS;
  if (isWatched(threshold, policy, minute)) {
    const crossing = evaluate(threshold, series, { open: isOpen }, now);
    const again = againAt(closedAt, now);
    if (crossing !== null || again === null) return crossing;
    // A person has ended it: does it last, it is raised as on its first day.
    const lasting = evaluate(threshold, series, { open: false }, now);
    return lasting && { ...lasting, at: again };
  }
  // Its time is over, and with it what it asked for.
  const value = series.at(-1)?.value ?? 0;
  return isOpen ? { kind: "resolved", at: now, value, minutes: 0 } : null;
}

async function tell(
  threshold: Threshold,
  label: string,
  crossing: Crossing,
  deps: WatchDeps,
): Promise<void> {
  const { id, metric } = threshold;
  const isDown = metric === "database_up" || metric === "healthy";
  const trouble: Trouble = {
    at: crossing.at,
    groupKey: groupOf(threshold, label),
    signalKind: "metric",
    level: isDown ? "fatal" : "error",
    title: titleOf(threshold, label === OWN_LABELS.service ? "" : label, crossing),
    service: label === "" ? OWN_LABELS.service : label,
    tags: { threshold: id, metric },
  };
  if (crossing.kind === "raised") await tellRaised(trouble, deps);
  else await tellResolved(trouble, deps);
}
