import { pathText } from "../../../src/policy/check/problem.js";
import { checkPolicy } from "../../../src/policy/check.js";
import type { PolicyName } from "../../../src/policy/names.js";
import { type Row, row } from "../row.js";
import { aiGurusRows } from "./ai-gurus.js";
import { brainbytesRows } from "./brainbytes.js";
import { runbookRows } from "./runbook.js";
import { stamfordRows } from "./stamford.js";
import { tbatRows } from "./tbat.js";

/** The last of each: what no other row sees, because it comes to nothing, the policy's own check does. */
const checked: Row = row(
  "The check at the start finds nothing wrong",
  "nothing",
  (policy) =>
    checkPolicy(policy)
      .map(({ path, message }) => `${pathText(path)}: ${message}`)
      .join("; ") || "nothing",
);

export const ROWS: Readonly<Record<PolicyName, readonly Row[]>> = {
  tbat: [...tbatRows, checked],
  "ai-gurus": [...aiGurusRows, checked],
  brainbytes: [...brainbytesRows, checked],
  stamford: [...stamfordRows, checked],
  runbook: [...runbookRows, checked],
};
