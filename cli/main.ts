import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addHealth, addSettleCommands, addSetUp } from "./commands/acts.js";
import { addAuditCommands } from "./commands/audit.js";
import { addAffected, addCorrections } from "./commands/corrections.js";
import { addDeploymentCommands } from "./commands/deployments.js";
import { addDoor, addRefusals } from "./commands/door.js";
import { addIncidentCommands } from "./commands/incidents.js";
import { addKeys } from "./commands/keys.js";
import { addListCommands } from "./commands/lists.js";
import { addMaintenance } from "./commands/maintenance.js";
import { addMetrics, addUptime } from "./commands/metrics.js";
import { addNotices } from "./commands/notices.js";
import { addPolicy } from "./commands/policy.js";
import { addReconcile } from "./commands/reconcile.js";
import { addSources } from "./commands/sources.js";
import { addSubscriberCommands } from "./commands/subscribers.js";
import { addSuppressionCommands } from "./commands/suppressions.js";
import { addSamples, addTrigger } from "./commands/trigger.js";
import { CALL, Failure } from "./failure.js";
import { Outcome } from "./options.js";
import { clean, screenOf } from "./output.js";

/**
 * Runs one command.
 *
 * @returns the exit code: 0 done, 1 failed or found something bad, 2 called wrongly.
 */
export async function main(args: readonly string[]): Promise<0 | 1 | 2> {
  endQuietlyWhenNobodyReads();
  const outcome = new Outcome();
  try {
    await programOf(outcome).parseAsync([...args], { from: "user" });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Failure) return tell(error, args.includes("--json"));
    throw error;
  }
}

function programOf(outcome: Outcome): Command {
  const program = new Command(CALL)
    .description("See what Signalbox received and did; replay what died; post samples to it.")
    .version(versionOf(), "--version", "print the version")
    .helpCommand(false)
    .exitOverride();
  addTrigger(program, outcome);
  addSamples(program);
  const groups = addListCommands(program);
  const deadLetters = groups.get("dead-letters");
  if (deadLetters !== undefined) addSettleCommands(deadLetters, outcome);
  const audit = groups.get("audit");
  if (audit !== undefined) addAuditCommands(audit, outcome);
  const subscribers = groups.get("subscribers");
  if (subscribers !== undefined) addSubscriberCommands(subscribers);
  const suppressions = groups.get("suppressions");
  if (suppressions !== undefined) addSuppressionCommands(suppressions);
  const payments = groups.get("payments");
  if (payments !== undefined) addAffected(payments);
  const corrections = groups.get("corrections");
  if (corrections !== undefined) addCorrections(corrections, outcome);
  const incidents = groups.get("incidents");
  if (incidents !== undefined) addIncidentCommands(incidents, outcome);
  const deployments = groups.get("deployments");
  if (deployments !== undefined) addDeploymentCommands(deployments);
  addDoor(program);
  addRefusals(program);
  addSources(program, outcome);
  addKeys(program);
  addMaintenance(program);
  addNotices(program);
  addMetrics(program);
  addUptime(program, outcome);
  addPolicy(program, outcome);
  addReconcile(program, outcome);
  addHealth(program, outcome);
  addSetUp(program, outcome);
  program
    .command("help [command...]")
    .description("how to use a command")
    .action((path: string[]) => commandAt(program, path).help());
  pointToHelp(program, []);
  // What stands behind `door balance` is not door's own. After the others are made: they do not inherit it.
  return program.enablePositionalOptions();
}

/** Whoever calls a command wrongly is sent to the help of that very one. */
function pointToHelp(command: Command, path: readonly string[]): void {
  command.showHelpAfterError(`See \`${[CALL, "help", ...path].join(" ")}\`.`);
  for (const inner of command.commands) pointToHelp(inner, [...path, inner.name()]);
}

/** As far as the words name commands; the first that names none is an error of its group. */
function commandAt(program: Command, path: readonly string[]): Command {
  let command = program;
  for (const word of path) {
    const inner = command.commands.find((one) => one.name() === word);
    command = inner ?? command.error(`error: unknown command '${word}'`);
  }
  return command;
}

function tell(failure: Failure, asJson: boolean): 1 | 2 {
  const screen = screenOf({}, process.env);
  const { message, next, told } = failure;
  if (asJson) screen.out(JSON.stringify({ error: { message, next, ...told } }));
  screen.err(`${screen.colors.red(clean(message))}\n${clean(next)}`);
  return failure.exitCode;
}

function versionOf(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** `signalbox events list | head`: the reader leaves, and that is no failure. */
function endQuietlyWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
