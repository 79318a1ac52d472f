// npm run test:payments:mutants [-- --seed N --only TEXT]: each planted fault must make the payment histories fail.
import { parseArgs } from "node:util";
import { findPlanted } from "../faults/planted.js";
import { PLANTED_FAULTS } from "./planted-faults.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    histories: { type: "string", default: "240" },
    /** Only those whose name has this text. */
    only: { type: "string", default: "" },
  },
});

const survived = await findPlanted(
  PLANTED_FAULTS.filter(({ name }) => name.includes(values.only)),
  {
    script: "tests/payments/main.ts",
    args: ["--seed", values.seed, "--histories", values.histories],
    judge(code, output) {
      const counted = output.split("\n").find((one) => one.startsWith("histories "));
      return {
        isFound: code === 1 && counted !== undefined,
        line: counted ?? output.slice(-300),
      };
    },
  },
);
process.exitCode = survived > 0 ? 1 : 0;
