import { bodyKey, keyOfParts, typeName, unreadable } from "../identity.js";
import { instantOfIso, readBody, text } from "../read.js";
import type { Identity } from "../source.js";

/**
 * The message's id, which is signed, and which a redelivery keeps. The body names no event: two events
 * of one mail share its `email_id`.
 */
export async function identify(headers: Headers, body: Uint8Array<ArrayBuffer>): Promise<Identity> {
  const id = text(headers.get("svix-id"));
  const reading = readBody(body);
  const named = id === null ? null : await keyOfParts(id);
  if (reading.kind !== "object") {
    const identity = await unreadable(body);
    return named === null ? identity : { ...identity, eventKey: named };
  }
  const event = reading.value;
  return {
    eventKey: named ?? (await bodyKey(body)),
    type: typeName(text(event.type) ?? "unknown"),
    occurredAt: instantOfIso(event.created_at),
  };
}
