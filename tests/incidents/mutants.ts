// npm run test:incidents:mutants [-- --seed N --only TEXT]: each planted fault must make the incidents' histories fail.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface Mutant {
  name: string;
  file: string;
  from: string;
  to: string;
  /** Only this policy has what it breaks. */
  policy?: string;
}

/** The known ways to get this wrong. A text that is not found any more fails the run: the list is to be kept. */
const MUTANTS: readonly Mutant[] = [
  {
    name: "a page is sent though its incident was acknowledged before",
    file: "src/handlers/send-notification/order.ts",
    from: "  if (notice.stopsAt === null || incident === null) return null;",
    to: "  if (notice.id !== incident?.id) return null;",
  },
  {
    name: "a page's reserve does not rest on its incident: an acknowledgement that comes between is not seen",
    file: "src/handlers/send-notification/decide.ts",
    from: '  if (notice.stopsAt !== null && incident !== null) plan.expect("incident", incident);',
    to: "",
  },
  {
    name: "no unique key on an incident's steps",
    file: "prisma/migrations/20261122000000_alerts_and_incidents/migration.sql",
    from: "  CONSTRAINT incident_step_key UNIQUE (incident_id, step)\n",
    to: "  CONSTRAINT incident_step_key UNIQUE (id)\n",
  },
  {
    name: "a channel that is down is only tried again",
    file: "src/handlers/send-notification/fallback.ts",
    from: "  if (notice.instead.length === 0) return {};",
    to: "  if (notice.instead.length >= 0) return {};",
  },
  {
    name: "people are told in a maintenance",
    file: "src/policy/incident-clock.ts",
    from: "=> quietEnd(at) ?? at;",
    to: "=> (quietEnd(at) === null ? at : at);",
    policy: "tbat",
  },
  {
    name: "the sweep passes over timers whose message is lost",
    file: "src/operations/run-timer.ts",
    from: "  for (const timer of timers) {",
    to: "  for (const timer of timers.slice(timers.length)) {",
  },
  {
    name: "an acknowledgement ends no ladder",
    file: "src/policy/incident-clock.ts",
    from: '  if (incident.status === "open") steps.push(...pages(state, route, begin));',
    to: '  steps.push(...pages(state, route, begin));\n  if (incident.status === "open") return steps;',
  },
];

const root = join(import.meta.dirname, "../..");
const COPIED = [
  "src",
  "tests",
  "emulators",
  "local",
  "prisma",
  "cli",
  "generated",
  "package.json",
  "tsconfig.json",
];

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "60" },
    /** Only those whose name has this text. */
    only: { type: "string", default: "" },
  },
});

/** A copy of the project with one fault in it. */
function plant({ file, from, to }: Mutant, dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const part of COPIED) cpSync(join(root, part), join(dir, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  const text = readFileSync(join(dir, file), "utf8");
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times: ${from}`);
  writeFileSync(join(dir, file), parts.join(to));
}

/** How the histories end there: the exit code, and the first thing that they found. */
function played(
  dir: string,
  policy: string | undefined,
): Promise<{ code: number | null; line: string }> {
  const args = ["--import", "tsx", "tests/incidents/main.ts", "--first", "--minutes", "4"];
  const asked = ["--seed", values.seed, "--runs", values.runs];
  const of = policy === undefined ? [] : ["--policy", policy];
  const child = spawn(process.execPath, [...args, ...asked, ...of], { cwd: dir });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return new Promise((resolve) => {
    child.on("close", (code) => {
      const lines = text.split("\n");
      const found = lines.find((one) => /^ {2}[a-z-]+, seed/.test(one));
      resolve({ code, line: (found ?? text.slice(-300)).trim() });
    });
  });
}

let survived = 0;
const planted = MUTANTS.filter(({ name }) => name.includes(values.only));
for (const [n, mutant] of planted.entries()) {
  const dir = join(root, ".cache/mutants", `incidents-${process.pid}-${n}`);
  plant(mutant, dir);
  const { code, line } = await played(dir, mutant.policy);
  // A run that breaks down has found nothing.
  const isFound = code === 1 && /seed \d+/.test(line) && !line.includes("Error:");
  if (!isFound) survived += 1;
  console.log(
    `${isFound ? "found   " : "SURVIVED"} ${mutant.name}\n         ${line.slice(0, 200)}`,
  );
  rmSync(dir, { recursive: true, force: true });
}
console.log(`planted ${planted.length}, found ${planted.length - survived}`);
process.exitCode = survived > 0 ? 1 : 0;
