import type { OwnSignal } from "../../src/domain/own-signal.js";
import { ownSignalId } from "../../src/domain/own-signal.js";
import { HOUR_MS, MINUTE_MS } from "../../src/domain/time.js";
import type { PolicyName } from "../../src/policy/names.js";
import type { Policy } from "../../src/policy/schema.js";
import type { Random } from "../faults/random.js";
import { type Faults, NO_FAULTS } from "./world.js";

/** What happens to a platform on a day, and what goes wrong beside it. */
export interface History {
  startsAt: number;
  /** From here on nothing new comes, and all works again. */
  endsAt: number;
  events: { at: number; source: string; body: object }[];
  acts: { at: number; what: "acknowledge" | "link" | "resolve" | "reopen" | "note"; nth: number }[];
  faults: Faults;
  isCalm: boolean;
}

/** A Wednesday, and the night before a Sunday's maintenance in Bangkok. */
const WEDNESDAY = Date.UTC(2026, 10, 18, 3);
const SATURDAY_EVENING = Date.UTC(2026, 10, 21, 18);
const SERVICES = ["shop", "shop", "shop", "web", "pay"];

const TROUBLES: readonly Pick<OwnSignal, "signalKind" | "level" | "title">[] = [
  { signalKind: "uptime", level: "fatal", title: "does not answer" },
  { signalKind: "error", level: "fatal", title: "crashes" },
  { signalKind: "error", level: "error", title: "a page fails" },
  { signalKind: "error", level: "warning", title: "answers are slow" },
  { signalKind: "payment", level: "error", title: "payments fail" },
  { signalKind: "metric", level: "info", title: "somebody might look" },
];

export function historyOf(random: Random, name: PolicyName, policy: Policy): History {
  const isNight = name === "tbat" && random.next() < 0.25;
  const startsAt = (isNight ? SATURDAY_EVENING : WEDNESDAY) + random.integer(120) * MINUTE_MS;
  const lasts = (1 + random.integer(6)) * HOUR_MS;
  const isCalm = random.next() < 0.25;
  const isStorm = random.next() < 0.06;
  const troubles = isStorm ? policy.storm.incidents + 4 : 1 + random.integer(4);
  const events: History["events"] = [];
  for (let n = 0; n < troubles; n += 1) {
    const service = isStorm ? `service-${n}` : random.pick(SERVICES);
    const from = startsAt + random.integer(isStorm ? 3 : lasts / MINUTE_MS) * MINUTE_MS + n;
    events.push(...troubleOf(random, { n, service, from, until: startsAt + lasts }));
  }
  const whats = ["acknowledge", "acknowledge", "link", "resolve", "reopen", "note"] as const;
  // Mostly soon after something was heard of.
  const acts = Array.from({ length: random.integer(6) }, () => ({
    at: random.pick(events).at + random.integer(random.pick([3, 20, 90])) * MINUTE_MS,
    what: random.pick(whats),
    nth: random.integer(8),
  }));
  const faults = isCalm ? NO_FAULTS : faultsOf(random, startsAt, lasts);
  const told = isCalm ? events : deliveredBy(random, events);
  const last = Math.max(startsAt + lasts, ...[...told, ...acts].map(({ at }) => at));
  return { startsAt, endsAt: last + HOUR_MS, events: told, acts, faults, isCalm };
}

/** One trouble: it begins, perhaps again and again, and ends or does not. */
function troubleOf(
  random: Random,
  { n, service, from, until }: { n: number; service: string; from: number; until: number },
): History["events"] {
  const about = random.pick(TROUBLES);
  const isOutside = about.signalKind === "uptime" && random.next() < 0.6;
  const tell = isOutside ? outage : own;
  const events: History["events"] = [];
  let at = from;
  for (let firing = 0; firing < 1 + random.integer(3) && at < until; firing += 1) {
    const id = isOutside ? `${n}-${firing}` : String(n);
    events.push(tell("raised", { at, id, service, about }));
    if (isOutside && random.next() < 0.3) {
      const seen = at + random.integer(40) * MINUTE_MS;
      events.push(tell("acknowledged", { at: seen, id, service, about }));
    }
    if (random.next() < 0.3)
      events.push(tell("raised", { at: at + 7 * MINUTE_MS, id, service, about }));
    if (random.next() < 0.2) return events;
    at += (8 + random.integer(80)) * MINUTE_MS;
    events.push(tell("resolved", { at, id, service, about }));
    at += (1 + random.integer(25)) * MINUTE_MS;
  }
  return events;
}

interface Telling {
  at: number;
  id: string;
  service: string;
  about: (typeof TROUBLES)[number];
}

function own(
  word: "raised" | "acknowledged" | "resolved",
  { at, id, service, about }: Telling,
): History["events"][number] {
  const signal: OwnSignal = {
    kind: word === "resolved" ? "resolved" : "raised",
    at,
    groupKey: `monitor:${service}:${id}`,
    ...about,
    title: `${service} ${about.title}`,
    service,
    environment: "production",
    url: null,
    tags: {},
  };
  return { at, source: "monitor", body: { id: ownSignalId(signal), ...signal } };
}

/** As an uptime service tells it, which also says when somebody has it. */
function outage(
  word: "raised" | "acknowledged" | "resolved",
  { at, id, service }: Telling,
): History["events"][number] {
  const iso = new Date(at).toISOString();
  const event = word === "raised" ? "started" : word;
  const attributes = {
    name: service,
    url: `https://${service}.example.com/`,
    cause: "Status 503",
    started_at: iso,
    acknowledged_at: word === "acknowledged" ? iso : null,
    acknowledged_by: word === "acknowledged" ? "Somchai" : null,
    resolved_at: word === "resolved" ? iso : null,
    resolved_by: null,
  };
  return {
    at,
    source: "better-stack",
    body: { event, data: { id: `7${id.replace("-", "00")}`, type: "incident", attributes } },
  };
}

/** As the world has it: some come twice, some late, and so in another order. */
function deliveredBy(random: Random, events: History["events"]): History["events"] {
  return events.flatMap((event) => {
    const late = random.next() < 0.15 ? random.integer(45) * MINUTE_MS : 0;
    const first = { ...event, at: event.at + late };
    if (random.next() >= 0.15) return [first];
    return [first, { ...event, at: event.at + random.integer(90) * MINUTE_MS }];
  });
}

function faultsOf(random: Random, startsAt: number, lasts: number): Faults {
  const stretch = (maxMinutes: number) => {
    const from = startsAt + random.integer(lasts);
    return { from, to: from + (5 + random.integer(maxMinutes)) * MINUTE_MS };
  };
  const channel = random.pick(["slack", "email", "pagerduty", "sms"] as const);
  const how = random.pick(["down", "refuses", "mute"] as const);
  return {
    late: random.pick([0, 0.1, 0.5]),
    lost: random.pick([0, 0.1, 0.5]),
    doubled: random.pick([0, 0.1, 0.4]),
    crash: random.pick([0, 0.05, 0.2]),
    noSweeps: random.next() < 0.4 ? [stretch(180)] : [],
    channels: random.next() < 0.6 ? [{ channel, how, ...stretch(150) }] : [],
  };
}
