// npm start: the supervisor. See `--help`.
import { pathToFileURL } from "node:url";
import { explain } from "./failure.js";
import { HELP, type Options, readOptions } from "./options.js";
import { type Signalbox, startSignalbox } from "./signalbox.js";
import { onSignals } from "./signals.js";
import { colorsFor, summaryOf } from "./summary.js";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** @returns the exit code: 0 after a clean stop, 1 when it did not start or a part broke. */
export async function main(args: readonly string[]): Promise<0 | 1> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined); // nobody reads any more
  const aborting = new AbortController();
  let signalbox: Signalbox | undefined;
  const signalled = onSignals(
    () => {
      say("\nStopping …");
      aborting.abort(new Error("Stopped before it was ready."));
    },
    () => {
      say("Stopping at once …");
      signalbox?.hurry();
    },
  ).then(() => null);
  try {
    const options = readOptions(args, process.env);
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    signalbox = await start(options, aborting.signal);
    tell(signalbox, options);
    const why = await Promise.race([signalled, signalbox.broken]);
    if (why !== null) say(`\n${why}`);
    await signalbox.stop();
    if (why === null) say("Stopped.");
    return why === null ? 0 : 1;
  } catch (error) {
    if (aborting.signal.aborted) {
      say("Stopped.");
      return 0;
    }
    say(`\n${colorsFor(process.stderr, process.env).red(explain(error))}`);
    return 1;
  }
}

function start(options: Options, signal: AbortSignal): Promise<Signalbox> {
  const { dim } = colorsFor(process.stderr, process.env);
  const log = (line: string): void => say(dim(`· ${line}`));
  const { home, port, verbose } = options;
  return startSignalbox({ home, port, verbose, env: process.env, log, signal });
}

function tell(signalbox: Signalbox, { json }: Options): void {
  if (!json) {
    const colors = colorsFor(process.stdout, process.env);
    process.stdout.write(summaryOf(signalbox, process.env, colors));
    return;
  }
  process.stdout.write(`${JSON.stringify(signalbox.running)}\n`);
  for (const warning of signalbox.warnings) say(`Note: ${warning}`);
}

const isMain =
  process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href;
if (isMain) process.exit(await main(process.argv.slice(2)));
