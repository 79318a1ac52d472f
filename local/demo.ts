// npm run demo: every source once, then once more, on a Signalbox of its own that is gone afterwards.
import { parseArgs } from "node:util";
import { type Answer, type Delivery, deliveriesTo } from "./demo/deliver.js";
import { differences, type Outcome, outcomeOf } from "./demo/judge.js";
import { demoHome, forget, withoutServices } from "./demo/place.js";
import { get, queueIsAtRest, type Records, readRecords } from "./demo/records.js";
import { tableOf } from "./demo/table.js";
import { explain, StartFailure } from "./failure.js";
import { type Running, type Signalbox, startSignalbox } from "./signalbox.js";
import { onSignals } from "./signals.js";
import { colorsFor } from "./summary.js";

const HELP = `npm run demo -- [options]

Starts a Signalbox of its own on free ports, sends it one signed webhook from each source and then each
again, and shows what became of them. Ends with 0 only if all of it is as it should be.

  --keep   leaves it running until Ctrl-C, to look around
`;

/** The queue, five events and five notices rest after a second or two; a slow machine gets its time. */
const REST_TIMEOUT_MS = 60_000;
const REST_LOOK_MS = 500;
const MAIL_LINES = 6;
const IN_HAND = new Set(["received", "pending", "sending"]);

const colors = colorsFor(process.stdout, process.env);
const out = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<0 | 1> {
  const { values } = parseArgs({
    options: {
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const aborting = new AbortController();
  const stopped = onSignals(
    () => aborting.abort(new StartFailure("Stopped.")),
    () => signalbox?.hurry(),
  );
  const home = demoHome();
  let signalbox: Signalbox | undefined;
  try {
    const options = { home, port: 0, env: withoutServices(process.env), signal: aborting.signal };
    signalbox = await startSignalbox({ ...options, log: (line) => say(colors.dim(`· ${line}`)) });
    const code = await Promise.race([show(signalbox.running), failed(signalbox, stopped)]);
    if (values.keep) await keep(signalbox.running, stopped);
    return code;
  } finally {
    await signalbox?.stop();
    forget(home);
  }
}

async function show(running: Running): Promise<0 | 1> {
  const deliveries = deliveriesTo(running, Date.now);
  const first = await postAll(deliveries, "Sending one webhook from each source");
  await runJobs(running);
  const before = await atRest(running);
  const again = await postAll(deliveries, "Sending each of them again");
  const after = await atRest(running);
  const outcomes = deliveries.map((delivery, index) => {
    const answers = [first[index], again[index]] as [Answer, Answer];
    return outcomeOf(delivery, answers, after);
  });
  return tell(outcomes, before, after);
}

function tell(outcomes: readonly Outcome[], before: Records, after: Records): 0 | 1 {
  out(`\n${tableOf(outcomes, colors)}\n`);
  for (const { subject, to, text } of after.mails) {
    const lines = (text ?? "").split("\n").filter((line) => line.trim() !== "");
    out(`${colors.bold("The mail")} to ${to.join(", ")}: ${subject}`);
    out(
      lines
        .slice(0, MAIL_LINES)
        .map((line) => colors.dim(`  ${line}`))
        .join("\n"),
    );
  }
  out("\nMails and Slack messages of your own: npm start, and open what it shows under Look.");
  out("To look around in this one: npm run demo -- --keep\n");
  const found = differences(outcomes, before, after);
  if (found.length === 0) {
    out(colors.green("All as it should be: each once, and the second time nothing happened."));
    return 0;
  }
  out(colors.red(`Not as it should be (${found.length}):`));
  for (const difference of found) out(`  - ${difference}`);
  return 1;
}

async function postAll(deliveries: readonly Delivery[], title: string): Promise<Answer[]> {
  say(colors.dim(`· ${title}`));
  const answers: Answer[] = [];
  for (const delivery of deliveries) answers.push(await delivery.post());
  return answers;
}

/** The schedules may call them in the middle or not at all: what they do is looked at each time. */
async function runJobs({ url, cronSecret }: Running): Promise<void> {
  say(colors.dim("· Running the jobs of the minute"));
  const headers = { authorization: `Bearer ${cronSecret}` };
  for (const job of ["relay", "sweep", "watch"]) await get(`${url}/api/cron/${job}`, headers);
}

/** Waits until nothing is on its way any more; what there is to see then, or when the time is over. */
async function atRest(running: Running): Promise<Records> {
  say(colors.dim("· Waiting until all of it is done"));
  const deadline = performance.now() + REST_TIMEOUT_MS;
  for (;;) {
    const queueRests = await queueIsAtRest(running, REST_LOOK_MS);
    const records = await readRecords(running);
    const inHand = [...records.events, ...records.notices].some(({ status }) =>
      IN_HAND.has(status),
    );
    if ((queueRests && !inHand) || performance.now() > deadline) return records;
  }
}

async function failed(signalbox: Signalbox, stopped: Promise<void>): Promise<never> {
  throw new StartFailure(await Promise.race([signalbox.broken, stopped.then(() => "Stopped.")]));
}

async function keep({ url, mailboxUrl, slackUrl, home }: Running, stopped: Promise<void>) {
  out(`\nRunning at ${url}; mails: ${mailboxUrl}; Slack: ${slackUrl}`);
  out(`The command line finds it with SIGNALBOX_HOME=${home}. Ctrl-C ends it.`);
  await stopped;
}

try {
  process.exit(await main());
} catch (error) {
  say(`\n${colors.red(explain(error))}`);
  process.exit(1);
}
