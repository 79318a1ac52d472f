import { DAY_MS, type Instant } from "../../domain/time.js";
import { openOwnAlerts } from "../../store/watch.js";
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

/** What was told of and is not over. */
export interface OpenAlerts {
  /** The groups of the open alerts. */
  open: ReadonlySet<string>;
  /** Of those whose incident a person has ended although the trouble lasts: when. */
  closed: ReadonlyMap<string, Instant>;
}

/** Our own open alerts, of the groups that begin like this. */
export async function openAlerts(
  prefix: string,
  { database }: Pick<WatchDeps, "database">,
): Promise<OpenAlerts> {
  const rows = await openOwnAlerts(database, prefix);
  return {
    open: new Set(rows.map(({ groupKey }) => groupKey)),
    closed: new Map(
      rows.flatMap(({ groupKey, closedAt }) => (closedAt === null ? [] : [[groupKey, closedAt]])),
    ),
  };
}

/**
 * When what a person has ended, and lasts, is raised again: each whole day after that, so that nothing is forgotten and
 * nobody is told at once of what they have just ended. The same all that day: it names the event.
 *
 * @returns null while no day is over, or where nobody has ended it.
 */
export function againAt(closedAt: Instant | undefined, now: Instant): Instant | null {
  if (closedAt === undefined) return null;
  const days = Math.floor((now - closedAt) / DAY_MS);
  return days < 1 ? null : closedAt + days * DAY_MS;
}

/** What a check has found of one trouble: it is there, it is over, or that cannot be said. */
export type Finding = Trouble & {
  state: "there" | "over";
  /** It lasts for days, whatever anybody does: what a person has ended is not raised again. */
  once?: true;
};

/**
 * Tells what is there and has no open alert, or one that a person ended a day ago, and the end of what is over and
 * has one. It is of our own work and our own figures: each is aside from the outages of the services that it names.
 *
 * @returns how many were told of.
 */
export async function tellFindings(
  findings: readonly Finding[],
  { open, closed }: OpenAlerts,
  deps: WatchDeps,
): Promise<{ raised: number; resolved: number }> {
  const said = { raised: 0, resolved: 0 };
  for (const { state, once, ...found } of findings) {
    const trouble: Trouble = { ...found, aside: true };
    const isOpen = open.has(trouble.groupKey);
    const again = once ? null : againAt(closed.get(trouble.groupKey), deps.clock.now());
    if (state === "there" && (!isOpen || again !== null)) {
      await tellRaised(again === null ? trouble : { ...trouble, at: again }, deps);
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
