import { setTimeout as wait } from "node:timers/promises";
import { type FaultProxy, startFaultProxy } from "../../emulators/fault-proxy/proxy.js";
import type { Addresses } from "../../local/services.js";
import { endOfLog, readSurvival, type Survival } from "../faults/app-log.js";
import { audit, readBooks } from "../faults/ledger.js";
import {
  type Depths,
  type Observer,
  observe,
  startSchedules,
  waitForRest,
} from "../faults/observe.js";
import { deliver, type Receipt } from "../faults/provider.js";
import type { Random } from "../faults/random.js";
import { sourceSecrets } from "../faults/secrets.js";
import type { Site } from "../faults/site.js";
import { type Expectations, planStories } from "../faults/stories.js";
import { type OutageCase, PARTS, type Part } from "./cases.js";

export interface CaseOutcome {
  name: string;
  receipts: Receipt[];
  /** Answers of the door while the fault was there, in milliseconds. */
  answeredMs: number[];
  survival: Survival;
  /** Requests and connections that met the fault. */
  faulted: number;
  lost: string[];
  doubled: string[];
  wrong: string[];
  slackDoubles: string[];
  unrest: Depths | string | null;
  durationMs: number;
}

export type Proxies = Readonly<Record<Part, FaultProxy>>;

/** A proxy before each part, for the app alone: the emulators keep their own ways. */
export async function startProxies(real: Addresses): Promise<Proxies> {
  const targets: Record<Part, string | undefined> = {
    kv: real.kv,
    qstash: real.qstash,
    postgres: real.databaseUrl,
    resend: real.vendors.resend,
    slack: real.vendors.slack,
  };
  const started = await Promise.all(
    PARTS.map(async (part) => {
      const { hostname, port } = new URL(targets[part] ?? "");
      const target = { host: hostname, port: Number(port) };
      const protocol = part === "postgres" ? "tcp" : "http";
      return [part, await startFaultProxy({ target, protocol })] as const;
    }),
  );
  return Object.fromEntries(started) as Record<Part, FaultProxy>;
}

export function throughProxies(real: Addresses, proxies: Proxies): Addresses {
  const moved = (url: string | undefined, part: Part): string => {
    const parsed = new URL(url ?? "");
    parsed.port = String(proxies[part].port);
    return parsed.href.replace(/\/$/, "");
  };
  return {
    ...real,
    databaseUrl: moved(real.databaseUrl, "postgres"),
    kv: moved(real.kv, "kv"),
    qstash: moved(real.qstash, "qstash"),
    vendors: { ...real.vendors, resend: moved(real.vendors.resend, "resend") },
    slackWebhookUrl: moved(real.slackWebhookUrl, "slack"),
  };
}

export interface OutageRunOptions {
  site: Site;
  proxies: Proxies;
  random: Random;
  eventsPerCase: number;
  restTimeoutMs: number;
  say(line: string): void;
}

const SWEEP_EVERY_MS = 1_500;
/** Some of what is under way when the part fails was accepted while it was well. */
const BEFORE_MS = 700;
/** The stories that are in every plan come first: a mail, and a Slack message. */
const MET_BY_ALL = 2;

/** Runs the cases one after the other on one site; each is held to account for all that came before, too. */
export function outageRun(options: OutageRunOptions) {
  const { site, proxies, random } = options;
  const observer = observe(site);
  const receipts: Receipt[] = [];
  const expectations: Expectations[] = [];
  const known = new Set<string>();
  return async (outage: OutageCase, index: number): Promise<CaseOutcome> => {
    const startedAt = performance.now();
    const logFrom = endOfLog(site);
    const before = faultedOf(proxies, outage);
    const { events, expect } = planStories(random, options.eventsPerCase, `o${index}x`);
    expectations.push(expect);
    const schedules = startSchedules(observer, SWEEP_EVERY_MS);
    const provider = {
      url: site.url,
      secrets: sourceSecrets(site.secrets),
      deadline: performance.now() + outage.faultMs + 60_000,
      attemptsMax: 200,
      pauseMaxMs: 2_000,
    };
    // A plan begins with what every part has to do with: it falls into the fault, or that would meet nobody.
    const inside = new Set(events.slice(0, MET_BY_ALL));
    const deliveries = random.shuffle(events).map(async (event) => {
      const anywhere = random.next() * (outage.faultMs + BEFORE_MS) * 0.9;
      const within = BEFORE_MS + random.next() * outage.faultMs * 0.5;
      await wait(inside.has(event) ? within : anywhere);
      return deliver(event, provider);
    });
    await wait(BEFORE_MS);
    for (const part of outage.parts) proxies[part].set(outage.mode);
    await wait(outage.faultMs);
    const faulted = faultedOf(proxies, outage) - before;
    for (const part of outage.parts) proxies[part].set("pass");
    const delivered = await Promise.all(deliveries);
    receipts.push(...delivered);
    const unrest = await waitForRest(observer, options.restTimeoutMs, options.say);
    await schedules.stop();
    const fresh = await newFindings(observer, receipts, expectations, known);
    return {
      name: outage.name,
      receipts: delivered,
      answeredMs: delivered.flatMap(({ answeredMs }) => answeredMs),
      survival: readSurvival(site, logFrom),
      faulted,
      ...fresh,
      unrest,
      durationMs: performance.now() - startedAt,
    };
  };
}

const faultedOf = (proxies: Proxies, { parts }: OutageCase): number =>
  parts.reduce((sum, part) => sum + proxies[part].counters.faulted, 0);

/** What is wrong now and was not before. */
async function newFindings(
  observer: Observer,
  receipts: readonly Receipt[],
  expectations: readonly Expectations[],
  known: Set<string>,
) {
  const { findings, slackDoubles } = audit(await readBooks(observer), receipts, expectations);
  const fresh = (list: readonly string[]): string[] => {
    const news = list.filter((what) => !known.has(what));
    for (const what of news) known.add(what);
    return news;
  };
  const of = (kind: string): string[] =>
    fresh(findings.filter((finding) => finding.kind === kind).map(({ what }) => what));
  return {
    lost: of("lost"),
    doubled: of("doubled"),
    wrong: of("wrong"),
    slackDoubles: fresh(slackDoubles),
  };
}
