import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { reach } from "../api.js";
import { SECRET_NAMES, secretOf, targetOf } from "../connection.js";
import { CALL, Failure, usage } from "../failure.js";
import { HOME_ABOUT, type Outcome, wholeNumber } from "../options.js";
import { type Screen, screenOf, tableOf, toned } from "../output.js";
import { freshen, loadSample, requestOf, type Sample, sampleNames } from "../samples/index.js";

interface TriggerOptions {
  url?: string;
  home?: string;
  secret?: string;
  count: number;
  set?: string[];
  id?: string;
  twice?: boolean;
  json?: boolean;
}

/** What became of one request. */
interface Delivered {
  status: number;
  /** `accepted`, `duplicate`, or the code of the refusal. */
  outcome: string;
  eventKey: string | null;
  requestId: string | null;
  detail: string | null;
  durationMs: number;
}

const COUNT_MAX = 100_000;
const CONCURRENCY = 8;

export function addTrigger(program: Command, outcome: Outcome): void {
  program
    .command("trigger <source> <sample>")
    .description("sign a sample as its provider would, and post it")
    .option("--url <url>", "address of Signalbox (else SIGNALBOX_URL, else the local start)")
    .option("--home <folder>", HOME_ABOUT)
    .option("--secret <secret>", "signs it (else the source's variable, else the local start's)")
    .option("--count <n>", "post so many, each an event of its own", wholeNumber(1, COUNT_MAX), 1)
    .option("--set <path=value...>", "change fields of the body: --set data.object.amount=500")
    .option("--id <text>", "part of its ids, so that samples of one id belong together")
    .option("--twice", "post each again, byte for byte, as a provider that had no answer does")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `\nExamples:\n  ${CALL} trigger stripe payment-succeeded --twice\n` +
        `  ${CALL} trigger stripe payment_intent.payment_failed --set data.object.currency=jpy\n` +
        `  ${CALL} trigger better-stack incident-started --id shop1\n` +
        `  ${CALL} trigger better-stack incident-resolved --id shop1\n` +
        `  ${CALL} samples`,
    )
    .action(async (source: string, name: string, options: TriggerOptions) => {
      const screen = screenOf({}, process.env);
      const target = targetOf(options, process.env);
      const sample = sampleOf(source, name);
      const secret = options.secret ?? secretOf(target, source);
      const makers = requestsOf(sample, secret, options);
      const path = `/api/webhooks/${source}`;
      const url = target.url.endsWith(path) ? target.url : `${target.url}${path}`;
      const sent = makers.length * (options.twice === true ? 2 : 1);
      let told = 0;
      const posted = await postAll(url, makers, options.twice === true, (delivered) => {
        told += 1;
        if (options.json !== true) screen.out(lineOf(delivered, told, sent, screen));
      });
      const { deliveries, cut } = posted;
      if (deliveries.some(({ status }) => status >= 300)) outcome.fail();
      const summary = summaryOf(deliveries);
      if (cut !== null) throw cutOff(cut, deliveries.length, sent, summary.outcomes);
      if (options.json === true) {
        return screen.out(JSON.stringify({ source, sample: name, url, deliveries, summary }));
      }
      if (sent > 1) screen.out(`\n${renderSummary(summary, screen)}`);
      for (const next of nextOf(deliveries, source)) screen.err(screen.colors.dim(next));
    });
}

/** Where to look: what was refused at the door is no event. */
function nextOf(deliveries: readonly { status: number }[], source: string): string[] {
  const isKept = ({ status }: { status: number }) => status < 300;
  return [
    ...(deliveries.some(isKept)
      ? [`What became of it: ${CALL} events list --source ${source}`]
      : []),
    ...(deliveries.every(isKept)
      ? []
      : [`Why it was refused: ${CALL} refusals --source ${source}`]),
  ];
}

function sampleOf(source: string, name: string): Sample {
  try {
    return loadSample(source, name);
  } catch (cause) {
    throw usage(`There is ${(cause as Error).message}.`, `See \`${CALL} samples\`.`);
  }
}

/** Each made when its turn comes, because what is signed holds the time. */
function requestsOf(sample: Sample, secret: string, options: TriggerOptions) {
  const set = changesOf(options.set ?? []);
  const run =
    options.id ?? `${Date.now().toString(36)}${randomBytes(3).toString("hex")}`.slice(-12);
  const make = (index: number) => () => {
    const now = Date.now();
    const uniqueId = options.count === 1 ? run : `${run}_${index + 1}`;
    try {
      return requestOf(freshen(sample, { uniqueId, now, set }), { secret, now });
    } catch (cause) {
      throw usage(`--set does not fit the sample: ${(cause as Error).message}.`);
    }
  };
  return Array.from({ length: options.count }, (_, index) => make(index));
}

function changesOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((change) => {
      const split = change.indexOf("=");
      if (split > 0) return [change.slice(0, split), change.slice(split + 1)];
      throw usage(`"${change}" changes nothing.`, "Write it as --set data.object.amount=500.");
    }),
  );
}

type Made = ReturnType<typeof requestOf>;

/** The first call without an answer; none was begun after it. */
interface Cut {
  failure: Failure;
  begun: number;
}

/** What was posted and not answered may have been taken all the same. */
function cutOff(
  { failure, begun }: Cut,
  answered: number,
  wanted: number,
  outcomes: Record<string, number>,
): Failure {
  if (answered === 0) return failure;
  const words = Object.entries(outcomes).map(([word, n]) => `${n} ${word}`);
  const counts = { answered, unknown: begun - answered, notPosted: wanted - begun };
  return new Failure(
    `${failure.message} ${answered} of ${wanted} answered (${words.join(", ")}), ` +
      `${counts.unknown} unknown, ${counts.notPosted} not posted.`,
    failure.next,
    { told: { ...failure.told, ...counts, outcomes }, cause: failure },
  );
}

async function postAll(
  url: string,
  makers: readonly (() => Made)[],
  twice: boolean,
  onDelivered: (delivered: Delivered) => void,
): Promise<{ deliveries: Delivered[]; cut: Cut | null }> {
  const deliveries: Delivered[] = [];
  let next = 0;
  let begun = 0;
  let failure: Failure | null = null;
  const worker = async (): Promise<void> => {
    for (let make = makers[next]; make !== undefined && failure === null; make = makers[next]) {
      next += 1;
      const made = make();
      for (let time = 0; time < (twice ? 2 : 1); time += 1) {
        begun += 1;
        const delivered = await post(url, made).catch(noAnswer);
        if (delivered === null) return;
        deliveries.push(delivered);
        onDelivered(delivered);
      }
    }
  };
  const noAnswer = (error: unknown): null => {
    if (!(error instanceof Failure)) throw error;
    failure ??= error;
    return null;
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return { deliveries, cut: failure === null ? null : { failure, begun } };
}

async function post(url: string, { headers, body }: Made): Promise<Delivered> {
  const startedAt = performance.now();
  const response = await reach(url, { method: "POST", headers, body });
  const text = await response.text();
  const durationMs = Math.round(performance.now() - startedAt);
  const said = answerOf(text);
  const label = response.ok ? said.status : said.code;
  return {
    status: response.status,
    outcome: typeof label === "string" ? label : "no answer of Signalbox's",
    eventKey: typeof said.eventKey === "string" ? said.eventKey : null,
    requestId: typeof said.requestId === "string" ? said.requestId : null,
    detail: typeof said.detail === "string" ? said.detail : null,
    durationMs,
  };
}

function answerOf(text: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === "object" && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    return {}; // told as "no answer of Signalbox's"
  }
}

function lineOf(delivered: Delivered, told: number, sent: number, screen: Screen): string {
  const { status, outcome, eventKey, requestId, detail, durationMs } = delivered;
  const place =
    sent === 1 ? "" : screen.colors.dim(`[${String(told).padStart(`${sent}`.length)}/${sent}] `);
  const word = status < 300 ? toned(outcome, screen) : screen.colors.red(outcome);
  const rest = [eventKey, detail, requestId, `${durationMs} ms`].filter((part) => part !== null);
  return `${place}${status} ${word}  ${rest.join("  ")}`;
}

function summaryOf(deliveries: readonly Delivered[]) {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of deliveries) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const sorted = deliveries.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { sent: deliveries.length, outcomes, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function renderSummary(summary: ReturnType<typeof summaryOf>, screen: Screen): string {
  const { sent, outcomes, p50Ms, p99Ms } = summary;
  const words = Object.entries(outcomes).map(([word, n]) => `${n} ${toned(word, screen)}`);
  return `${sent} posted: ${words.join(", ")}. Half were answered within ${p50Ms} ms, 99 % within ${p99Ms} ms.`;
}

export function addSamples(program: Command): void {
  program
    .command("samples [source]")
    .description("what `trigger` can post")
    .option("--json", "print one JSON document")
    .action((source: string | undefined, options: { json?: boolean }) => {
      const screen = screenOf({}, process.env);
      const known = [...SECRET_NAMES.keys()];
      if (source !== undefined && !known.includes(source)) {
        throw usage(`There is no source "${source}".`, `There are ${known.join(", ")}.`);
      }
      const samples = (source === undefined ? known : [source]).flatMap((name) =>
        sampleNames(name).map((sample) => ({ source: name, sample })),
      );
      if (options.json === true) return screen.out(JSON.stringify({ data: samples }));
      const rows = samples.map(({ source: of, sample }) => [of, sample]);
      screen.out(tableOf(["Source", "Sample"], rows, screen));
    });
}
