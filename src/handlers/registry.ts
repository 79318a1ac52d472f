import type { FactKind } from "../domain/facts.js";
import type { AnyHandler } from "./handler.js";
import { noteTest } from "./note-test/index.js";
import { recordDeployment } from "./record-deployment/index.js";
import { recordLedger } from "./record-ledger/index.js";
import { trackIncident } from "./track-incident/index.js";
import { trackMail } from "./track-mail/index.js";

/** The only list of reactions. A new one is a folder and a line here. */
const handlers: readonly AnyHandler[] = [
  recordLedger,
  trackIncident,
  recordDeployment,
  trackMail,
  noteTest,
];

const byFact = new Map<FactKind, AnyHandler[]>();
for (const handler of handlers) {
  for (const kind of handler.reactsTo) byFact.set(kind, [...(byFact.get(kind) ?? []), handler]);
}

export function handlersOf(kind: FactKind): readonly AnyHandler[] {
  return byFact.get(kind) ?? [];
}
