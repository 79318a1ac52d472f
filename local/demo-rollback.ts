// npm run demo:rollback: a bad release, and the whole procedure that puts it right, on a platform of its own.
import { parseArgs } from "node:util";
import { demoHome, forget, withoutServices } from "./demo/place.js";
import { explain, StartFailure } from "./failure.js";
import { judge } from "./rollback/judge.js";
import { openStage, type Stage } from "./rollback/stage.js";
import { Narrator, play } from "./rollback/story.js";
import { onSignals } from "./signals.js";
import { colorsFor } from "./summary.js";

const HELP = `npm run demo:rollback

Starts a Signalbox of its own on free ports, deploys a release that gives wrong packages in the middle of payments, and plays
docs/runbooks/payment-rollback.md: hold, compare with Stripe, correct with two people, try one event, release. Ends with 0 only
if ledger, entitlements, Stripe, mails and audit trail are as they should be.
`;

const colors = colorsFor(process.stdout, process.env);
const out = (text: string): void => void process.stdout.write(`${text}\n`);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<0 | 1> {
  const { values } = parseArgs({
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const aborting = new AbortController();
  const stopped = onSignals(
    () => aborting.abort(new StartFailure("Stopped.")),
    () => process.exit(1),
  );
  const home = demoHome();
  let stage: Stage | undefined;
  try {
    stage = await openStage({
      home,
      env: withoutServices(process.env),
      log: (line) => say(colors.dim(`· ${line}`)),
      signal: aborting.signal,
    });
    const ended = stopped.then(() => {
      throw new StartFailure("Stopped.");
    });
    return await Promise.race([show(stage), ended]);
  } finally {
    await stage?.close();
    forget(home);
  }
}

async function show(stage: Stage): Promise<0 | 1> {
  const narrator = new Narrator(colors, out);
  const told = await play(stage, narrator);
  narrator.title("Is all as it should be?");
  const { checked, wrong } = await judge(stage, told);
  if (wrong.length === 0) {
    const seconds = ((told.heldAt - told.noticedAt) / 1_000).toFixed(1);
    out(
      colors.green(
        `  Yes: ${checked.length} things were looked at, in the ledger, at Stripe, in the mailbox and in the audit trail.`,
      ),
    );
    out(
      colors.green(
        `  Held ${seconds} s after it was noticed; one refund and one cancel, each once; no mail twice for one cause.`,
      ),
    );
    return 0;
  }
  out(colors.red(`  No (${wrong.length} of ${checked.length}):`));
  for (const sentence of wrong) out(`  - ${sentence}`);
  return 1;
}

try {
  process.exit(await main());
} catch (error) {
  say(`\n${colors.red(explain(error))}`);
  process.exit(1);
}
