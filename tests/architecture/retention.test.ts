import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { RETENTION } from "../../src/domain/retention.js";

it("every table of the schema has a line that says how long its rows are kept, and no line is of none", () => {
  const schema = readFileSync("prisma/schema.prisma", "utf8");
  const tables = [...schema.matchAll(/^\s*@@map\("(\w+)"\)/gm)].map(([, name]) => name);
  expect(tables.length).toBe([...schema.matchAll(/^model /gm)].length);
  expect(Object.keys(RETENTION).sort()).toEqual(tables.sort());
});
