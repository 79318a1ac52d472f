import { BY_RECOVERY } from "../domain/incident.js";
import type { Language } from "../domain/notice.js";
import { CHANNEL_NAMES } from "./notice-lists.js";

/** Who did something, in each language: a mail says it in two. */
export type Person = Readonly<Record<Language, string>>;

/**
 * Who did it, as people say it: `operator:anna` is anna, `link:slack` somebody who clicked there. Null where it ended by
 * itself: that is nobody's doing.
 */
export function personOf(actor: string): Person | null {
  if (actor === BY_RECOVERY) return null;
  const [kind, ...rest] = actor.split(":");
  const name = rest.join(":");
  if (name === "") return { en: actor, th: actor };
  if (kind === "operator" || kind === "source") return { en: name, th: name };
  if (kind !== "link") return { en: actor, th: actor };
  const names: Readonly<Record<string, string>> = CHANNEL_NAMES;
  const channel = names[name] ?? name;
  return { en: `Somebody (${channel})`, th: `ผู้ที่กดลิงก์ใน ${channel}` };
}
