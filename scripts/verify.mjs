// npm run verify: every rule that a machine can check in seconds, without a database. Each line names
// the rule and the document that says why.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { bootstrap, root } from "./bootstrap.mjs";

const AT_ONCE = 2;
const TIMEOUT_MS = 5 * 60_000;

const bin = (name, ...args) => [join(root, "node_modules", ...name.split("/")), ...args];
const CHECKS = [
  {
    rule: "unit tests, and the house's own (tests/architecture)",
    document: "ARCHITECTURE.md",
    command: bin("vitest/vitest.mjs", "run", "--config", "vitest.unit.config.ts", "--reporter=dot"),
  },
  {
    rule: "types",
    document: "tsconfig.json",
    command: bin("typescript/bin/tsc", "-p", "tsconfig.json"),
  },
  {
    rule: "types without Node, for what runs on the edge",
    document: "ARCHITECTURE.md, Folders; tsconfig.edge.json",
    command: bin("typescript/bin/tsc", "-p", "tsconfig.edge.json"),
  },
  {
    rule: "format and lint; 70-line functions, 400-line files (tests 600), 100 columns",
    document: "CONTRIBUTING.md; biome.json",
    command: bin("@biomejs/biome/bin/biome", "ci", "--colors=off", "--max-diagnostics=50"),
  },
  {
    rule: "layers: who may import whom",
    document: "ARCHITECTURE.md, Folders; .dependency-cruiser.cjs",
    command: [join(root, "scripts/typescript.mjs"), "scripts/check-layers.ts"],
  },
  {
    rule: "nothing left over: files, exports, packages",
    document: "knip.json",
    command: bin("knip/bin/knip.js", "--no-progress"),
  },
];

function run([file, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (error) => resolve({ ok: false, output: error.message }));
    child.once("close", (code) => resolve({ ok: code === 0, output }));
  });
}

async function check({ rule, document, command }) {
  const began = performance.now();
  const { ok, output } = await run(command);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${ok ? "ok  " : "FAIL"}  ${rule}  (${document}; ${seconds} s)\n`);
  if (!ok) process.stdout.write(`\n${output.trim()}\n\n`);
  return ok;
}

await bootstrap();
const began = performance.now();
const waiting = [...CHECKS];
const results = [];
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    results.push(await check(next));
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, worker));
const failed = results.filter((ok) => !ok).length;
const seconds = ((performance.now() - began) / 1000).toFixed(1);
process.stdout.write(
  failed === 0
    ? `All ${results.length} rules hold (${seconds} s)\n`
    : `${failed} of ${results.length} rules are broken (${seconds} s)\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
