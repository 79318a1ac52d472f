import { keyOfParts } from "../identity.js";
import { identifyNamed } from "../named-event.js";
import { instantOfIso, instantOfMillis } from "../read.js";
import type { Identity } from "../source.js";

/** The body's `id`; `createdAt` is milliseconds on the wire, although the documents' table calls it a date. */
export function identify(_headers: Headers, body: Uint8Array<ArrayBuffer>): Promise<Identity> {
  return identifyNamed(body, async ({ createdAt }, id) => ({
    eventKey: await keyOfParts(id),
    occurredAt: createdAtOf(createdAt),
  }));
}

export function createdAtOf(value: unknown): number | null {
  return instantOfMillis(value) ?? instantOfIso(value);
}
