import { isAlias, isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type Path, pathText } from "./check/problem.js";
import { checkPolicy } from "./check.js";
import { isPolicyName, POLICY_NAMES } from "./names.js";
import { PRESETS, presetOf } from "./presets/index.js";
import { type Policy, policySchema } from "./schema.js";

/** What is wrong with a policy that was written down, and where it stands there. */
export interface PolicyProblem {
  /** `routes.page.steps[1]`; empty where the file cannot be read at all. */
  path: string;
  message: string;
  /** From 1; null where it stands in the preset that the file extends, or nowhere. */
  line: number | null;
  column: number | null;
}
export type ReadPolicy =
  | { policy: Policy; problems: [] }
  /** `policy` where it is of the right shape, though it cannot work. */
  | { policy: Policy | null; problems: PolicyProblem[] };

/** Longer texts are no policy. */
export const POLICY_CHARS_MAX = 500_000;
/** An alias that is meant well is used a few times; each may stand for a large part. */
const ALIASES_MAX = 100;

/**
 * Reads a policy from YAML or JSON (which is YAML). `extends: <preset>` at the top takes each part that the
 * file does not have from that preset; a part that it has stands whole, nothing is mixed below the top.
 *
 * @param amend what the deployment adds of its own before it is checked: addresses, names of services.
 * @param channels those that the deployment can send by; see `checkPolicy`.
 */
export function readPolicy(
  text: string,
  amend: (policy: Policy) => Policy = (policy) => policy,
  channels?: readonly string[],
): ReadPolicy {
  if (text.length > POLICY_CHARS_MAX) return unreadable("is longer than a policy may be");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return { path: "", message, line, column: col };
    });
    return { policy: null, problems };
  }
  const placed = (path: Path, message: string): PolicyProblem => ({
    path: path.length === 0 ? "" : pathText(path),
    message,
    ...placeOf(document, lines, path),
  });
  const data = plainOf(document);
  if ("why" in data) return unreadable(`cannot be read: ${data.why}`);
  const written = data.plain;
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    return unreadable("is no policy: it has no parts, such as `extends: tbat`");
  }
  const { extends: base, ...parts } = written as Record<string, unknown>;
  if (base !== undefined && !isPolicyName(base)) {
    const message = `a policy extends one of ${POLICY_NAMES.join(", ")}`;
    return { policy: null, problems: [placed(["extends"], message)] };
  }
  const parsed = policySchema.safeParse(
    base === undefined ? parts : { ...PRESETS[base], ...parts },
  );
  if (!parsed.success) {
    return {
      policy: null,
      problems: parsed.error.issues.flatMap((one) => shapeProblems(one, placed)),
    };
  }
  return checked(amend(parsed.data), placed, channels);
}

/** The preset as the deployment has it. */
export function readPreset(
  name: keyof typeof PRESETS,
  amend: (policy: Policy) => Policy = (policy) => policy,
  channels?: readonly string[],
): ReadPolicy {
  const nowhere = (path: Path, message: string): PolicyProblem => ({
    path: pathText(path),
    message,
    line: null,
    column: null,
  });
  return checked(amend(presetOf(name)), nowhere, channels);
}

/** `policy.yaml:12:5 routes.page.steps[1]: there is no role nobody`. */
export function problemText(name: string, { path, message, line, column }: PolicyProblem): string {
  const place = line === null ? name : `${name}:${line}:${column ?? 1}`;
  return path === "" ? `${place} ${message}` : `${place} ${path}: ${message}`;
}

/** A sentence for what is no data: an alias of nothing, or aliases of aliases that would never end. */
function plainOf(document: ReturnType<typeof parseDocument>): { plain: unknown } | { why: string } {
  try {
    return { plain: document.toJS({ maxAliasCount: ALIASES_MAX }) };
  } catch (error) {
    if (error instanceof ReferenceError) return { why: error.message };
    throw error;
  }
}

type Placed = (path: Path, message: string) => PolicyProblem;

function checked(policy: Policy, placed: Placed, channels?: readonly string[]): ReadPolicy {
  const found = checkPolicy(policy, channels);
  const problems = found.map(({ path, message }) => placed(path, message));
  return { policy, problems };
}

function unreadable(message: string): ReadPolicy {
  return { policy: null, problems: [{ path: "", message, line: null, column: null }] };
}

/** What a part that may be of several shapes lacks is told for the one that it comes nearest to. */
function shapeProblems(issue: z.core.$ZodIssue, placed: Placed): PolicyProblem[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => placed([...path, key], "a policy has no such line"));
  }
  return [placed(path, issue.message)];
}

/** Where the line stands, or else what it is a part of; null for what is the preset's. */
function placeOf(
  document: ReturnType<typeof parseDocument>,
  lines: LineCounter,
  path: Path,
): { line: number | null; column: number | null } {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && !isAlias(node) && node.range) {
      const { line, col } = lines.linePos(node.range[0]);
      return { line, column: col };
    }
  }
  return { line: null, column: null };
}
