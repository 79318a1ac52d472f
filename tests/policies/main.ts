// npm run test:policies [-- --preset tbat] [--differing]: each preset against the rows of its platform's requirements.
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { isPolicyName, POLICY_NAMES } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { type Outcome, outcomesOf } from "./row.js";
import { ROWS } from "./rows/index.js";

const ROWS_MIN = 12;
const { values } = parseArgs({
  options: { preset: { type: "string" }, differing: { type: "boolean", default: false } },
});
if (values.preset !== undefined && !isPolicyName(values.preset)) {
  console.error(`--preset is one of ${POLICY_NAMES.join(", ")}`);
  process.exit(2);
}
const presets = POLICY_NAMES.filter(
  (name) => values.preset === undefined || name === values.preset,
);
const outcomes = presets.flatMap((name) => outcomesOf(name, ROWS[name], presetOf(name)));
const shown = values.differing ? outcomes.filter(({ isEqual }) => !isEqual) : outcomes;
if (shown.length > 0) console.log(tableOf(shown));
let isGood = true;
for (const name of presets) {
  const own = outcomes.filter(({ preset }) => preset === name);
  const differing = own.filter(({ isEqual }) => !isEqual).length;
  const few = own.length < ROWS_MIN ? `, and fewer than ${ROWS_MIN}` : "";
  if (differing > 0 || few !== "") isGood = false;
  console.log(`${name}: ${own.length} rows, ${differing} differ${few}`);
}
process.exitCode = isGood ? 0 : 1;

function tableOf(rows: readonly Outcome[]): string {
  const table = new Table({
    head: ["preset", "requirement", "expected", "got", ""],
    colWidths: [12, 44, 50, 50, 8],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { preset, requirement, expected, found, isEqual } of rows) {
    table.push([preset, requirement, expected, found, isEqual ? "equal" : "DIFFERS"]);
  }
  return table.toString();
}
