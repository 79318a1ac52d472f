// node scripts/count-results.mjs <folder>: for .ci/run. Sums up vitest's reports in the folder and the steps
// that have none, names what failed, and ends with "N passed, N failed".
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const folder = process.argv[2] ?? ".";
const failures = [];
let passed = 0;

const lines = readFileSync(join(folder, "steps"), "utf8").trim().split("\n");
for (const [name, code] of lines.map((line) => line.split(" "))) {
  const report = join(folder, `${name}.json`);
  const before = failures.length;
  if (existsSync(report)) countTests(name, JSON.parse(readFileSync(report, "utf8")));
  else if (code === "0") passed += 1;
  // A run can fail without a failed test: an error outside of all, a time limit, no report at all.
  if (code !== "0" && failures.length === before) failures.push(`${name}: ended with ${code}`);
}

function countTests(name, { testResults }) {
  for (const { name: path, status, message, assertionResults } of testResults) {
    const file = relative(process.cwd(), path);
    const failed = assertionResults.filter((test) => test.status !== "passed");
    passed += assertionResults.length - failed.length;
    failures.push(...failed.map((test) => `${name}: ${file}: ${test.fullName} (${test.status})`));
    if (status === "failed" && failed.length === 0) failures.push(`${name}: ${file}: ${message}`);
  }
}

for (const failure of failures) process.stdout.write(`FAILED ${failure}\n`);
process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
