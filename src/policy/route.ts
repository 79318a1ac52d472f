import type { SignalRaised } from "../domain/facts.js";
import type { ChannelId } from "../domain/notice.js";
import type { Severity } from "../domain/severity.js";

/** What a signal means to the platform: how bad, who hears of it, and why. */
export interface Route {
  severity: Severity;
  channels: readonly ChannelId[];
  reasons: string[];
}

/** The default platform's rules, of the first lap: a complete outage is P0, a degradation P1, the rest less. */
const LEVEL_SEVERITY: Readonly<Record<SignalRaised["level"], Severity>> = {
  fatal: "P0",
  error: "P1",
  warning: "P2",
  info: "P3",
};

/** Pure: the same signal gives the same route, with its reasons in words. */
export function route(signal: SignalRaised): Route {
  const severity = LEVEL_SEVERITY[signal.level];
  return {
    severity,
    channels: ["slack"],
    reasons: [`level ${signal.level} is ${severity}`, `${severity} is told to slack`],
  };
}
