import { CHANNEL_NAMES } from "../channels/notice-lists.js";
import type { AppError } from "../domain/errors.js";
import type { Incident } from "../domain/incident.js";
import type { Notice, NoticeWay } from "../domain/notice.js";
import type { DecideContext, PlanBuilder } from "../domain/plan.js";
import { addEntry } from "./incident-plan.js";

interface Failing {
  notice: Notice;
  incident: Incident | null;
  /** Notices of the same cause and template. */
  siblings: readonly Notice[];
}

/** Where the word goes next: `ways` are told now, `rest` is left for when they fail. */
export interface Instead {
  ways: NoticeWay[];
  rest: NoticeWay[];
  /** Nobody new: by this channel the same word is on its way already. */
  isToldBy: NoticeWay["channel"] | null;
}

const isAlive = ({ status }: Notice): boolean =>
  ["pending", "sending", "sent", "delivered"].includes(status);

/**
 * All ways of the next channel, so that whoever the failed one would have reached is reached. A channel by which
 * the same word goes already is not used twice; one where it went, and failed, is passed over.
 */
export function nextWays(instead: readonly NoticeWay[], siblings: readonly Notice[]): Instead {
  let left = [...instead];
  for (;;) {
    const [first] = left;
    if (first === undefined) return { ways: [], rest: [], isToldBy: null };
    const of = left.filter(({ channel }) => channel === first.channel);
    const rest = left.filter(({ channel }) => channel !== first.channel);
    const planned = siblings.filter(({ channel }) => channel === first.channel);
    const ways = of.filter(({ recipient }) => planned.every((one) => one.recipient !== recipient));
    if (ways.length > 0) return { ways, rest, isToldBy: null };
    if (planned.some(isAlive)) return { ways: [], rest, isToldBy: first.channel };
    left = rest;
  }
}

/**
 * The channel is down or refuses: the same word goes another way at once, and says so; of the failed one, what may
 * still work later is tried on. Twice rather than never.
 *
 * @returns what changes on the notice itself: its other ways are used up.
 */
export function goAnotherWay(
  plan: PlanBuilder,
  { notice, incident, siblings }: Failing,
  error: AppError,
  ctx: DecideContext,
): Partial<Notice> {
  if (notice.instead.length === 0) return {};
  const { ways, rest, isToldBy } = nextWays(notice.instead, siblings);
  const because = becauseOf(error);
  for (const way of ways) {
    plan.notify({
      ...way,
      template: notice.template,
      cause: notice.cause,
      locale: notice.locale,
      data: { ...notice.data, insteadOf: notice.channel, insteadOfBecause: because },
      incidentId: notice.incidentId,
      stopsAt: notice.stopsAt,
      instead: rest,
    });
  }
  const next = ways[0]?.channel ?? null;
  plan.audit("notice.redirected", notice.id, { from: notice.channel, to: next ?? isToldBy });
  if (incident !== null) {
    const text = `${CHANNEL_NAMES[notice.channel]} could not be reached (${because}): ${outcomeText(ways, isToldBy)}`;
    addEntry(plan, incident.id, { kind: "step", text }, ctx);
  }
  return { instead: [] };
}

function outcomeText(ways: readonly NoticeWay[], isToldBy: NoticeWay["channel"] | null): string {
  const [first] = ways;
  if (first !== undefined) {
    const people = ways.length > 1 ? ` to ${ways.length} people` : "";
    return `told by ${CHANNEL_NAMES[first.channel]}${people} instead`;
  }
  return isToldBy === null
    ? "there is no other way left"
    : `told by ${CHANNEL_NAMES[isToldBy]} already`;
}

/** In a few words, for a message: what the service answered, or what is missing. */
function becauseOf(error: AppError): string {
  switch (error.code) {
    case "channel_not_configured":
      return "it is not set up";
    case "recipient_suppressed":
      return "the address takes no mail";
    case "notice_unconfirmed":
      return "it gave no answer";
    default:
      return error.detail ?? error.code.replaceAll("_", " ");
  }
}
