// node scripts/run.mjs <file.ts> [arguments]: any TypeScript command of the project on a fresh clone.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, runTypeScript } from "./bootstrap.mjs";

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write("Usage: node scripts/run.mjs <file.ts> [arguments]\n");
  process.exit(2);
}

/** What a command's file begins with says how it is called, and what for. */
function usage() {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return `Usage: ${lines
    .slice(0, end)
    .map((line) => line.slice("// ".length))
    .join("\n       ")}\n`;
}

try {
  await runTypeScript(file, args);
} catch (error) {
  if (!String(error?.code).startsWith("ERR_PARSE_ARGS_")) throw error;
  // A command that has a help of its own has answered; to the others it is an option like any that they don't know.
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage());
    process.exit(0);
  }
  process.stderr.write(`${error.message}\n${usage()}`);
  process.exit(2);
}
