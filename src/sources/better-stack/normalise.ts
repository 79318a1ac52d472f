import type { Fact, SignalKind, SignalLevel } from "../../domain/facts.js";
import {
  bodyObject,
  firstText,
  idText,
  type JsonObject,
  needId,
  oneLine,
  shortText,
  text,
  webUrl,
} from "../read.js";
import type { NormaliseContext } from "../source.js";
import { type Delivery, deliveryOf, stateTime } from "./delivery.js";

/**
 * Incidents of the uptime product and errors of the errors product as signals; a monitor's
 * configuration, who is on call and status pages say nothing that we act on.
 */
export function normalise(
  _headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const delivery = deliveryOf(bodyObject(body));
  if (delivery.kind === "incident") return factsOfIncident(delivery, context);
  return delivery.kind === "error" ? factsOfError(delivery, context) : [];
}

function factsOfIncident(
  { id, state, attributes }: Extract<Delivery, { kind: "incident" }>,
  context: NormaliseContext,
): Fact[] {
  if (state === "comment") return [];
  // A monitor's own name; an incident that was made by hand or by the API may have no address.
  const host = hostOf(attributes);
  const service = oneLine(firstText(attributes.name, host) ?? "unknown");
  const cause = text(attributes.cause);
  const { signalKind, level } = troubleOf(service, cause ?? "");
  const base = {
    groupKey: `better-stack:incident:${needId(id, "data.id")}`,
    signalKind,
    title: oneLine(cause === null ? service : `${service}: ${cause}`),
    occurredAt: stateTime(state, attributes) ?? context.receivedAt,
  };
  if (state === "resolved") {
    return [{ kind: "signal.resolved", ...base, by: shortText(attributes.resolved_by) }];
  }
  if (state === "acknowledged") {
    return [{ kind: "signal.acknowledged", ...base, by: shortText(attributes.acknowledged_by) }];
  }
  return [
    {
      kind: "signal.raised",
      ...base,
      level,
      service,
      environment: null,
      url: webUrl(attributes.url),
      ours: isOurs(context, service, host),
    },
  ];
}

/**
 * What a monitor says comes as an outage whatever it looks at. A certificate or domain that expires soon brings
 * nothing down yet; a heartbeat that is missed is of what its name says. By the words that the product writes
 * (`SSL certificate expires soon (7 days)`, `Missed heartbeat`); other words are an outage.
 */
function troubleOf(name: string, cause: string): { signalKind: SignalKind; level: SignalLevel } {
  if (/\b(ssl|tls|certificate|domain)\b.*\b(expires|expiring|expiration)\b/i.test(cause)) {
    return { signalKind: "certificate", level: "warning" };
  }
  if (/heartbeat/i.test(cause) && /back-?up/i.test(name)) {
    return { signalKind: "backup", level: "error" };
  }
  return { signalKind: "uptime", level: "fatal" };
}

/** Only the start of the word is looked at: `new_error` is what the documents show, the rest is by its name alone. */
const ERROR_MEANS: readonly (readonly [RegExp, "raised" | "resolved"])[] = [
  [/^(new|threshold|spike|reoccurred|unresolved)/, "raised"],
  [/^(resolved|ignored)/, "resolved"],
];

function factsOfError(
  { id, event, attributes }: Extract<Delivery, { kind: "error" }>,
  context: NormaliseContext,
): Fact[] {
  const means = ERROR_MEANS.find(([word]) => word.test(event))?.[1];
  if (means === undefined) return [];
  const application = shortText(idText(attributes.application_id));
  const service = oneLine(firstText(attributes.application_name, application) ?? "unknown");
  const said = [text(attributes.error_type), text(attributes.error_message)].filter(Boolean);
  const base = {
    groupKey: `better-stack:error:${application ?? "none"}:${needId(id, "data.id")}`,
    signalKind: "error" as const,
    title: oneLine(said.length === 0 ? `An error in ${service}` : said.join(": ")),
    occurredAt: context.receivedAt,
  };
  if (means === "resolved") return [{ kind: "signal.resolved", ...base, by: null }];
  return [
    {
      kind: "signal.raised",
      ...base,
      level: "error",
      service,
      environment: shortText(attributes.environment),
      url: webUrl(attributes.error_url),
      ours: isOurs(context, service, application),
    },
  ];
}

function hostOf(attributes: JsonObject): string | null {
  const url = webUrl(attributes.url);
  return url === null ? null : new URL(url).hostname;
}

function isOurs({ ours }: NormaliseContext, ...names: readonly (string | null)[]): boolean {
  return names.some((name) => name !== null && ours.has(name.toLowerCase()));
}
