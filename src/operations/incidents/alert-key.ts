import type { Incident } from "../../domain/incident.js";
import type { IncidentRows } from "./rows.js";

/**
 * By what a pager's service knows what is told: of each routing anew, for of what somebody has acknowledged there
 * nobody is called again, however much worse it becomes.
 */
export const alertKeyOf = ({ id }: Pick<Incident, "id">, routing: number): string =>
  routing === 1 ? id : `${id}:${routing}`;

/** The routings that somebody was paged for since the incident ended last; the present one where nobody was. */
export function pagedRoutings({
  incident,
  steps,
}: Pick<IncidentRows, "incident" | "steps">): number[] {
  const ends = steps.filter(({ step }) => step.startsWith("resolved:"));
  const since = Math.max(0, ...ends.map(({ takenAt }) => takenAt));
  const paged = new Set([incident.routings]);
  for (const { step, takenAt } of steps) {
    const [, routing] = /^page:(\d+):/.exec(step) ?? [];
    if (routing !== undefined && takenAt > since) paged.add(Number(routing));
  }
  return [...paged].sort((a, b) => a - b);
}
