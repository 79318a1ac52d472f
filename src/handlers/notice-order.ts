import type { Incident } from "../domain/incident.js";
import type { ChannelId, Notice, Template } from "../domain/notice.js";
import type { Instant } from "../domain/time.js";

/** Their services keep one thing for an incident, which each word changes: there the order counts. */
const ORDERED: readonly ChannelId[] = ["pagerduty", "status_page"];

/** What closes, at the service, what the others have opened. */
const CLOSING: readonly Template[] = ["incident-acknowledged", "incident-resolved"];
const isClosing = ({ template }: Notice): boolean => CLOSING.includes(template);

const isWaiting = ({ status }: Notice): boolean => status === "pending" || status === "sending";

const isBefore = (a: Notice, b: Notice): boolean =>
  a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.id < b.id);

/** At a pager's service each routing of an incident is an alert of its own. */
const isSameAlert = (a: Notice, b: Notice): boolean =>
  [a, b].some(({ data }) => data.alertKey === undefined) || a.data.alertKey === b.data.alertKey;

/** Whether a notice may go out now, for all that is told of its incident by the same channel. */
export type Place =
  /** `overtaken`: earlier words that never left and would undo this one; they end with it. */
  | { kind: "go"; follows: string | null; overtaken: Notice[] }
  /** An earlier word is on its way, and may arrive after this one. */
  | { kind: "wait"; until: Instant }
  /** There is nothing that it could close. */
  | { kind: "needless" };

/**
 * The later word holds. An acknowledgement that reached the service before its trigger would be dropped there and
 * the trigger would then call people; an old resolution would close what has come back. So what is in flight is
 * waited for, and what waits is ended. A trigger for another trigger does not wait: they join.
 *
 * @param others notices of the same incident by the same channel.
 */
export function placeOf(notice: Notice, others: readonly Notice[], now: Instant): Place {
  if (!ORDERED.includes(notice.channel)) return { kind: "go", follows: null, overtaken: [] };
  const earlier = others.filter((other) => isBefore(other, notice) && isSameAlert(other, notice));
  const undoing = earlier.filter((other) => isWaiting(other) && undoes(other, notice));
  const leases = undoing.map(({ leaseUntil }) => leaseUntil ?? 0);
  const until = Math.max(0, ...leases);
  if (until > now) return { kind: "wait", until };
  if (notice.channel === "pagerduty" && isClosing(notice)) {
    // One whose answer was lost counts: the service may have it.
    const isOpenThere = earlier.some((other) => !isClosing(other) && other.calls > 0);
    if (!isOpenThere && notice.calls === 0) return { kind: "needless" };
  }
  return { kind: "go", follows: reportOf(notice, earlier), overtaken: undoing };
}

/** On a status page the newest word says all; elsewhere a trigger and a closing undo each other. */
const undoes = (earlier: Notice, later: Notice): boolean =>
  later.channel === "status_page" || isClosing(earlier) !== isClosing(later);

function reportOf(notice: Notice, earlier: readonly Notice[]): string | null {
  if (notice.channel !== "status_page") return null;
  const told = earlier.filter(({ vendorId }) => vendorId !== null);
  const last = told.reduce<Notice | null>(
    (latest, one) => (latest === null || isBefore(latest, one) ? one : latest),
    null,
  );
  return last?.vendorId ?? null;
}

/** Why the notice is not to leave any more; null while it is. */
export function stoppedBy(notice: Notice, incident: Incident | null): string | null {
  if (notice.stopsAt === null || incident === null) return null;
  const { id, status } = incident;
  if (status === "resolved") return `${id} was over before this left`;
  if (status === "acknowledged" && notice.stopsAt === "acknowledged") {
    return `${id} was acknowledged before this left`;
  }
  return null;
}
