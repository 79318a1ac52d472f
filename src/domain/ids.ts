/** What an id names; the prefix makes a pasted id self-explaining. */
export const ID_PREFIX = {
  event: "evt",
  attempt: "att",
  deadLetter: "ded",
  outbox: "out",
  notice: "ntc",
  timer: "tmr",
  ledgerObject: "obj",
  payment: "pay",
  entitlement: "ent",
  alert: "alt",
  incidentEntry: "ine",
  incidentStep: "ist",
  incidentTask: "itk",
  subscriber: "sbr",
  maintenance: "mnt",
  signal: "sig",
  deployment: "dep",
  deploymentTarget: "dpt",
  suppression: "sup",
  audit: "aud",
  apiKey: "key",
  sourceHold: "hld",
  reconciliation: "rec",
  discrepancy: "dsc",
  correction: "cor",
  run: "run",
  request: "req",
} as const;

export type IdKind = keyof typeof ID_PREFIX;

/** Makes ids that sort by the time of their making: `evt_01J…`. Handed in; tests count instead. */
export interface Ids {
  next(kind: IdKind): string;
}
