import type { SignalKind, SignalLevel } from "./facts.js";
import type { Instant } from "./time.js";

/** The source of what we tell ourselves: nobody posts it, so it has no secret and no address. */
export const OWN_SOURCE = "monitor";

/** Trouble that this deployment found by its own watch: a threshold, a silence, a canary that did not arrive. */
export interface OwnSignal {
  kind: "raised" | "resolved";
  /** When it began, or ended, so that whoever finds the same transition again names the same event. */
  at: Instant;
  /** The one trouble, the same from its beginning to its end: `monitor:threshold:payment-success`. */
  groupKey: string;
  signalKind: SignalKind;
  level: SignalLevel;
  /** One line for people, with the number and its unit. */
  title: string;
  service: string;
  environment: string | null;
  url: string | null;
  /** What a policy's rules may look at; names in lower case. */
  tags: Readonly<Record<string, string>>;
  /** About a figure or a rule, and no outage of what users use; left out where it is one. */
  aside?: true;
}

/** The same transition, found twice, is one event. */
export const ownSignalId = ({
  groupKey,
  kind,
  at,
}: Pick<OwnSignal, "groupKey" | "kind" | "at">): string => `${groupKey}:${kind}:${at}`;
