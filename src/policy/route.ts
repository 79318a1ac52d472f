import type { SignalKind, SignalLevel } from "../domain/facts.js";
import type { Severity } from "../domain/severity.js";
import type { Instant } from "../domain/time.js";
import { approvalAt, approvalSentence } from "./calendar.js";
import { compileAny, type Matches } from "./pattern.js";
import { titlesOf } from "./recipients.js";
import type { Clocks, Match, Policy, Route, SeverityRule, Step } from "./schema.js";

/** What a policy's rules look at. */
export interface SignalView {
  source: string;
  kind: SignalKind;
  level: SignalLevel;
  title: string;
  service: string;
  environment: string | null;
  tags: Readonly<Record<string, string>>;
  occurredAt: Instant;
}

export interface Decision {
  severity: Severity;
  /** What the platform calls it. */
  severityName: string;
  /** The rule that set it; `none` where no rule takes the signal. */
  rule: string;
  route: string;
  /** By the name that the policy has for it; one that it does not know keeps its own. */
  service: string;
  /** The same for all signals that may be of one incident: `service=web`. */
  correlationKey: string;
  /** Sentences for people. */
  reasons: string[];
}

/**
 * What a signal means to the platform: how bad it is, how it is told, what it belongs with, and why. Pure: the
 * same signal and policy give the same decision.
 */
export function decideRoute(signal: SignalView, policy: Policy): Decision {
  const compiled = compiledOf(policy);
  const service = serviceOf(signal.service, compiled);
  const found = compiled.rules.find(({ takes }) => takes(signal, service));
  const severity = found?.rule.severity ?? UNKNOWN_SEVERITY;
  const route = found?.rule.route ?? policy.severities[severity].route;
  return {
    severity,
    severityName: policy.severities[severity].name,
    rule: found?.rule.id ?? "none",
    route,
    service,
    correlationKey: correlationKey({ ...signal, service }, policy),
    reasons: [
      ...(service === signal.service ? [] : [`\`${signal.service}\` is the service ${service}.`]),
      ...calledReasons(signal),
      ...(found?.reasons ?? unknownReasons(policy)),
      ...approvalReasons(signal, policy),
      compiled.routes.get(route) ?? describeRoute(route, routeOf(policy, route, severity), policy),
    ],
  };
}

/** What the source says is kept where it has another word than ours for how loud it is. */
function calledReasons({ source, level, tags: { called } }: SignalView): string[] {
  return called === undefined
    ? []
    : [`${source} calls it ${called}, which counts as ${level} here.`];
}

/** Of a deployment that came in a lockdown, or around an exam: who must agree to it. */
function approvalReasons({ tags, occurredAt }: SignalView, policy: Policy): string[] {
  if (tags.approval === undefined) return [];
  const approval = approvalAt(policy, occurredAt);
  return approval === null ? [] : [approvalSentence(approval)];
}

/** The name that the policy has for a service; its own where it has none. */
export function canonicalService(policy: Policy, name: string): string {
  return serviceOf(name, compiledOf(policy));
}

/** A policy is refused at its start when its rules leave something out; should one do so, somebody hears of it. */
const UNKNOWN_SEVERITY: Severity = "P1";

function unknownReasons({ severities }: Policy): string[] {
  const { name } = severities[UNKNOWN_SEVERITY];
  return [`No rule takes it, so it is told as ${UNKNOWN_SEVERITY} (${name}) rather than lost.`];
}

/** The route of that name; of one that the policy has no more, its severity's own. */
export function routeOf(policy: Policy, name: string, severity: Severity): Route {
  for (const each of [name, policy.severities[severity].route]) {
    const route = Object.hasOwn(policy.routes, each) ? policy.routes[each] : undefined;
    if (route !== undefined) return route;
  }
  throw new Error(`policy ${policy.name} has no route for ${severity}`);
}

/** What the policy promises of a severity; undefined where it promises nothing. */
export const clocksOf = ({ clocks }: Policy, severity: Severity): Clocks | undefined =>
  clocks.find(({ severities }) => severities.includes(severity));

interface CompiledRule {
  rule: SeverityRule;
  takes(signal: SignalView, service: string): boolean;
  reasons: string[];
}
interface Compiled {
  rules: CompiledRule[];
  services: { id: string; matches: Matches }[];
  routes: ReadonlyMap<string, string>;
}

/** Rules are read once for a policy, not for each signal. */
const COMPILED = new WeakMap<Policy, Compiled>();

function compiledOf(policy: Policy): Compiled {
  const known = COMPILED.get(policy);
  if (known !== undefined) return known;
  const compiled: Compiled = {
    rules: policy.rules.map((rule) => ({
      rule,
      takes: compileMatch(rule.when),
      reasons: reasonsOf(rule, policy),
    })),
    services: policy.services.map(({ id, names }) => ({ id, matches: compileAny([id, ...names]) })),
    routes: new Map(
      Object.entries(policy.routes).map(([name, each]) => [
        name,
        describeRoute(name, each, policy),
      ]),
    ),
  };
  COMPILED.set(policy, compiled);
  return compiled;
}

function serviceOf(name: string, { services }: Compiled): string {
  return services.find(({ matches }) => matches(name))?.id ?? name;
}

type Takes = CompiledRule["takes"];

/**
 * A service is known by its own name and by the source's; an environment, or a tag, that the signal does not have
 * is like no pattern, `*` included.
 */
function compileMatch(when: Match): Takes {
  const lines: Takes[] = [];
  const line = (patterns: readonly string[] | undefined, look: (matches: Matches) => Takes) => {
    if (patterns !== undefined) lines.push(look(compileAny(patterns)));
  };
  line(
    when.source,
    (is) =>
      ({ source }) =>
        is(source),
  );
  line(
    when.kind,
    (is) =>
      ({ kind }) =>
        is(kind),
  );
  line(
    when.level,
    (is) =>
      ({ level }) =>
        is(level),
  );
  line(when.service, (is) => (signal, service) => is(service) || is(signal.service));
  line(
    when.environment,
    (is) =>
      ({ environment }) =>
        environment !== null && is(environment),
  );
  line(
    when.text?.map((text) => `*${text}*`),
    (is) =>
      ({ title }) =>
        is(title),
  );
  for (const [tag, values] of Object.entries(when.tags ?? {})) {
    const name = tag.toLowerCase();
    line(
      values,
      (is) =>
        ({ tags }) =>
          Object.hasOwn(tags, name) && is(tags[name] ?? ""),
    );
  }
  return (signal, service) => lines.every((holds) => holds(signal, service));
}

/** Values may hold what joins them, so that is written in another way: two groups never share a key. */
function correlationKey(signal: SignalView, { grouping }: Policy): string {
  return grouping.by
    .map(
      (part) =>
        `${part}=${(signal[part] ?? "").toLowerCase().replace(/[%&=]/g, encodeURIComponent)}`,
    )
    .join("&");
}

function reasonsOf(rule: SeverityRule, { severities }: Policy): string[] {
  const { name, route } = severities[rule.severity];
  const called = name === rule.severity ? "" : `, which this platform calls ${name}`;
  const made = `Rule \`${rule.id}\` (${rule.because}) makes it ${rule.severity}${called}.`;
  if (rule.route === undefined || rule.route === route) return [made];
  return [
    made,
    `The rule has a route of its own, \`${rule.route}\`, instead of ${name}'s \`${route}\`.`,
  ];
}

/** `Route \`page\` tells at once: by pagerduty and slack to on-call; after 5 min without an answer …` */
function describeRoute(name: string, route: Route, policy: Policy): string {
  const digest = route.inDigest ? " It is in the day's mail as well." : "";
  if (route.deliver === "record") return `Route \`${name}\` keeps it and tells nobody.${digest}`;
  if (route.deliver === "digest") return `Route \`${name}\` tells it with the day's mail.`;
  const hold = `after ${route.holdMinutes} min, unless it is over by then`;
  const when = route.deliver === "immediate" ? "at once" : hold;
  const steps = route.steps.map((step) => describeStep(step, policy));
  return `Route \`${name}\` tells ${when}: ${steps.join("; ") || "nobody"}.${digest}`;
}

function describeStep({ afterMinutes, roles, channels }: Step, policy: Policy): string {
  const who = `${listed(titlesOf(roles, policy))} by ${listed(channels)}`;
  return afterMinutes === 0 ? who : `after ${afterMinutes} min without an answer ${who}`;
}

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
