import type { ChannelId, NoticeWay, Template } from "../../domain/notice.js";
import type { PlanBuilder } from "../../domain/plan.js";
import type { Instant } from "../../domain/time.js";
import { languageOnCall } from "../../policy/recipients.js";
import type { Policy } from "../../policy/schema.js";
import { incidentData, type RollbackHint } from "./notice-data.js";
import { NOTICE_WORDS } from "./notice-words.js";
import { byChannels, type IncidentRows } from "./rows.js";
import { type Storm, stormWordCause, threadOf } from "./storm.js";

/** One way to one receiver, as a word. */
export const nameOf = ({ channel, recipient }: NoticeWay): string => `${channel} ${recipient}`;

interface StormWord {
  template: Template;
  channels: readonly ChannelId[];
  isTrue(storm: Storm): boolean;
  known(storm: Storm): readonly NoticeWay[];
  title: "stormHad" | "stormOver";
}

const WORDS: Record<"had" | "over", StormWord> = {
  had: {
    template: "incident-acknowledged",
    channels: ["slack", "pagerduty"],
    isTrue: ({ open, unanswered }) => open > 0 && unanswered === 0,
    known: ({ toldHad }) => toldHad,
    title: "stormHad",
  },
  over: {
    template: "incident-resolved",
    channels: ["slack", "pagerduty", "email"],
    isTrue: ({ open }) => open === 0,
    known: ({ toldOver }) => toldOver,
    title: "stormOver",
  },
};

/**
 * Somebody has the last of those that were told together, or it is over: whoever had a summary hears that, whichever
 * route the last one has.
 *
 * @returns false while that is not so, and when all have heard.
 */
export function tellStorm(
  what: "had" | "over",
  rows: IncidentRows,
  plan: PlanBuilder,
  { policy, now, rollbackHint }: { policy: Policy; now: Instant; rollbackHint: RollbackHint },
): boolean {
  const { storm } = rows;
  const { template, channels, isTrue, known, title } = WORDS[what];
  if (!storm.isMember || !isTrue(storm)) return false;
  const told = new Set(known(storm).map(nameOf));
  const ways = byChannels(storm.hearers, channels).filter((way) => !told.has(nameOf(way)));
  const thread = threadOf(storm);
  const language = languageOnCall(policy);
  const data = { ...incidentData(rows, policy, now, rollbackHint), incidentId: thread };
  for (const way of ways) {
    plan.notify({
      ...way,
      template,
      cause: stormWordCause(storm, what),
      incidentId: thread,
      locale: language,
      data: { ...data, title: NOTICE_WORDS[language][title](storm.members) },
    });
  }
  return ways.length > 0;
}
