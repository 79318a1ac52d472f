import { readdirSync, readFileSync } from "node:fs";
import { encodeBody, type Signing, signedRequest } from "../sign.js";

export type SampleBody = { [key: string]: unknown };

/** A delivery as it would come, without what signing adds. */
export interface Sample {
  source: string;
  headers: Record<string, string>;
  body: SampleBody;
}

export interface Freshening {
  /** Made part of every id, so that the event is a new one; samples with the same one belong together. */
  uniqueId: string;
  /** Milliseconds since 1970; the samples' times are moved so that their latest is this. */
  now: number;
  /** `{"data.object.amount": "500"}`: paths into the body and what to put there. */
  set?: Readonly<Record<string, string>>;
  /** Paths of ids that stay as they are in the file. */
  keep?: readonly string[];
}

/** The moment at which all samples play (2026-11-01T09:00Z); earlier times in them are relative to it. */
const PLAYED_AT = Date.UTC(2026, 10, 1, 9);
const SECOND_KEYS = new Set([
  ...["created", "canceled_at", "expires_at", "timestamp", "received", "start_date", "due_by"],
  ...["cancel_at", "ended_at", "paid_at", "finalized_at", "next_payment_attempt", "start", "end"],
  ...["period_start", "period_end", "current_period_start", "current_period_end"],
  "billing_cycle_anchor",
]);
const MILLISECOND_KEYS = new Set(["createdAt"]);
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** The ids that make a sample this event and no other, by source. */
const ID_PATHS: ReadonlyMap<string, readonly string[]> = new Map([
  [
    "stripe",
    [
      "id",
      "request.id",
      "data.object.id",
      "data.object.payment_intent",
      "data.object.latest_charge",
      "data.object.charge",
      "data.object.customer",
      "data.object.invoice",
      "data.object.latest_invoice",
      "data.object.subscription",
      "data.object.parent.subscription_details.subscription",
      "data.object.payment.payment_intent",
      "data.object.charges.data.0.id",
      "data.object.charges.data.0.payment_intent",
      "data.object.refunds.data.0.id",
      "data.object.refunds.data.0.charge",
      "data.object.refunds.data.0.payment_intent",
      "related_object.id",
      "related_object.url",
      "snapshot_event",
    ],
  ],
  [
    "sentry",
    ["data.issue.id", "data.event.event_id", "data.event.issue_id", "data.metric_alert.id"],
  ],
  ["vercel", ["id", "payload.deployment.id"]],
  [
    "better-stack",
    ["data.id", "incident.id", "incident.incident_updates.0.id", "incident.incident_updates.1.id"],
  ],
  ["resend", ["data.email_id"]],
]);

/** Names of the samples of a source, as a user types them; empty for an unknown source. */
export function sampleNames(source: string): string[] {
  if (!ID_PATHS.has(source)) return [];
  return readdirSync(new URL(`./${source}/`, import.meta.url))
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/**
 * A sample by its own name (`payment-succeeded`) or by the provider's (`payment_intent.succeeded`).
 *
 * @throws Error that lists the names there are.
 */
export function loadSample(source: string, name: string): Sample {
  const names = sampleNames(source);
  const found = names.includes(name)
    ? name
    : names.find((candidate) => providerName(readSample(source, candidate)) === name);
  if (found === undefined) {
    throw new Error(
      names.length === 0
        ? `no source "${source}"; there are ${[...ID_PATHS.keys()].join(", ")}`
        : `no sample "${name}" of ${source}; there are ${names.join(", ")}`,
    );
  }
  return readSample(source, found);
}

/** A copy with ids and times of its own, and then what was asked to be set. */
export function freshen(sample: Sample, o: Freshening): Sample {
  const body = shifted(sample.body, o.now - PLAYED_AT) as SampleBody;
  for (const path of ID_PATHS.get(sample.source) ?? []) {
    const id = valueAt(body, path);
    if (typeof id !== "string" || o.keep?.includes(path)) continue;
    setAt(body, path, `${id}_${o.uniqueId}`);
  }
  for (const [path, given] of Object.entries(o.set ?? {})) {
    setAt(body, path, valueGiven(given, valueAt(body, path)));
  }
  return { ...sample, headers: { ...sample.headers }, body };
}

/** The sample as a request: the bytes as the provider writes them, and its signed headers. */
export function requestOf(
  { source, headers, body }: Sample,
  signing: Omit<Signing, "resource">,
): { headers: Record<string, string>; body: Uint8Array<ArrayBuffer> } {
  const bytes = encodeBody(source, body);
  const signed = signedRequest(source, bytes, signing);
  return { headers: { ...signed.headers, ...headers }, body: bytes };
}

function readSample(source: string, name: string): Sample {
  const file = new URL(`./${source}/${name}.json`, import.meta.url);
  return { ...(JSON.parse(readFileSync(file, "utf8")) as Omit<Sample, "source">), source };
}

/** What the provider itself calls it: in the body, or put together from what stands for it. */
function providerName({ headers, body }: Sample): string {
  if (typeof body.type === "string") return body.type;
  if (typeof body.event_type === "string") return `status_page.${body.event_type}`;
  const subject = headers["Sentry-Hook-Resource"] ?? valueAt(body, "data.type");
  return `${subject}.${body.action ?? body.event}`;
}

/** A deep copy with every time in it moved by so many milliseconds. */
function shifted(value: unknown, byMs: number, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => shifted(item, byMs));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, shifted(inner, byMs, name)]),
    );
  }
  if (typeof value === "number" && MILLISECOND_KEYS.has(key)) return value + byMs;
  if (typeof value === "number" && SECOND_KEYS.has(key)) return value + Math.floor(byMs / 1000);
  if (typeof value === "string" && ISO.test(value)) return isoOf(Date.parse(value) + byMs, value);
  return value;
}

/** In the way that the sample writes it: some senders write `Z`, some an offset. */
function isoOf(at: number, like: string): string {
  const written = new Date(at).toISOString();
  return like.endsWith("Z") ? written : `${written.slice(0, -1)}+00:00`;
}

/** JSON where it is JSON, else text; what is text already stays text, so that an id of digits does not become a number. */
function valueGiven(given: string, before: unknown): unknown {
  try {
    const parsed: unknown = JSON.parse(given);
    const scalar = typeof parsed === "number" || typeof parsed === "boolean";
    return scalar && typeof before === "string" ? given : parsed;
  } catch {
    return given;
  }
}

function valueAt(body: unknown, path: string): unknown {
  let here = body;
  for (const key of path.split(".")) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as SampleBody)[key];
  }
  return here;
}

/** @throws Error when the path leads through something that is neither an object nor a list. */
function setAt(body: SampleBody, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let here: SampleBody = body;
  for (const key of [...keys, last]) {
    if (key === "" || key === "__proto__") throw new Error(`"${path}" is no path into the sample`);
  }
  for (const key of keys) {
    const next = Object.hasOwn(here, key) ? (here[key] ?? {}) : {};
    if (typeof next !== "object") throw new Error(`"${path}": ${key} holds no fields`);
    here[key] = next;
    here = next as SampleBody;
  }
  here[last] = value;
}
