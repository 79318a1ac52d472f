import type { Instant } from "../../domain/time.js";
import { readUptime } from "../uptime.js";
import type { WatchDeps } from "./deps.js";
import { ended, type Finding } from "./tell.js";

const shown = (percent: number): string => `${(Math.floor(percent * 1_000) / 1_000).toString()} %`;

/** The lines that a service's uptime must not go below; tags as the policy's rules know them. */
const LINES = [
  { threshold: "availability", of: "alertBelowPercent", level: "error" },
  { threshold: "availability-critical", of: "criticalPercent", level: "fatal" },
] as const;

/** Services whose uptime, over the policy's days, is under what the policy lets pass. */
export async function uptimeFindings(
  now: Instant,
  open: ReadonlySet<string>,
  deps: WatchDeps,
): Promise<Finding[]> {
  const { uptime } = deps.policy;
  const lines = uptime.alertBelowPercent === null ? [] : LINES;
  const { targetDays } = uptime;
  const { services } = lines.length === 0 ? { services: [] } : await readUptime(deps, [targetDays]);
  const findings: Finding[] = [];
  for (const { service, isDown, windows } of services) {
    const percent = windows[0]?.percent ?? null;
    for (const { threshold, of, level } of lines) {
      const wanted = uptime[of];
      if (wanted === null || percent === null) continue;
      const isLow = percent < wanted;
      // While it is down, that it is down is what is told.
      if (isLow && isDown) continue;
      findings.push({
        state: isLow ? "there" : "over",
        once: true,
        groupKey: groupOf(threshold, service),
        at: now,
        signalKind: "metric",
        level,
        service,
        tags: { check: "uptime", threshold, metric: "uptime_percent" },
        title: isLow
          ? `Uptime of ${service} ${shown(percent)} over ${targetDays} days, wanted over ${wanted} %`
          : `Uptime of ${service} is ${shown(percent)} over ${targetDays} days again`,
      });
    }
  }
  return [...findings, ...forgotten(services, now, open)];
}

const groupOf = (threshold: string, service: string): string => `monitor:${threshold}:${service}`;

/** A service that has had no outage for so long is not listed any more. */
function forgotten(
  services: readonly { service: string }[],
  now: Instant,
  open: ReadonlySet<string>,
): Finding[] {
  const known = new Set(services.map(({ service }) => service));
  return [...open].flatMap((groupKey): Finding[] => {
    const line = LINES.find(({ threshold }) => groupKey.startsWith(groupOf(threshold, "")));
    if (line === undefined) return [];
    const service = groupKey.slice(groupOf(line.threshold, "").length);
    if (known.has(service)) return [];
    const title = `Uptime of ${service} is not under its line any more`;
    return [{ ...ended(groupKey, now, title), state: "over" }];
  });
}
