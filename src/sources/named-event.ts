import { typeName, unreadable } from "./identity.js";
import { type JsonObject, readBody, text } from "./read.js";
import type { Identity } from "./source.js";

/**
 * The identity of a body that is a JSON object with a `type` and an `id`, as many providers' events are.
 * One that cannot be read, or has no id, is named by its bytes.
 */
export async function identifyNamed(
  body: Uint8Array<ArrayBuffer>,
  identityOf: (event: JsonObject, id: string) => Promise<Omit<Identity, "type">>,
): Promise<Identity> {
  const reading = readBody(body);
  if (reading.kind !== "object") return unreadable(body);
  const event = reading.value;
  const type = typeName(text(event.type) ?? "unknown");
  const id = text(event.id);
  if (id === null) return unreadable(body, type);
  return { type, ...(await identityOf(event, id)) };
}
