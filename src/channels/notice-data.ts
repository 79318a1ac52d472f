import { Permanent } from "../domain/errors.js";
import { decimalOf, formatMoney, type Money } from "../domain/money.js";
import type { Notice, NoticeData } from "../domain/notice.js";
import type { Instant } from "../domain/time.js";

/** What a channel's words are made of; the rest of a notice is how it is sent. */
export type NoticeContent = Pick<
  Notice,
  "id" | "channel" | "template" | "locale" | "data" | "createdAt"
>;

/** Where JavaScript's calendar ends. */
const INSTANT_MAX = 8.64e15;

const TEXT_CHARS_MAX = 1_000;

/** A link is left out rather than cut: half an address leads nowhere. */
const URL_CHARS_MAX = 500;

/** Line breaks, control characters, lone surrogates, and marks that turn the direction of what follows. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** One line of printable text, or null when there is nothing to print. */
export function textIn(data: NoticeData, key: string): string | null {
  const value = data[key];
  if (typeof value !== "string" && typeof value !== "number") return null;
  const text = String(value).replace(UNPRINTABLE, " ").trim();
  return text === "" ? null : clip(text, TEXT_CHARS_MAX);
}

/** A moment in milliseconds; null when absent or beyond the calendar, so that no mail says "Invalid Date". */
export function instantIn(data: NoticeData, key: string): Instant | null {
  const value = data[key];
  return typeof value === "number" && Math.abs(value) <= INSTANT_MAX ? value : null;
}

/** A link that is safe to show: http or https only, since it came from a webhook. */
export function urlIn(data: NoticeData, key: string): string | null {
  const text = data[key];
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const { href, protocol } = new URL(text);
  const isWeb = protocol === "https:" || protocol === "http:";
  return isWeb && href.length <= URL_CHARS_MAX ? href : null;
}

/** @throws Permanent `channel_refused` naming the field. */
export function requiredTextIn(notice: NoticeContent, key: string): string {
  return textIn(notice.data, key) ?? lacks(notice, key);
}

/** @throws Permanent `channel_refused` naming the field. */
export function requiredInstantIn(notice: NoticeContent, key: string): Instant {
  return instantIn(notice.data, key) ?? lacks(notice, key);
}

/** @throws Permanent `channel_refused` naming the field: a mail about money must not guess it. */
export function moneyIn(notice: NoticeContent, key = "amountMinor"): Money {
  const amountMinor = notice.data[key];
  if (typeof amountMinor !== "number" || !Number.isSafeInteger(amountMinor)) {
    return lacks(notice, key);
  }
  return { amountMinor, currency: requiredTextIn(notice, "currency").toUpperCase() };
}

/** `Intl` refuses a currency that is not three letters; such an amount is written plainly. */
export function moneyText(money: Money, locale: string): string {
  return /^[A-Z]{3}$/.test(money.currency)
    ? formatMoney(money, locale)
    : `${decimalOf(money)} ${money.currency}`;
}

/** The notice with the platform's zone, where it brings none of its own. */
export function withZone<N extends NoticeContent>(notice: N, timeZone: string): N {
  if (textIn(notice.data, "timeZone") !== null) return notice;
  return { ...notice, data: { ...notice.data, timeZone } };
}

/** @throws Permanent `channel_refused` always. */
export function noSuchTemplate(notice: NoticeContent): never {
  throw new Permanent("channel_refused", {
    detail: `channel ${notice.channel} has no template ${notice.template}`,
  });
}

/** At most `charsMax` UTF-16 units, never half a character, with an ellipsis for what was cut. */
export function clip(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const kept: string[] = [];
  let length = 1; // the ellipsis
  for (const character of text) {
    length += character.length;
    if (length > charsMax) break;
    kept.push(character);
  }
  return `${kept.join("").trimEnd()}…`;
}

function lacks(notice: NoticeContent, key: string): never {
  throw new Permanent("channel_refused", { detail: `template ${notice.template} lacks ${key}` });
}
