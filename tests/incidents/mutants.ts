// npm run test:incidents:mutants [-- --seed N --only TEXT]: each planted fault must make the incidents' histories fail.
import { parseArgs } from "node:util";
import { findPlanted } from "../faults/planted.js";
import { PLANTED_FAULTS } from "./planted-faults.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "60" },
    /** Only those whose name has this text. */
    only: { type: "string", default: "" },
  },
});

const survived = await findPlanted(
  PLANTED_FAULTS.filter(({ name }) => name.includes(values.only)),
  {
    script: "tests/incidents/main.ts",
    args: ["--first", "--minutes", "4", "--seed", values.seed, "--runs", values.runs],
    judge(code, output) {
      const found = output.split("\n").find((one) => /^ {2}[a-z-]+, seed/.test(one));
      const line = (found ?? output.slice(-300)).trim();
      // A run that breaks down has found nothing.
      const isFound = code === 1 && /seed \d+/.test(line) && !line.includes("Error:");
      return { isFound, line: line.slice(0, 200) };
    },
  },
);
process.exitCode = survived > 0 ? 1 : 0;
