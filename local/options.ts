import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { StartFailure } from "./failure.js";
import { type Environment, setting } from "./services.js";

export interface Options {
  home: string;
  /** 0: the one of the last start on this home, or any free one. */
  port: number;
  /** One line for programs, once it is ready, and nothing else on stdout. */
  json: boolean;
  /** The log goes to the terminal (stderr). */
  verbose: boolean;
  help: boolean;
}

export const DEFAULT_HOME = join(import.meta.dirname, "../.signalbox");
const DEFAULT_PORT = 3000;

export const HELP = `npm start -- [options]

Starts Signalbox with all that it needs on this machine. No service, account or settings file is
needed; any real service replaces its local stand-in by its environment variables alone
(docs/reference/environment.md).

  --port <n>      where to listen on 127.0.0.1 (PORT, or ${DEFAULT_PORT}); 0 for any free port
  --home <folder> where everything is kept (SIGNALBOX_HOME, or .signalbox in the project)
  --json          one line of JSON on stdout once it is ready; progress goes to stderr
                  (npm prints lines of its own before it unless run with --silent)
  --verbose       the log on the terminal instead of in the home's app.log
  --help          this
`;

/** @throws StartFailure that says what was wrong with an option */
export function readOptions(args: readonly string[], env: Environment): Options {
  const values = parsed(args);
  return {
    home: resolve(values.home ?? setting(env, "SIGNALBOX_HOME") ?? DEFAULT_HOME),
    port: portOf(values.port, "--port") ?? portOf(setting(env, "PORT"), "PORT") ?? DEFAULT_PORT,
    json: values.json,
    verbose: values.verbose,
    help: values.help,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        home: { type: "string" },
        json: { type: "boolean", default: false },
        verbose: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    const why = (error as Error).message.split(". ")[0];
    throw new StartFailure(`${why}. See npm start -- --help`, { cause: error });
  }
}

function portOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new StartFailure(`${name} must be a port, 0 to 65535; it is "${text}".`);
}
