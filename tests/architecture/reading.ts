import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** TypeScript and plain Node files of a folder, by their path in the repository. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name).replaceAll("\\", "/"))
    .filter((path) => /\.(tsx?|mjs)$/.test(path) && statSync(path).isFile())
    .sort();
}

export const readText = (file: string): string => readFileSync(file, "utf8");

type Visit = (node: ts.Node, report: (what: string) => void) => void;

/** Goes over a file's syntax; comments and strings are not in it. */
function findings(file: string, text: string, visit: Visit): string[] {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const go = (node: ts.Node): void => {
    visit(node, (what) => {
      const line = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
      found.push(`${file}:${line}${what && ` ${what}`}`);
    });
    ts.forEachChild(node, go);
  };
  go(tree);
  return found;
}

const BANNED_CALLS = /^((globalThis\.)?Date\.now|(globalThis\.)?Math\.random|(.*\.)?randomUUID)$/;

/** Where code takes the time, chance or the environment by itself, instead of being handed them. */
export function hiddenInputs(file: string, text: string): string[] {
  return findings(file, text, (node, report) => {
    if (ts.isCallExpression(node) && BANNED_CALLS.test(node.expression.getText())) {
      report(node.expression.getText());
    }
    const isDate = ts.isNewExpression(node) && node.expression.getText() === "Date";
    if (isDate && (node.arguments?.length ?? 0) === 0) report("new Date()");
    if (ts.isPropertyAccessExpression(node) && node.getText() === "process.env")
      report("process.env");
  });
}

/** Where code branches on which provider it was. */
export function sourceSwitches(file: string, text: string): string[] {
  return findings(file, text, (node, report) => {
    if (ts.isSwitchStatement(node) && /(^|\.)source(Id|\.id)?$/i.test(node.expression.getText())) {
      report("");
    }
  });
}
