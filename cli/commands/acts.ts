import type { Command } from "commander";
import { ask, type Row } from "../api.js";
import { Failure } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { pairsOf, type Screen, tableOf, timeIn, toned } from "../output.js";

interface Health {
  status: string;
  timestamp: string;
  version: string;
  services: Record<string, string>;
}

interface SetUp {
  schedules: { id: string; cron: string; path: string; state: string }[];
  checks: { name: string; ok: boolean; detail: string }[];
}

/** `dead-letters replay` and `discard`: several at once, each told; one that fails does not stop the rest. */
export function addSettleCommands(deadLetters: Command, outcome: Outcome): void {
  const acts = [
    ["replay", "run dead letters again: same code, same keys, so that nothing happens twice"],
    ["discard", "give dead letters up for good"],
  ] as const;
  for (const [verb, about] of acts) {
    common(deadLetters.command(`${verb} <ids...>`))
      .description(about)
      .requiredOption("--reason <text>", "why; it is kept in the audit trail")
      .action(async (ids: string[], options: CommonOptions & { reason: string }) => {
        const { target, screen } = contextOf(options);
        const results: Row[] = [];
        for (const id of ids) {
          const path = `/dead-letters/${encodeURIComponent(id)}/${verb}`;
          try {
            const call = { method: "POST", body: { reason: options.reason } } as const;
            const { data } = await ask<{ data: Row }>(target, path, call);
            results.push(data);
            if (options.json !== true) {
              screen.out(`${data.id}  ${toned(String(data.status), screen)}`);
            }
          } catch (error) {
            // What is wrong with one letter says nothing of the next; what is wrong with the server does.
            if (!(error instanceof Failure) || !isAboutTheLetter(error)) throw error;
            if (ids.length === 1) throw error;
            outcome.fail();
            results.push({ id, error: error.told });
            if (options.json !== true) screen.err(`${id}  ${error.message} ${error.next}`);
          }
        }
        if (options.json === true) return screen.out(JSON.stringify({ data: results }));
        if (verb === "replay" && outcome.code === 0) {
          const next = `signalbox dead-letters show ${ids[0]}`;
          screen.err(screen.colors.dim(`See what becomes of it: ${next}`));
        }
      });
  }
}

const isAboutTheLetter = ({ told }: Failure): boolean => told.status === 404 || told.status === 409;

export function addHealth(program: Command, outcome: Outcome): void {
  common(program.command("health"))
    .description("whether Signalbox and the parts it stands on answer (exit code 1 when not)")
    .action(async (options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const call = { withoutToken: true, also: [503] };
      const { data } = await ask<{ data: Health }>(target, "/health", call);
      if (data.status !== "healthy") outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify({ data }));
      screen.out(renderHealth(data, target.url, screen));
    });
}

function renderHealth(data: Health, url: string, screen: Screen): string {
  const services = Object.entries(data.services).map(([name, status]): [string, string] => [
    name,
    toned(status, screen),
  ]);
  return pairsOf(
    [
      ["address", url],
      ["status", toned(data.status, screen)],
      ["version", data.version],
      ...services,
      ["asked at", `${timeIn(data.timestamp, screen.zone)} ${screen.zone}`],
    ],
    screen,
  );
}

export function addSetUp(program: Command, outcome: Outcome): void {
  common(program.command("setup"))
    .description("register the schedules and check the settings; run it after each deployment")
    .action(async (options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const { data } = await ask<{ data: SetUp }>(target, "/setup", { method: "POST" });
      if (data.checks.some(({ ok }) => !ok)) outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify({ data }));
      const schedules = data.schedules.map(({ id, cron, path, state }) => [
        id,
        cron,
        path,
        toned(state, screen),
      ]);
      screen.out(tableOf(["Schedule", "Cron", "Calls", "State"], schedules, screen));
      const { green, red } = screen.colors;
      const checks = data.checks.map(({ name, ok, detail }) => [
        name,
        ok ? green("good") : red("not good"),
        detail,
      ]);
      screen.out(`\n${tableOf(["Check", "Result", "Detail"], checks, screen)}`);
    });
}
