import type { ChannelId, NoticeWay } from "../domain/notice.js";
import type { Policy, Route } from "./schema.js";

/** Channels that reach each person at an address of their own; the others have one receiver each. */
const PERSONAL: readonly ChannelId[] = ["email", "sms"];

/** By what whoever owes a task after an incident is reminded of it; its clock has no channels of its own. */
export const TASK_CHANNELS = ["email", "slack"] as const satisfies readonly ChannelId[];

/** What the roles are called; one that the policy does not know by its id. */
export const titlesOf = (roles: readonly string[], policy: Pick<Policy, "roles">): string[] =>
  roles.map((role) =>
    Object.hasOwn(policy.roles, role) ? (policy.roles[role]?.title ?? role) : role,
  );

/** The same as one text. */
export const namesOf = (roles: readonly string[], policy: Pick<Policy, "roles">): string =>
  titlesOf(roles, policy).join(", ");

/** What is written in to whoever is on call: the platform's first language. */
export const languageOnCall = ({
  languages,
}: Pick<Policy, "languages">): Policy["languages"][number] => languages[0] ?? "en";

/**
 * The ways to the roles by the channels, each once, in the order of the channels and then of the roles. A role
 * that has no address for a channel, or that the policy does not know, has no way there.
 */
export function waysOf(
  { roles: known }: Pick<Policy, "roles">,
  roles: readonly string[],
  channels: readonly ChannelId[],
): NoticeWay[] {
  const ways = new Map<string, NoticeWay>();
  for (const channel of channels) {
    for (const recipient of recipientsOn(channel, known, roles)) {
      // Two roles may be one person, and mail addresses differ in case only on paper.
      const key = `${channel} ${recipient.toLowerCase()}`;
      if (!ways.has(key)) ways.set(key, { channel, recipient });
    }
  }
  return [...ways.values()];
}

function recipientsOn(channel: ChannelId, known: Policy["roles"], roles: readonly string[]) {
  if (!PERSONAL.includes(channel)) return roles.length === 0 ? [] : [channel];
  return roles.flatMap((role) => addressOf(known, role, channel) ?? []);
}

function addressOf(known: Policy["roles"], role: string, channel: ChannelId): string | undefined {
  if (!Object.hasOwn(known, role)) return undefined;
  const addresses: Partial<Record<ChannelId, string>> = known[role]?.addresses ?? {};
  return addresses[channel];
}

/**
 * Where a word to the roles goes when its channel is down or refuses: by the route's fallback, the first first.
 *
 * @param used the channels that the step goes by in any case; the one that failed is left out always.
 */
export function insteadOf(
  policy: Pick<Policy, "roles">,
  { fallback }: Pick<Route, "fallback">,
  roles: readonly string[],
  channel: ChannelId,
  used: readonly ChannelId[] = [],
): NoticeWay[] {
  const open = fallback.filter((each) => each !== channel && !used.includes(each));
  return waysOf(policy, roles, open);
}
