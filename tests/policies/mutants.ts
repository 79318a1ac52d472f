// npm run test:policies:mutants [-- --preset tbat] [--all]: each value of a preset, changed, must make a row of it differ.
import { parseArgs } from "node:util";
import { isPolicyName, POLICY_NAMES, type PolicyName } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { mutantsOf } from "./mutate.js";
import { differing } from "./row.js";
import { ROWS } from "./rows/index.js";

const { values } = parseArgs({
  options: { preset: { type: "string" }, all: { type: "boolean", default: false } },
});
if (values.preset !== undefined && !isPolicyName(values.preset)) {
  console.error(`--preset is one of ${POLICY_NAMES.join(", ")}`);
  process.exit(2);
}
const presets = POLICY_NAMES.filter(
  (name) => values.preset === undefined || name === values.preset,
);
const missed = presets.map(missedOf);
process.exitCode = missed.every((count) => count === 0) ? 0 : 1;

/** Prints what no row has noticed, or all; and how many there are. */
function missedOf(preset: PolicyName): number {
  let [found, lost] = [0, 0];
  for (const { name, policy } of mutantsOf(presetOf(preset))) {
    const row = differing(ROWS[preset], policy);
    if (row === undefined) lost += 1;
    else found += 1;
    if (row === undefined) console.log(`NOT FOUND  ${preset} ${name}`);
    else if (values.all) console.log(`found      ${preset} ${name}  (${row.requirement})`);
  }
  console.log(`${preset}: ${found} of ${found + lost} changes found`);
  return lost;
}
