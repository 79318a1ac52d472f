import { bodyKey, keyOfParts, typeName, unreadable } from "../identity.js";
import { instantOfMillis, readBody, shortText } from "../read.js";
import type { Identity } from "../source.js";

/** By its group, what became of it, and when: whoever finds the same transition again tells the same event. */
export async function identify(
  _headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<Identity> {
  const reading = readBody(body);
  if (reading.kind !== "object") return unreadable(body);
  const { groupKey, kind, at } = reading.value;
  const type = typeName(`signal.${shortText(kind) ?? "unknown"}`);
  const occurredAt = instantOfMillis(at);
  const group = shortText(groupKey);
  if (group === null || occurredAt === null) {
    return { eventKey: await bodyKey(body), type, occurredAt };
  }
  const eventKey = await keyOfParts(...group.split(":"), type.slice(7), String(occurredAt));
  return { eventKey, type, occurredAt };
}
