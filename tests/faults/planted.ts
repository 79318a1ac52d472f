import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A known way to get it wrong: a text of the project, and what stands there instead. */
export interface PlantedFault {
  name: string;
  file: string;
  from: string;
  to: string;
  /** What the run is asked for besides, where only that has what it breaks. */
  args?: readonly string[];
}

/** What is run on each copy, and what of its end tells that the fault was found. */
export interface Run {
  script: string;
  args: readonly string[];
  judge(code: number | null, output: string): { isFound: boolean; line: string };
}

const root = join(import.meta.dirname, "../..");
const COPIED = ["src", "tests", "emulators", "local", "prisma", "cli", "generated", "scripts"];
const COPIED_FILES = ["package.json", "package-lock.json", "tsconfig.json"];

/** The file with the fault in it. @throws Error when the text is not there, or more than once: the list is to be kept. */
export function withFault({ file, from, to }: PlantedFault): string {
  const parts = readFileSync(join(root, file), "utf8").split(from);
  if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}

/** Runs it on a copy of the project for each fault, and says which were found. @returns how many were not. */
export async function findPlanted(faults: readonly PlantedFault[], run: Run): Promise<number> {
  let survived = 0;
  for (const [n, fault] of faults.entries()) {
    const dir = join(root, ".cache/planted", `${process.pid}-${n}`);
    try {
      plant(fault, dir);
      const { isFound, line } = await played(dir, fault, run);
      if (!isFound) survived += 1;
      console.log(`${isFound ? "found   " : "SURVIVED"}  ${fault.name}\n          ${line}`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  console.log(`${faults.length - survived} of ${faults.length} planted faults were found`);
  return survived;
}

function plant(fault: PlantedFault, dir: string): void {
  const text = withFault(fault);
  mkdirSync(dir, { recursive: true });
  for (const part of [...COPIED, ...COPIED_FILES]) {
    cpSync(join(root, part), join(dir, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  writeFileSync(join(dir, fault.file), text);
}

function played(dir: string, fault: PlantedFault, run: Run): Promise<ReturnType<Run["judge"]>> {
  const args = ["scripts/typescript.mjs", run.script, ...run.args, ...(fault.args ?? [])];
  const child = spawn(process.execPath, args, { cwd: dir });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(run.judge(code, output)));
  });
}
