// npm run test:payments:mutants [-- --seed N]: each planted fault must make the payment histories fail.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface Mutant {
  name: string;
  file: string;
  from: string;
  to: string;
}

/** The known ways to get this wrong. A text that is not found any more fails the run: the list is to be kept. */
const MUTANTS: readonly Mutant[] = [
  {
    name: "two words of one moment: the last one to arrive wins",
    file: "src/domain/ledger.ts",
    from: "  if (word.alone === true) return judgeAlone(before, word);",
    to: '  if (later === 0) return "replaces";',
  },
  {
    name: "two words of one moment: the first one to arrive stays",
    file: "src/domain/ledger.ts",
    from: "  if (word.alone === true) return judgeAlone(before, word);",
    to: '  if (later === 0) return "is_older";',
  },
  {
    name: "states may regress: what is final is left for what is not",
    file: "src/domain/ledger.ts",
    from: 'if (later === 0 && higher !== 0) return higher > 0 ? "replaces" : "is_older";',
    to: 'if (later === 0 && higher !== 0) return "replaces";',
  },
  {
    name: "the order of arrival is trusted",
    file: "src/domain/ledger.ts",
    from: "  const { said } = word;\n  if (word.after",
    to: '  const { said } = word;\n  if (word.occurredAt > 0) return "replaces";\n  if (word.after',
  },
  {
    name: "no unique key on the ledger's objects and payments",
    file: "prisma/migrations/20261121170000_ledger/migration.sql",
    from: "CREATE INDEX ledger_object_payment_ref_idx",
    to: "ALTER TABLE ledger_object DROP CONSTRAINT ledger_object_key;\nALTER TABLE payment DROP CONSTRAINT payment_account_livemode_external_id_key;\nCREATE INDEX ledger_object_payment_ref_idx",
  },
  {
    name: "refunds are added up as their events come, a failed one too",
    file: "src/domain/payment.ts",
    from: 'state === "failed" || state === "canceled";',
    to: 'state === "nothing";',
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
    histories: { type: "string", default: "240" },
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

/** How the histories end there: the exit code, and the line that counts. */
function played(dir: string): Promise<{ code: number | null; line: string }> {
  const args = ["--import", "tsx", "tests/payments/main.ts"];
  const asked = ["--seed", values.seed, "--histories", values.histories];
  const child = spawn(process.execPath, [...args, ...asked], { cwd: dir });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return new Promise((resolve) => {
    child.on("close", (code) => {
      const line = text.split("\n").find((one) => one.startsWith("histories ")) ?? text.slice(-300);
      resolve({ code, line });
    });
  });
}

let survived = 0;
const planted = MUTANTS.filter(({ name }) => name.includes(values.only));
for (const [n, mutant] of planted.entries()) {
  const dir = join(root, ".cache/mutants", `${process.pid}-${n}`);
  plant(mutant, dir);
  const { code, line } = await played(dir);
  const isFound = code === 1 && line.startsWith("histories ");
  if (!isFound) survived += 1;
  console.log(`${isFound ? "found   " : "SURVIVED"}  ${mutant.name}\n          ${line}`);
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${planted.length - survived} of ${planted.length} planted faults were found`);
process.exitCode = survived > 0 ? 1 : 0;
