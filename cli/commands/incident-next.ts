import type { Row } from "../api.js";
import { CALL } from "../failure.js";
import { type Screen, timeIn } from "../output.js";

/** What happens to an incident by itself, what to do first, and the commands for it; they end what `show` prints. */
export function incidentNext(row: Row, screen: Screen): string[] {
  const { id, status, advice } = row;
  const verbs =
    status === "open"
      ? [`ack ${id}`, `resolve ${id} --reason "…"`]
      : status === "acknowledged"
        ? [`note ${id} "…"`, `resolve ${id} --reason "…"`]
        : [`review ${id}`];
  return [
    ...outlookLines(row, screen),
    ...(typeof advice === "string" ? [advice] : []),
    ...verbs.map((command) => `${CALL} incidents ${command}`),
  ];
}

/** What happens by itself, in the zone of all that stands above it. */
function outlookLines({ comesNextAt, comesNext, heldUntil }: Row, { zone }: Screen): string[] {
  const shown = (at: unknown): string => `${timeIn(String(at), zone)} ${zone}`;
  return [
    ...(typeof heldUntil === "string"
      ? [
          `Nobody is told before ${shown(heldUntil)}: a maintenance of its service lasts until then.`,
        ]
      : []),
    ...(typeof comesNextAt === "string" ? [`${shown(comesNextAt)}: ${comesNext}`] : []),
  ];
}
