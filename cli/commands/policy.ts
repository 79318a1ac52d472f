import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { ask } from "../api.js";
import { CALL, Failure, usage } from "../failure.js";
import { type CommonOptions, common, contextOf, type Outcome } from "../options.js";
import { clean, type Screen, timeIn } from "../output.js";
import { freshen, loadSample } from "../samples/index.js";
import { encodeBody } from "../sign.js";

interface Problem {
  path: string;
  message: string;
  line: number | null;
  column: number | null;
}
interface Explanation {
  policy: string;
  source: string;
  type: string;
  at: string;
  incidents: string[];
  parts: { about: string; sentences: string[] }[];
}
interface Verdict {
  severity: string;
  severityName: string;
  rule: string;
  route: string;
  service: string;
}
interface Comparison {
  before: string;
  after: string;
  differences: { path: string; before: string | null; after: string | null }[];
  replayed: {
    since: string;
    signals: number;
    withoutBody: number;
    cut: boolean;
    changed: number;
    changes: { at: string; source: string; title: string; before: Verdict; after: Verdict }[];
  } | null;
}

/** `policy`: whose rules hold, what they make of an event, and what another policy would. */
export function addPolicy(program: Command, outcome: Outcome): void {
  const policy = program
    .command("policy")
    .description("whose rules hold: check a file, show, explain an event, compare");
  addCheck(policy, outcome);
  addShow(policy);
  addExplain(policy);
  addDiff(policy);
}

function addCheck(policy: Command, outcome: Outcome): void {
  common(policy.command("check [file]"))
    .description("what is wrong with a policy's file, by line; without one, with that which holds")
    .action(async (file: string | undefined, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      if (file === undefined) {
        const { data } = await ask<{ data: { name: string } }>(target, "/policy");
        if (options.json === true) {
          return screen.out(JSON.stringify({ data: { name: data.name, problems: [] } }));
        }
        return screen.out(
          `${clean(data.name)} holds; it was checked at the start, and nothing is wrong.`,
        );
      }
      const call = { method: "POST", body: { text: textOf(file, presetHint(file)) } } as const;
      const found = await ask<{ data: { name: string | null; problems: Problem[] } }>(
        target,
        "/policy/check",
        call,
      );
      const { problems, name } = found.data;
      if (problems.length > 0) outcome.fail();
      if (options.json === true) return screen.out(JSON.stringify(found));
      if (problems.length === 0) return screen.out(`${clean(name ?? file)}: nothing is wrong.`);
      for (const problem of problems) screen.out(problemLine(file, problem, screen));
      screen.out(`\n${problems.length} to put right.`);
    });
}

function problemLine(
  file: string,
  { path, message, line, column }: Problem,
  { colors }: Screen,
): string {
  const place = line === null ? file : `${file}:${line}:${column ?? 1}`;
  const where = path === "" ? "" : ` ${colors.bold(clean(path))}:`;
  return `${colors.dim(place)}${where} ${clean(message)}`;
}

function addShow(policy: Command): void {
  common(policy.command("show [part]"))
    .description(
      "the policy that holds, as a file of one would say it; or one part, as routes.page",
    )
    .action(async (part: string | undefined, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const { data } = await ask<{ data: Record<string, unknown> }>(target, "/policy");
      const found = part === undefined ? data : partOf(data, part);
      if (options.json === true) return screen.out(JSON.stringify({ data: found }));
      const { stringify } = await import("yaml"); // a tenth of any command's start
      screen.out(stringify(found, { lineWidth: 100 }).trimEnd());
    });
}

function partOf(whole: Record<string, unknown>, part: string): unknown {
  let found: unknown = whole;
  for (const name of part.split(".")) {
    const parts = found as Record<string, unknown>;
    if (typeof found !== "object" || found === null || !Object.hasOwn(parts, name)) {
      const known = typeof found === "object" && found !== null ? Object.keys(parts) : [];
      throw usage(`The policy has no ${part}.`, `Here it has ${known.join(", ") || "no parts"}.`);
    }
    found = parts[name];
  }
  return found;
}

function addExplain(policy: Command): void {
  common(policy.command("explain <event>"))
    .description(
      "who would be told of an event, by what, when and why; of an event id, or a sample",
    )
    .addHelpText(
      "after",
      `\nExamples:\n  ${CALL} policy explain evt_01J…\n  ${CALL} policy explain better-stack/incident-started`,
    )
    .action(async (event: string, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const call = { method: "POST", body: questionOf(event) } as const;
      const found = await ask<{ data: Explanation }>(target, "/policy/explain", call);
      if (options.json === true) return screen.out(JSON.stringify(found));
      screen.out(explanationText(found.data, screen));
    });
}

/** A sample as its provider would send it now; nobody has to sign what is only asked about. */
function questionOf(event: string): object {
  const [, source, name] = /^([^/]+)\/(.+)$/.exec(event) ?? [];
  if (source === undefined || name === undefined) return { eventId: event };
  const sample = freshen(sampleOf(source, name), { uniqueId: "explained", now: Date.now() });
  const body = new TextDecoder().decode(encodeBody(source, sample.body));
  return { source, headers: sample.headers, body };
}

function sampleOf(source: string, name: string) {
  try {
    return loadSample(source, name);
  } catch (cause) {
    throw usage(`There is ${(cause as Error).message}.`, `See \`${CALL} samples\`.`);
  }
}

function explanationText(found: Explanation, screen: Screen): string {
  const { colors, zone } = screen;
  const lines = [
    `${colors.bold(clean(`${found.source} ${found.type}`))}, ${timeIn(found.at, zone)} (${zone}), by the policy ${clean(found.policy)}`,
  ];
  if (found.incidents.length > 0) lines.push(`It is part of ${found.incidents.join(", ")}.`);
  for (const { sentences } of found.parts) {
    lines.push("", ...sentences.map((sentence) => `- ${clean(sentence)}`));
  }
  return lines.join("\n");
}

function addDiff(policy: Command): void {
  common(policy.command("diff <policy>"))
    .description("where another policy (a preset, or a file) differs from the one that holds")
    .option("--last <time>", "and what it would have made of the signals of this time: 12h, 7d")
    .action(async (other: string, options: CommonOptions & { last?: string }) => {
      const { target, screen } = contextOf(options);
      const isFile = /\.(ya?ml|json)$/i.test(other);
      const body = {
        ...(isFile ? { text: textOf(other) } : { preset: other }),
        ...(options.last === undefined ? {} : { last: options.last }),
      };
      const call = { method: "POST", body } as const;
      const found = await ask<{ data: Comparison }>(target, "/policy/diff", call);
      if (options.json === true) return screen.out(JSON.stringify(found));
      screen.out(comparisonText(found.data, screen));
    });
}

function comparisonText(found: Comparison, screen: Screen): string {
  const { colors, zone } = screen;
  const { before, after, differences, replayed } = found;
  const lines = differences.map(({ path, before: ours, after: theirs }) => {
    const [was, is] = [ours, theirs].map((value) => (value === null ? "absent" : clean(value)));
    return `${colors.bold(clean(path))}: ${was} ${colors.dim("→")} ${is}`;
  });
  lines.push(`\n${differences.length} lines differ between ${clean(before)} and ${clean(after)}.`);
  if (replayed === null) return lines.join("\n");
  const { signals, changed, since, withoutBody, cut, changes } = replayed;
  lines.push(
    `\nOf ${signals} signals since ${timeIn(since, zone)} (${zone}), ${changed} would have been told otherwise:`,
    ...changes.map(
      ({ at, source, title, before: was, after: is }) =>
        `${timeIn(at, zone)}  ${clean(source)}  ${clean(title)}\n    ${verdictText(was)} ${colors.dim("→")} ${verdictText(is)}`,
    ),
  );
  if (changed > changes.length) lines.push(`… and ${changed - changes.length} more.`);
  if (cut) lines.push("There are more signals than were looked at: ask for a shorter time.");
  if (withoutBody > 0) {
    lines.push(`${withoutBody} of them were judged without their bytes, which are kept no more.`);
  }
  return lines.join("\n");
}

const verdictText = ({ severity, severityName, rule, route, service }: Verdict): string =>
  clean(`${severityName} (${severity}) of ${service} by ${route}, rule ${rule}`);

/** Of a bare word, which a preset's name is. */
const presetHint = (file: string): string | undefined =>
  /^[\w-]+$/.test(file)
    ? `A file's path is wanted (./policy.yaml). If ${file} is a preset: \`${CALL} policy diff ${file}\` compares it with the policy that holds, \`${CALL} policy show\` shows what holds.`
    : undefined;

function textOf(file: string, hint = "Give the path of a file."): string {
  try {
    return readFileSync(resolve(file), "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : (code ?? message);
    throw new Failure(`${file} can't be read: ${why}.`, hint, { exitCode: 2, cause });
  }
}
