import { createHash } from "node:crypto";
import { parseDurationMs, parseSecondsOrDurationMs } from "./durations.js";
import { compileRetryDelay, ExpressionError } from "./expression.js";
import {
  type CallbackSpec,
  canonicalHeader,
  type FlowValue,
  type HeaderMap,
  type MessageSpec,
} from "./message.js";

export interface Limits {
  messageBytesMax: number;
  delayMaxMs: number;
  /** The longest that a destination may take; Upstash-Timeout can only shorten it. */
  responseWaitMaxMs: number;
}

/** A request that QStash would refuse; the message is what the sender reads in `error`. */
export class BadRequest extends Error {
  constructor(
    message: string,
    readonly status: number = 400,
  ) {
    super(message);
  }
}

/** Case-insensitive header lookup which falls back to `?upstash-*` query parameters. */
export class PublishHeaders {
  readonly #values = new Map<string, string[]>();

  constructor(pairs: Iterable<readonly [string, string]>, query: URLSearchParams | null = null) {
    for (const [name, value] of pairs) {
      const key = name.toLowerCase();
      this.#values.set(key, [...(this.#values.get(key) ?? []), value]);
    }
    for (const [name, value] of query ?? []) {
      const key = name.toLowerCase();
      if (key.startsWith("upstash-") && !this.#values.has(key)) this.#values.set(key, [value]);
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name.toLowerCase())?.[0];
  }

  entries(): IterableIterator<[string, string[]]> {
    return this.#values.entries();
  }
}

const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
/** Hop-by-hop or computed; a forwarded one would break the request to the destination. */
const NEVER_FORWARDED = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "keep-alive",
  "upgrade",
  "expect",
  "te",
  "trailer",
]);
const LEGAL_HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LEGAL_HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DEFAULT_RETRIES = 3;
const FLOW_PERIOD_MAX_MS = 7 * 86_400_000;

function checkUrl(url: string, name: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || !/^https?:\/\//i.test(url)) {
    throw new BadRequest(`${name} must be an absolute http or https url: "${url}"`);
  }
  return url;
}

function readInteger(headers: PublishHeaders, name: string): number | undefined {
  const value = headers.get(name);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value.trim())) throw new BadRequest(`invalid ${name}: "${value}"`);
  return Number(value);
}

function readDuration(headers: PublishHeaders, name: string): number | undefined {
  const value = headers.get(name);
  if (value === undefined) return undefined;
  const ms = parseDurationMs(value);
  if (ms === null) throw new BadRequest(`invalid ${name}: "${value}"`);
  return Math.ceil(ms);
}

function readMethod(headers: PublishHeaders, name: string): string {
  const method = (headers.get(name) ?? "POST").toUpperCase();
  if (!METHODS.has(method)) throw new BadRequest(`invalid ${name}: "${method}"`);
  return method;
}

function readExpression(headers: PublishHeaders, name: string): string | undefined {
  const text = headers.get(name);
  if (text === undefined) return undefined;
  try {
    compileRetryDelay(text);
  } catch (error) {
    if (error instanceof ExpressionError) throw new BadRequest(`invalid ${name}: ${error.message}`);
    throw error;
  }
  return text;
}

function readForwarded(headers: PublishHeaders, prefix: string): HeaderMap {
  const forwarded: HeaderMap = {};
  const add = (name: string, values: string[]) => {
    if (NEVER_FORWARDED.has(name)) return;
    if (!LEGAL_HEADER_NAME.test(name) || !values.every((v) => LEGAL_HEADER_VALUE.test(v))) {
      throw new BadRequest(`illegal header "${name}"`);
    }
    forwarded[canonicalHeader(name)] = values;
  };
  const forwardAll = headers.get("upstash-header-forward")?.toLowerCase() === "true";
  for (const [name, values] of headers.entries()) {
    if (name.startsWith(prefix)) add(name.slice(prefix.length), values);
    else if (forwardAll && !name.startsWith("upstash-") && name !== "authorization") {
      add(name, values);
    }
  }
  return forwarded;
}

/** `parallelism=2, rate=5, period=1m`; each part optional, but not all absent. */
function readFlow(headers: PublishHeaders): FlowValue | undefined {
  const key = headers.get("upstash-flow-control-key");
  if (key === undefined || key === "") return undefined;
  const flow: FlowValue = { key };
  for (const part of (headers.get("upstash-flow-control-value") ?? "").split(",")) {
    const [name = "", value = ""] = part.split("=").map((text) => text.trim().toLowerCase());
    if (name === "") continue;
    if (name === "period") {
      const periodMs = parseSecondsOrDurationMs(value);
      if (periodMs === null || periodMs < 1 || periodMs > FLOW_PERIOD_MAX_MS) {
        throw new BadRequest(`invalid flow control period: "${value}"`);
      }
      flow.periodMs = Math.ceil(periodMs);
    } else if ((name === "parallelism" || name === "rate") && /^[1-9]\d{0,8}$/.test(value)) {
      flow[name] = Number(value);
    } else throw new BadRequest(`invalid flow control value: "${part.trim()}"`);
  }
  if (flow.parallelism === undefined && flow.rate === undefined) {
    throw new BadRequest("flow control needs at least one of parallelism or rate");
  }
  return flow;
}

function readCallback(headers: PublishHeaders, name: string): CallbackSpec | undefined {
  const url = headers.get(name);
  if (url === undefined) return undefined;
  // The docs describe a delay here, the server's changelog of March 2025 says that it is refused.
  if (headers.get(`${name}-delay`) !== undefined) {
    throw new BadRequest(`${name}-delay is not supported`);
  }
  const header = readForwarded(headers, `${name}-forward-`);
  return withoutUndefined({
    url: checkUrl(url, name),
    method: readMethod(headers, `${name}-method`),
    header: { "Content-Type": ["application/json"], ...header },
    maxRetries: readInteger(headers, `${name}-retries`),
    retryDelayExpression: readExpression(headers, `${name}-retry-delay`),
    timeoutMs: readDuration(headers, `${name}-timeout`),
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Drops undefined fields, so that optional properties are absent rather than undefined. */
export function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as Defined<T>;
}

/** Config that a DLQ retry may override, and that publish and schedules share. */
export function readOverrides(headers: PublishHeaders): Partial<MessageSpec> {
  const labels = headers.get("upstash-label");
  const redact = headers.get("upstash-redact-fields");
  return withoutUndefined({
    maxRetries: readInteger(headers, "upstash-retries"),
    retryDelayExpression: readExpression(headers, "upstash-retry-delay"),
    timeoutMs: readDuration(headers, "upstash-timeout"),
    callback: readCallback(headers, "upstash-callback"),
    failureCallback: readCallback(headers, "upstash-failure-callback"),
    flow: readFlow(headers),
    labels: labels?.split(",").flatMap((label) => (label.trim() === "" ? [] : [label.trim()])),
    redact: redact?.split(",").map((field) => field.trim().toLowerCase()),
  });
}

interface PublishInput {
  destination: string;
  headers: PublishHeaders;
  body: Buffer;
  callerIp: string | undefined;
  nowMs: number;
  limits: Limits;
}

/** @throws BadRequest with the reason that the sender gets. */
export function readSpec(input: PublishInput): MessageSpec {
  const { headers, nowMs, limits } = input;
  if (input.body.length > limits.messageBytesMax) {
    throw new BadRequest(`message is larger than ${limits.messageBytesMax} bytes`, 413);
  }
  const contentType = headers.get("content-type");
  const header: HeaderMap = {
    ...(contentType === undefined ? {} : { "Content-Type": [contentType] }),
    ...readForwarded(headers, "upstash-forward-"),
  };
  return withoutUndefined({
    url: checkUrl(input.destination, "destination"),
    method: readMethod(headers, "upstash-method"),
    header,
    maxRetries: DEFAULT_RETRIES,
    createdAtMs: nowMs,
    notBeforeMs: readDueAt(headers, nowMs, limits),
    labels: [],
    callerIp: input.callerIp,
    ...readOverrides(headers),
  });
}

/** Upstash-Not-Before (unix seconds) beats Upstash-Delay. */
function readDueAt(headers: PublishHeaders, nowMs: number, limits: Limits): number {
  const notBefore = readInteger(headers, "upstash-not-before");
  const delayMs = readDuration(headers, "upstash-delay") ?? 0;
  const dueAtMs = notBefore === undefined ? nowMs + delayMs : Math.max(nowMs, notBefore * 1_000);
  if (dueAtMs - nowMs > limits.delayMaxMs) {
    throw new BadRequest(`delay is longer than ${limits.delayMaxMs / 1_000} seconds`);
  }
  return dueAtMs;
}

/** One key space for explicit ids, one for contents. Null when nothing asks for deduplication. */
export function readDedupKey(spec: MessageSpec, headers: PublishHeaders, body: Buffer) {
  const id = headers.get("upstash-deduplication-id");
  if (id !== undefined && id !== "") {
    // The service's own words and status for it.
    if (id.includes(":")) throw new BadRequest("DeduplicationId cannot contain ':'");
    return `id:${id}`;
  }
  if (headers.get("upstash-content-based-deduplication")?.toLowerCase() !== "true") return null;
  const forwarded = Object.entries(spec.header).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash("sha256")
    .update(JSON.stringify([spec.url, forwarded]))
    .update(body);
  return `content:${hash.digest("hex")}`;
}

/**
 * The destination as it stands in the request line: the query belongs to it, except for the
 * token and configuration of QStash itself (that these are stripped is UNCONFIRMED).
 */
export function destinationOf(rawTail: string): string {
  const mark = rawTail.indexOf("?");
  if (mark < 0) return rawTail;
  const kept = rawTail
    .slice(mark + 1)
    .split("&")
    .filter((pair) => !/^(qstash_token|upstash-[^=]*)(=|$)/i.test(pair));
  return kept.length === 0 ? rawTail.slice(0, mark) : `${rawTail.slice(0, mark)}?${kept.join("&")}`;
}
