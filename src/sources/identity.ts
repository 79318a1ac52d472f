import type { Identity } from "./source.js";

const KEY_CHARS_MAX = 255;
const PART_CHARS_MAX = 80;
const TYPE_CHARS_MAX = 100;

/** SHA-256 in lower-case hex. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Names a body by its own bytes: the same bytes again are the same event. */
export async function bodyKey(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256:${await sha256Hex(body)}`;
}

/**
 * An event key of the parts, at most 255 printable ASCII characters.
 * A part that is long, or holds anything but the usual characters of an id, is replaced by its
 * hash instead of being cut or cleaned: two different ids never become one key.
 */
export async function keyOfParts(...parts: readonly string[]): Promise<string> {
  const safe = await Promise.all(parts.map(safePart));
  const key = safe.join(":");
  return key.length <= KEY_CHARS_MAX ? key : `sha256:${await hashOfText(key)}`;
}

async function safePart(part: string): Promise<string> {
  return part.length <= PART_CHARS_MAX && /^[A-Za-z0-9_.@+-]+$/.test(part)
    ? part
    : `sha256-${await hashOfText(part)}`;
}

/** A type as it may be stored and listed: at most 100 characters of letters, digits and `._:-`. */
export function typeName(given: string): string {
  return given.replace(/[^A-Za-z0-9._:-]/g, "_").slice(0, TYPE_CHARS_MAX);
}

/** What an event is called whose body cannot be read: by its bytes, at a time nobody knows. */
export async function unreadable(
  body: Uint8Array<ArrayBuffer>,
  type = "unreadable",
): Promise<Identity> {
  return { eventKey: await bodyKey(body), type, occurredAt: null };
}

function hashOfText(text: string): Promise<string> {
  return sha256Hex(new TextEncoder().encode(text));
}
