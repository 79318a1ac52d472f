import { relative, sep } from "node:path";
import pc from "picocolors";
import { DEFAULT_HOME } from "./options.js";
import type { Running, Signalbox } from "./signalbox.js";

type Colors = ReturnType<typeof pc.createColors>;

/** For a stream: no colours in a file or a pipe, nor when NO_COLOR says so. */
export function colorsFor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Colors {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0";
  const wanted = forced || (stream.isTTY === true && env.TERM !== "dumb");
  return pc.createColors(wanted && !env.NO_COLOR);
}

const SOURCES = [
  ["stripe", "STRIPE_WEBHOOK_SECRET"],
  ["sentry", "SENTRY_CLIENT_SECRET"],
  ["vercel", "VERCEL_WEBHOOK_SECRET"],
  ["better-stack", "BETTER_STACK_WEBHOOK_TOKEN"],
  ["resend", "RESEND_WEBHOOK_SECRET"],
] as const;

/** All that a person needs to go on, on one screen. Secrets that the environment named are not shown. */
export function summaryOf(
  { running, warnings }: Pick<Signalbox, "running" | "warnings">,
  env: NodeJS.ProcessEnv,
  c: Colors,
): string {
  const secret = (name: string, value: string | null | undefined): string =>
    env[name]?.trim() ? c.dim(`from ${name}`) : (value ?? c.dim(`from ${name}`));
  const row = (name: string, value: string): string => `  ${name.padEnd(14)}${value}`;
  const optional = (name: string, value: string | null): string[] =>
    value === null ? [] : [row(name, c.cyan(value))];
  const webhooks = SOURCES.flatMap(([source, name]) => [
    row(source, c.cyan(`${running.url}/api/webhooks/${source}`)),
    row("", `${c.dim("secret")} ${secret(name, running.secrets[name])}`),
  ]);
  return [
    "",
    `${c.green("Signalbox is ready")} at ${c.bold(c.cyan(running.url))}`,
    "",
    c.bold("Webhooks"),
    ...webhooks,
    "",
    c.bold("Look"),
    ...optional("mails", running.mailboxUrl),
    ...optional("Slack", running.slackUrl),
    row("admin API", c.cyan(`${running.url}/api/admin/events`)),
    row("", `${c.dim("token")}  ${secret("ADMIN_TOKEN", running.adminToken)}`),
    row("log", running.logFile === null ? "here" : near(running.logFile)),
    "",
    c.bold("Try"),
    ...commands(running).map((command) => `  ${command}`),
    "",
    ...warnings.flatMap((warning) => [`${c.yellow("Note:")} ${warning}`, ""]),
    c.dim("Ctrl-C stops everything; the next start finds its data again."),
    "",
  ].join("\n");
}

/** The command line finds a start by its home. */
function commands({ home, pids }: Running): string[] {
  if (pids.platform === null) return ["npx --no signalbox health"];
  const prefix = home === DEFAULT_HOME ? "" : `SIGNALBOX_HOME=${quoted(home)} `;
  return ["trigger stripe payment-succeeded", "events list"].map(
    (command) => `${prefix}npx --no signalbox ${command}`,
  );
}

const quoted = (text: string): string =>
  /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

function near(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith(`..${sep}`) ? file : path;
}
