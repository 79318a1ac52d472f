// node scripts/run.mjs <file.ts> [arguments]: any TypeScript command of the project on a fresh clone.
import { runTypeScript } from "./bootstrap.mjs";

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write("Usage: node scripts/run.mjs <file.ts> [arguments]\n");
  process.exit(2);
}
await runTypeScript(file, args);
