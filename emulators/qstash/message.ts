/** Go's canonical form, as QStash shows header names: `x-my-header` becomes `X-My-Header`. */
export type HeaderMap = Record<string, string[]>;

export interface FlowValue {
  key: string;
  parallelism?: number;
  rate?: number;
  periodMs?: number;
}

/** How a callback message is to be made; from the `Upstash-(Failure-)Callback-*` headers. */
export interface CallbackSpec {
  url: string;
  method: string;
  header: HeaderMap;
  maxRetries?: number;
  retryDelayExpression?: string;
  timeoutMs?: number;
}

/** Everything about a message that never changes; kept as one jsonb value. */
export interface MessageSpec {
  url: string;
  method: string;
  header: HeaderMap;
  maxRetries: number;
  createdAtMs: number;
  notBeforeMs: number;
  labels: string[];
  retryDelayExpression?: string;
  timeoutMs?: number;
  callback?: CallbackSpec;
  failureCallback?: CallbackSpec;
  flow?: FlowValue;
  scheduleId?: string;
  callerIp?: string;
  redact?: string[];
}

export interface NewMessage {
  id: string;
  spec: MessageSpec;
  body: Buffer;
  dueAtMs: number;
  /** Order among messages due at the same instant; 0 unless a fault reorders. */
  rank: number;
  dedupKey: string | null;
}

export interface WaitingMessage {
  id: string;
  spec: MessageSpec;
  body: Buffer;
  /** Retries already made; sent as `Upstash-Retried`. */
  retried: number;
}

export interface Answer {
  status: number;
  header: HeaderMap;
  body: Buffer;
}

export interface DeadMessage {
  dlqId: string;
  messageId: string;
  spec: MessageSpec;
  body: Buffer;
  answer: Answer | null;
}

export const canonicalHeader = (name: string): string =>
  name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, c: string) => dash + c.toUpperCase());

const REDACTED = "REDACTED";

function shownHeader(spec: MessageSpec): HeaderMap {
  const redact = spec.redact ?? [];
  // The SDK writes `header` for all, the OpenAPI text `headers`.
  const all = redact.includes("header") || redact.includes("headers");
  return Object.fromEntries(
    Object.entries(spec.header).map(([name, values]) => {
      const hidden = all || redact.includes(`header[${name.toLowerCase()}]`);
      return [name, hidden ? values.map(() => REDACTED) : values];
    }),
  );
}

/** `body` when it is UTF-8, `bodyBase64` otherwise; nothing when empty. */
export function shownBody(body: Buffer, names: { text: string; base64: string }) {
  if (body.length === 0) return {};
  const text = body.toString("utf8");
  const isText = Buffer.from(text, "utf8").equals(body);
  return isText ? { [names.text]: text } : { [names.base64]: body.toString("base64") };
}

/** What logs, messages and DLQ entries share. Undefined fields vanish in JSON. */
export function shownSpec(spec: MessageSpec) {
  return {
    url: spec.url,
    method: spec.method,
    header: shownHeader(spec),
    maxRetries: spec.maxRetries,
    retryDelayExpression: spec.retryDelayExpression,
    notBefore: spec.notBeforeMs,
    createdAt: spec.createdAtMs,
    callback: spec.callback?.url,
    failureCallback: spec.failureCallback?.url,
    scheduleId: spec.scheduleId,
    callerIP: spec.callerIp,
    label: spec.labels[0],
    labels: spec.labels.length === 0 ? undefined : spec.labels,
    flowControlKey: spec.flow?.key,
    parallelism: spec.flow?.parallelism,
    rate: spec.flow?.rate,
    period: spec.flow?.periodMs === undefined ? undefined : spec.flow.periodMs / 1_000,
  };
}

const bodyOf = (spec: MessageSpec, body: Buffer) =>
  spec.redact?.includes("body")
    ? { body: REDACTED }
    : shownBody(body, { text: "body", base64: "bodyBase64" });

export const shownMessage = (message: { id: string; spec: MessageSpec; body: Buffer }) => ({
  messageId: message.id,
  ...shownSpec(message.spec),
  ...bodyOf(message.spec, message.body),
});

export const shownDeadMessage = (dead: DeadMessage) => ({
  ...shownMessage({ id: dead.messageId, spec: dead.spec, body: dead.body }),
  dlqId: dead.dlqId,
  ...(dead.answer === null
    ? {}
    : {
        responseStatus: dead.answer.status,
        responseHeader: dead.answer.header,
        ...shownBody(dead.answer.body, { text: "responseBody", base64: "responseBodyBase64" }),
      }),
});
