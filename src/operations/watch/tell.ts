import type { Instant } from "../../domain/time.js";
import { raiseOwn } from "../raise-own.js";
import type { Trouble, WatchDeps } from "./deps.js";

/** Tells of what began. Open already, it would be said again for nothing. */
export async function tellRaised(trouble: Trouble, deps: WatchDeps): Promise<void> {
  await told({ ...trouble, kind: "raised" }, deps);
}

export async function tellResolved(trouble: Trouble, deps: WatchDeps): Promise<void> {
  await told({ ...trouble, kind: "resolved" }, deps);
}

async function told(
  signal: Trouble & { kind: "raised" | "resolved" },
  deps: WatchDeps,
): Promise<void> {
  const { groupKey, kind, title, at } = signal;
  await raiseOwn({ ...signal, environment: deps.environment, url: null }, deps);
  deps.log.info("watch.told", { groupKey, kind, title, at });
}

/** What a check has found of one trouble: it is there, it is over, or that cannot be said. */
export type Finding = Trouble & { state: "there" | "over" };

/**
 * Tells what is there and has no open alert, and the end of what is over and has one.
 *
 * @param open the groups of the open alerts.
 * @returns how many were told of.
 */
export async function tellFindings(
  findings: readonly Finding[],
  open: ReadonlySet<string>,
  deps: WatchDeps,
): Promise<{ raised: number; resolved: number }> {
  const said = { raised: 0, resolved: 0 };
  for (const { state, ...trouble } of findings) {
    const isOpen = open.has(trouble.groupKey);
    if (state === "there" && !isOpen) {
      await tellRaised(trouble, deps);
      said.raised += 1;
    }
    if (state === "over" && isOpen) {
      await tellResolved(trouble, deps);
      said.resolved += 1;
    }
  }
  return said;
}

/** The end of an open alert of ours that nothing looks at any more. */
export const ended = (groupKey: string, at: Instant, title: string): Trouble => ({
  groupKey,
  at,
  title,
  signalKind: "metric",
  level: "info",
  service: "signalbox",
  tags: {},
});
