#!/usr/bin/env node
// The bin: plain Node, so that a clone without its packages still says what to do. A symbolic link
// to it (npx makes one) is resolved by Node, so the project's folder is where this file is.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (!existsSync(join(root, "node_modules", "esbuild"))) {
  process.stderr.write(
    `Signalbox's packages are not installed.\nRun \`npm ci --ignore-scripts\` (or \`npm start\`) in ${root}, then try again.\n`,
  );
  process.exit(1);
}

const { endNotRunnable, importTypeScript } = await import("../scripts/typescript.mjs");
const { main } = await importTypeScript("cli/main.ts").catch(endNotRunnable);
process.exitCode = await main(process.argv.slice(2));
