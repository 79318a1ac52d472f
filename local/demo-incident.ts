// npm run demo:incident: an outage by night, under each policy, with every message that leaves and why.
import { parseArgs } from "node:util";
import { demoHome, forget, withoutServices } from "./demo/place.js";
import { explain, StartFailure } from "./failure.js";
import { judge, type NoticeRow, type Verdict } from "./incident/judge.js";
import { instantIn, type LocalTime, localTime } from "./incident/local-time.js";
import { messagesOf, type Sent } from "./incident/sent.js";
import { openStage, type Row, type Stage } from "./incident/stage.js";
import { play, SUBSCRIBERS, type Told } from "./incident/story.js";
import { type Line, linesOf } from "./incident/timeline.js";
import { onSignals } from "./signals.js";
import { colorsFor } from "./summary.js";

const POLICIES = ["tbat", "ai-gurus", "brainbytes", "stamford", "runbook"] as const;
type PolicyName = (typeof POLICIES)[number];

const HELP = `npm run demo:incident -- [options]

Plays an outage by night on a clock of its own: a deployment, errors, an outage, nobody answers, escalation, an
acknowledgement by the link in Slack, recovery, tasks, the review; then another one while Slack itself is down. Shows every
message that left, and why. Ends with 0 only if Slack, PagerDuty, Twilio, Resend and the status page (their emulators) hold
exactly the messages that the policy asks for.

  --policy <name>   ${POLICIES.join(", ")}, or all; tbat unless said otherwise
  --json            one line of JSON for each policy, for programs
`;

/** 02:57 on the policy's own clock, on a Tuesday in which no policy has a maintenance. */
const NIGHT = { date: "2026-11-24", time: "02:57" };
const HOUR_MS = 3_600_000;
/** The play begins before that: with the deployment before, which was good. */
const BEFORE_MS = 61 * 60_000;
const DOCUMENT_LINES = 22;

const colors = colorsFor(process.stdout, process.env);
const out = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Result {
  told: Told;
  verdict: Verdict;
  lines: Line[];
  messages: Sent[];
  documents: { title: string; text: string }[];
  time: LocalTime;
}

async function main(): Promise<0 | 1> {
  const { values } = parseArgs({
    options: {
      policy: { type: "string", default: "tbat" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const wanted = POLICIES.filter((name) => values.policy === "all" || values.policy === name);
  if (wanted.length === 0) {
    throw new StartFailure(`There is no policy ${values.policy}: ${POLICIES.join(", ")}, or all.`);
  }
  const stopped = onSignals(
    () => undefined,
    () => process.exit(1),
  ).then(() => {
    throw new StartFailure("Stopped.");
  });
  let code: 0 | 1 = 0;
  for (const name of wanted) {
    const result = await played(name, stopped);
    if (values.json) out(JSON.stringify(summaryOf(name, result)));
    else show(name, result);
    if (result.verdict.wrong.length > 0) code = 1;
  }
  return code;
}

async function played(name: PolicyName, stopped: Promise<never>): Promise<Result> {
  const home = demoHome();
  let stage: Stage | undefined;
  try {
    stage = await openStage({
      home,
      env: withoutServices(process.env),
      policy: name,
      beginsAt: ({ timeZone }) => instantIn(timeZone, NIGHT.date, NIGHT.time) - BEFORE_MS,
      log: (line) => say(colors.dim(`· ${line}`)),
    });
    say(colors.dim(`· Playing the night of ${name}`));
    return await Promise.race([onStage(stage), stopped]);
  } finally {
    await stage?.close();
    forget(home);
  }
}

async function onStage(stage: Stage): Promise<Result> {
  const told = await play(stage, stage.clock.now() + BEFORE_MS);
  const time = localTime(stage.policy.timeZone);
  const messages = messagesOf(stage);
  const [notices, incidents, deadLetters] = await Promise.all([
    stage.rows("notifications"),
    stage.rows("incidents"),
    stage.rows("dead-letters"),
  ]);
  const rows = notices as unknown as NoticeRow[];
  const verdict = judge({
    policy: stage.policy,
    told,
    readers: SUBSCRIBERS,
    notices: rows,
    messages,
    incidents,
    deadLetters,
    timeText: time.moment,
  });
  const entries = (
    await Promise.all(told.outages.map((one) => timelineOf(stage, one.incidentId)))
  ).flat();
  const lines = linesOf({ told, notices: rows, messages, entries });
  const documents = await documentsOf(stage, told.outages[0]?.incidentId ?? "");
  return { told, verdict, lines, messages, documents, time };
}

async function timelineOf(stage: Stage, id: string): Promise<Row[]> {
  const { data } = await stage.admin<{ data: { timeline: Row[] } }>(`incidents/${id}`);
  return data.timeline.toReversed();
}

/** What a person would send on, and what they would fill in the next day. */
async function documentsOf(stage: Stage, id: string): Promise<Result["documents"]> {
  const read = async (title: string, path: string) => {
    const { data } = await stage.admin<{ data: { markdown: string } }>(path);
    return { title, text: data.markdown };
  };
  return [
    await read("The incident notice", `incidents/${id}/notice`),
    await read("The review", `incidents/${id}/review`),
  ];
}

function show(name: string, { told, verdict, lines, documents, time }: Result): void {
  out(`\n${colors.bold(`${name}: an outage by night`)} ${colors.dim(`(times of ${time.zone})`)}`);
  out(colors.dim("⇒ comes in, or is done by a person   · is decided   → leaves"));
  let day = "";
  for (const { at, mark, text, quoted } of lines) {
    if (time.day(at) !== day) {
      day = time.day(at);
      out(`\n${colors.bold(day)}`);
    }
    const clock = colors.dim(time.clock(at));
    if (mark === "in") out(`${clock}  ${colors.yellow(`⇒ ${text}`)}`);
    else if (mark === "note") out(`${clock}  ${colors.dim(`· ${text}`)}`);
    else out(`${clock}  ${colors.cyan("→")} ${text}`);
    if (quoted !== null && quoted !== "")
      out(`${" ".repeat(time.clock(at).length)}      ${colors.dim(`“${quoted}”`)}`);
  }
  for (const { title, text } of documents) {
    out(`\n${colors.bold(title)}`);
    const shown = text.split("\n").filter((line) => line.trim() !== "");
    for (const line of shown.slice(0, DOCUMENT_LINES)) out(`  ${line}`);
    if (shown.length > DOCUMENT_LINES) {
      out(colors.dim(`  … and ${shown.length - DOCUMENT_LINES} lines more`));
    }
  }
  out(`\n${colors.bold("Is this what the policy asks for?")}`);
  const hours = Math.round((told.endedAt - told.beganAt) / HOUR_MS);
  if (verdict.wrong.length === 0) {
    out(
      colors.green(
        `  Yes: ${verdict.messages} messages in ${hours} hours, each asked for by the policy, to the right people in time; none more, none twice.`,
      ),
    );
    return;
  }
  out(colors.red(`  No (${verdict.wrong.length}):`));
  for (const sentence of verdict.wrong) out(`  - ${sentence}`);
}

const summaryOf = (name: string, { told, verdict, messages, time }: Result) => ({
  policy: name,
  ok: verdict.wrong.length === 0,
  wrong: verdict.wrong,
  expected: verdict.expected.length,
  messages: messages.map((one) => ({ ...one, at: time.moment(one.at) })),
  incidents: told.outages.map(({ incidentId }) => incidentId),
});

try {
  process.exit(await main());
} catch (error) {
  say(`\n${colors.red(explain(error))}`);
  process.exit(1);
}
