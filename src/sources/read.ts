import { Permanent } from "../domain/errors.js";
import { type Instant, instantOf, SECOND_MS } from "../domain/time.js";

/** A JSON object of which nothing is known yet. */
export type JsonObject = { readonly [key: string]: unknown };

export type BodyReading =
  | { kind: "object"; value: JsonObject }
  | { kind: "not_an_object" }
  /** `detail` says why it is not JSON in UTF-8; it quotes nothing of the body. */
  | { kind: "unreadable"; detail: string };

/** Years 1970 to 5138: what every part of the house can hold, in seconds and milliseconds alike. */
const INSTANT_MAX = 1e14;
const TITLE_CHARS_MAX = 300;
const URL_CHARS_MAX = 2_000;
const KEY_CHARS_MAX = 255;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads bytes as JSON in UTF-8, and no other way: a byte order mark is not skipped (JSON forbids
 * one, and whoever put it there changed the bytes that the provider meant to send).
 */
export function readBody(body: Uint8Array): BodyReading {
  if (body.length === 0) return { kind: "unreadable", detail: "the body is empty" };
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return { kind: "unreadable", detail: "the body is not UTF-8" };
  }
  if (text.startsWith("\uFEFF")) {
    return { kind: "unreadable", detail: "the body begins with a byte order mark" };
  }
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? { kind: "object", value } : { kind: "not_an_object" };
  } catch {
    return { kind: "unreadable", detail: "the body is not JSON" };
  }
}

/**
 * The body as an object.
 *
 * @throws Permanent `unreadable_body` when it is not JSON in UTF-8, `unexpected_shape` when it is no object.
 */
export function bodyObject(body: Uint8Array): JsonObject {
  const reading = readBody(body);
  if (reading.kind === "object") return reading.value;
  if (reading.kind === "unreadable") {
    throw new Permanent("unreadable_body", { detail: reading.detail });
  }
  throw new Permanent("unexpected_shape", { detail: "the body must be an object" });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is under the path of keys (or list indexes), or undefined where it ends early. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

/** Text that is there and not blank, without what a database cannot hold; else null. */
export function text(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const clean = value.replaceAll("\u0000", "\uFFFD").toWellFormed();
  return clean.trim() === "" ? null : clean;
}

/** The first of the values that is text. */
export function firstText(...values: readonly unknown[]): string | null {
  for (const value of values) {
    const found = text(value);
    if (found !== null) return found;
  }
  return null;
}

/** An id, which some senders write as a number and some as text. */
export function idText(value: unknown): string | null {
  return Number.isSafeInteger(value) ? String(value) : text(value);
}

/** Text that is to be a key somewhere: null also when it is longer than an index of a database bears. */
export function shortText(value: unknown): string | null {
  const found = text(value);
  return found !== null && found.length <= KEY_CHARS_MAX ? found : null;
}

/** One line that a person reads: control characters become spaces, and the end is cut between characters. */
export function oneLine(value: string, charsMax: number = TITLE_CHARS_MAX): string {
  const flat = value.replace(/[\p{Cc}\s]+/gu, " ").trim();
  // No character is longer than two units: more than these are never looked at.
  const chars = [...flat.slice(0, charsMax * 2 + 2)];
  return chars.length <= charsMax ? flat : `${chars.slice(0, charsMax - 1).join("")}…`;
}

/** A link that is safe to show: http or https, and of bearable length; else null. */
export function webUrl(value: unknown): string | null {
  const given = text(value);
  if (given === null || given.length > URL_CHARS_MAX || !URL.canParse(given)) return null;
  return /^https?:$/.test(new URL(given).protocol) ? given : null;
}

/** Seconds since 1970, whole or with a fraction, as a number or in digits. */
export function instantOfSeconds(value: unknown): Instant | null {
  const seconds = typeof value === "string" && /^\d{1,11}$/.test(value) ? Number(value) : value;
  return typeof seconds === "number" ? bounded(Math.round(seconds * SECOND_MS)) : null;
}

/** Milliseconds since 1970. */
export function instantOfMillis(value: unknown): Instant | null {
  return typeof value === "number" ? bounded(Math.round(value)) : null;
}

/** An ISO 8601 time; without an offset it is taken as UTC, whatever the machine's own zone is. */
export function instantOfIso(value: unknown): Instant | null {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value)) return null;
  const zoned = /(?:[Zz]|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`;
  const instant = instantOf(zoned);
  return instant === null ? null : bounded(instant);
}

/**
 * Text of a key's length that must be there.
 *
 * @param name the field as it is called in the body, for the person who reads the dead letter.
 * @throws Permanent `unexpected_shape`
 */
export function needText(value: unknown, name: string): string {
  return shortText(value) ?? unexpected(`${name} must be a string of 1 to ${KEY_CHARS_MAX}`);
}

/** @throws Permanent `unexpected_shape` */
export function needId(value: unknown, name: string): string {
  return (
    shortText(idText(value)) ?? unexpected(`${name} must be an id (a short string or a number)`)
  );
}

/** @throws Permanent `unexpected_shape` */
export function needObject(value: unknown, name: string): JsonObject {
  return isObject(value) ? value : unexpected(`${name} must be an object`);
}

/** @throws Permanent `unexpected_shape` */
export function unexpected(detail: string): never {
  throw new Permanent("unexpected_shape", { detail });
}

function bounded(instant: number): Instant | null {
  return instant >= 0 && instant <= INSTANT_MAX ? instant : null;
}
