import { OWN_SOURCE, type OwnSignal, ownSignalId } from "../domain/own-signal.js";
import type { Source } from "../sources/source.js";

export interface RaiseOwnDeps {
  sourceById(id: string): Source | undefined;
  /** Sends an event on the ordinary path, as if the door had taken it. @throws Transient */
  sendEvent(source: Source, body: object): Promise<{ eventKey: string }>;
}

/**
 * Tells of trouble that we found ourselves, or of its end, as an event of our own source: durable when this
 * resolves. The same transition told again is the same event.
 *
 * @throws Transient `queue_unavailable` when neither queue nor KV takes it.
 */
export async function raiseOwn(
  signal: OwnSignal,
  deps: RaiseOwnDeps,
): Promise<{ eventKey: string }> {
  const source = deps.sourceById(OWN_SOURCE);
  if (source === undefined) throw new Error("our own source is in the registry");
  return deps.sendEvent(source, { id: ownSignalId(signal), ...signal });
}
