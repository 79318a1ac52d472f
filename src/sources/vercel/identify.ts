import { keyOfParts, typeName, unreadable } from "../identity.js";
import { instantOfIso, instantOfMillis, readBody, text } from "../read.js";
import type { Identity } from "../source.js";

/** The body's `id`; `createdAt` is milliseconds on the wire, although the documents' table calls it a date. */
export async function identify(
  _headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<Identity> {
  const reading = readBody(body);
  if (reading.kind !== "object") return unreadable(body);
  const event = reading.value;
  const type = typeName(text(event.type) ?? "unknown");
  const id = text(event.id);
  if (id === null) return unreadable(body, type);
  return { eventKey: await keyOfParts(id), type, occurredAt: createdAtOf(event.createdAt) };
}

export function createdAtOf(value: unknown): number | null {
  return instantOfMillis(value) ?? instantOfIso(value);
}
