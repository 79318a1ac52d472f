import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";
import type { z } from "zod";
import { POLICY_NAMES } from "../../src/policy/names.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { decideRoute } from "../../src/policy/route.js";
import { type Policy, policySchema } from "../../src/policy/schema.js";

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

/** Every line that a policy may have, with the comment that stands over it in the schema; and the presets for people. */
export function policySections(root: string, table: Table): string[] {
  const files = ["src/policy/payments.ts", "src/policy/schema.ts"];
  const comments = commentsOf(files.map((file) => resolve(root, file)));
  const rows = linesOf(policySchema, "", comments);
  return [
    ...INTRODUCTION,
    "## Lines",
    table(
      ["Line", "Is", "What it is for"],
      rows
        .filter(({ path }) => !/^severities\.P[123]/.test(path))
        .map(({ path, type, about }) => [`\`${path}\``, type, about]),
    ),
    "## Presets",
    ...POLICY_NAMES.flatMap((name) => presetSection(presetOf(name), table)),
  ];
}

const INTRODUCTION = [
  "A policy says how bad a signal is, who hears of it by what and when, and what the platform promises. It is data: `SIGNALBOX_POLICY` names a preset, or a file in YAML or JSON. It is read once, at the start, and checked: what reaches nobody, is never reached or contradicts itself is listed by its line, all at once, and nothing starts.",
  "A file may begin with `extends: tbat` (or another preset). Each part that stands in the file (a name without a dot below: `routes`, `storm`) replaces the preset's whole; parts that do not are the preset's. Nothing is mixed below that: who changes one route writes all routes.",
  "```yaml\nextends: runbook\nname: our-shop\ntimeZone: Europe/Berlin\nservices:\n  - id: shop\n    names: [shop, 'Shop: *', '4500000000000001']\nstorm: { incidents: 5, minutes: 10 }\n```",
  "Addresses of roles need not be in it: `SIGNALBOX_RECIPIENTS` brings them, `SIGNALBOX_SERVICES` the names of services ([environment](environment.md)). On Vercel a file must be part of the functions: put it under `policies/`, which `vercel.json` includes.",
  "`npx --no signalbox policy check <file>` says what is wrong with a file, `policy show` what holds, `policy explain <event id, or source/sample>` what it makes of an event, `policy diff <preset or file> --last 7d` what another would have.",
];

interface Line {
  path: string;
  type: string;
  about: string;
}

/** As the schema is built, down to what is no part any more. */
function linesOf(schema: z.ZodType, path: string, comments: ReadonlyMap<string, string>): Line[] {
  const { inner, type } = unwrapped(schema);
  const about = comments.get(path) ?? "";
  const { def } = inner as unknown as { def: Def };
  const own = path === "" ? [] : [{ path, type, about }];
  if (def.type === "object") {
    const parts = Object.entries((def.shape ?? {}) as Record<string, z.ZodType>);
    return [
      ...own,
      ...parts.flatMap(([key, part]) =>
        linesOf(part, path === "" ? key : `${path}.${key}`, comments),
      ),
    ];
  }
  if (def.type === "array" && isParts(def.element)) {
    return [...own, ...linesOf(def.element as z.ZodType, `${path}[]`, comments).slice(1)];
  }
  if (def.type === "record" && isParts(def.valueType)) {
    return [...own, ...linesOf(def.valueType as z.ZodType, `${path}.<id>`, comments).slice(1)];
  }
  return own;
}

interface Def {
  type: string;
  innerType?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  options?: z.ZodType[];
  entries?: Record<string, string>;
  values?: unknown[];
  shape?: unknown;
  catchall?: z.ZodType;
  defaultValue?: unknown;
}
const defOf = (schema: z.ZodType): Def => (schema as unknown as { def: Def }).def;

/** Without what only says that it may be left out, or null. */
function bare(schema: z.ZodType): Def {
  const def = defOf(schema);
  const wraps = ["default", "nullable", "optional"].includes(def.type);
  return wraps && def.innerType !== undefined ? bare(def.innerType) : def;
}

const isParts = (schema: z.ZodType | undefined): boolean =>
  schema !== undefined && bare(schema).type === "object" && !isWords(schema);

/** Texts by language are one value to whoever writes them. */
function isWords(schema: z.ZodType): boolean {
  const { catchall } = bare(schema);
  return catchall !== undefined && defOf(catchall).type === "string";
}

function unwrapped(schema: z.ZodType): { inner: z.ZodType; type: string } {
  const def = defOf(schema);
  switch (def.type) {
    case "default": {
      const { inner, type } = unwrapped(def.innerType as z.ZodType);
      return { inner, type: `${type}; else \`${JSON.stringify(def.defaultValue)}\`` };
    }
    case "nullable": {
      const { inner, type } = unwrapped(def.innerType as z.ZodType);
      return { inner, type: `${type}, or null` };
    }
    case "optional": {
      const { inner, type } = unwrapped(def.innerType as z.ZodType);
      return { inner, type: `${type}; may be left out` };
    }
    default:
      return { inner: schema, type: typeText(schema) };
  }
}

function typeText(schema: z.ZodType): string {
  const def = defOf(schema);
  const of = (inner: z.ZodType | undefined) => (inner === undefined ? "" : unwrapped(inner).type);
  switch (def.type) {
    case "enum":
      return Object.values(def.entries ?? {})
        .map((value) => `\`${value}\``)
        .join(", ");
    case "literal":
      return (def.values ?? []).map((value) => `\`${String(value)}\``).join(", ");
    case "union":
      return (def.options ?? []).map(of).join(", or ");
    case "array":
      return isParts(def.element) ? "list" : `list: ${of(def.element)}`;
    case "record":
      return isParts(def.valueType) ? "parts by id" : `by name: ${of(def.valueType)}`;
    case "object":
      return isWords(schema) ? "text by language" : "part";
    case "string":
      return "text";
    default:
      return def.type;
  }
}

/** The comments over the lines of the schema, by the line's path: `routes.<id>.steps[].roles`. */
function commentsOf(files: readonly string[]): ReadonlyMap<string, string> {
  const consts = new Map<string, Const>();
  for (const file of files) {
    const source = ts.createSourceFile(
      file,
      readFileSync(file, "utf8"),
      ts.ScriptTarget.Latest,
      true,
    );
    for (const statement of source.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const { name, initializer } of statement.declarationList.declarations) {
        const about = commentOf(statement);
        if (initializer !== undefined) consts.set(name.getText(), { initializer, about });
      }
    }
  }
  const comments = new Map<string, string>();
  const begin = consts.get("policySchema");
  if (begin !== undefined) visit(begin.initializer, "", { consts, comments });
  return comments;
}

interface Const {
  initializer: ts.Expression;
  about: string;
}

function commentOf(node: ts.Node): string {
  const docs = ts.getJSDocCommentsAndTags(node).map((doc) => doc.comment);
  const texts = docs.filter((doc): doc is string => typeof doc === "string");
  return texts.join(" ").replace(/\s+/g, " ");
}

function visit(
  node: ts.Expression,
  path: string,
  found: { consts: ReadonlyMap<string, Const>; comments: Map<string, string> },
): void {
  if (ts.isIdentifier(node)) {
    const known = found.consts.get(node.text);
    if (known === undefined) return;
    // What a part is, where the line that has it says nothing of its own.
    const list = path.replace(/(\[\]|\.<id>)$/, "");
    if (known.about !== "" && !found.comments.has(list)) found.comments.set(list, known.about);
    visit(known.initializer, path, found);
    return;
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
  const { name, expression } = node.expression;
  const [first, second] = node.arguments;
  if (name.text === "strictObject" && first !== undefined && ts.isObjectLiteralExpression(first)) {
    for (const property of first.properties) visitProperty(property, path, found);
  } else if (name.text === "array" && first !== undefined) visit(first, `${path}[]`, found);
  else if (name.text === "record" && second !== undefined) visit(second, `${path}.<id>`, found);
  else visit(expression, path, found); // .nullable(), .default(…), .min(…)
}

function visitProperty(
  property: ts.ObjectLiteralElementLike,
  path: string,
  found: Parameters<typeof visit>[2],
): void {
  const key = property.name?.getText() ?? "";
  const own = path === "" ? key : `${path}.${key}`;
  const text = commentOf(property);
  if (text !== "") found.comments.set(own, text);
  if (ts.isPropertyAssignment(property)) visit(property.initializer, own, found);
  if (ts.isShorthandPropertyAssignment(property)) visit(property.name, own, found);
}

function presetSection(policy: Policy, table: Table): string[] {
  const { name, title, timeZone, severities, rules, thresholds } = policy;
  const answered = (respond: Policy["severities"]["P0"]["respond"]): string =>
    typeof respond === "object"
      ? `within ${respond.withinMinutes} min`
      : respond.replaceAll("_", " ");
  return [
    `### ${name}: ${title} (${timeZone})`,
    table(
      ["Severity", "Means", "Answered", "Told"],
      Object.entries(severities).map(([severity, { name: called, meaning, respond, route }]) => [
        called === severity ? called : `${called} (${severity})`,
        meaning,
        answered(respond),
        told(policy, route),
      ]),
    ),
    table(
      ["Rule, the first that takes it", "Takes", "Severity", "Told otherwise"],
      rules.map(({ id, because, when, severity, route }) => [
        `${id}: ${because}`,
        Object.keys(when).length === 0 ? "all" : matchText(when),
        severity,
        route === undefined ? "" : told(policy, route),
      ]),
    ),
    ...(thresholds.length === 0
      ? []
      : [
          table(
            ["Threshold", "Raised", "Over"],
            thresholds.map((one) => [
              one.id,
              `${one.metric} ${one.above === undefined ? `under ${one.below}` : `over ${one.above}`} for ${one.forMinutes} min${one.during === "always" ? "" : ` (${one.during} days)`}`,
              `${one.above === undefined ? "from" : "at most"} ${one.clear} for ${one.clearForMinutes} min`,
            ]),
          ),
        ]),
  ];
}

const matchText = (when: Policy["rules"][number]["when"]): string =>
  Object.entries({ ...when, tags: undefined, ...when.tags })
    .flatMap(([line, words]) => (Array.isArray(words) ? `${line}: ${words.join(", ")}` : []))
    .join("; ");

/** The route in the words in which a decision tells it. */
function told(policy: Policy, route: string): string {
  const rule = { id: "shown", when: {}, severity: "P0" as const, route, because: "shown" };
  const { reasons } = decideRoute(
    {
      source: "shown",
      kind: "error",
      level: "error",
      title: "shown",
      service: "shown",
      environment: null,
      tags: {},
      occurredAt: 0,
    },
    { ...policy, rules: [rule] },
  );
  return reasons.at(-1) ?? "";
}
