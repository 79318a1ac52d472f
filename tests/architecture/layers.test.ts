import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { checkLayers, faultsOf } from "../../scripts/check-layers.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A house of a few files, with packages that are there by name only. */
function house(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-layers-"));
  folders.push(folder);
  const packages = ["pg", "pino", "stripe", "zod", "@upstash/redis"];
  const manifest = { dependencies: Object.fromEntries(packages.map((name) => [name, "1.0.0"])) };
  const all: Record<string, string> = { ...files, "package.json": JSON.stringify(manifest) };
  for (const name of packages) {
    all[`node_modules/${name}/package.json`] = JSON.stringify({ name, main: "index.js" });
    all[`node_modules/${name}/index.js`] = "module.exports = {};";
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const one = "export const one = 1;\n";
const using = (specifier: string): string =>
  `import * as it from "${specifier}";\nexport { it };\n`;

describe("layers", () => {
  it("hold: who imports whom is what .dependency-cruiser.cjs allows (ARCHITECTURE.md, Folders)", async () => {
    const report = await checkLayers();
    expect(faultsOf(report)).toEqual([]);
  }, 60_000); // of some seven hundred modules, beside other tests

  it("fail when next to nothing was cruised", async () => {
    const report = await checkLayers(
      house({ "src/domain/a.ts": using("./b.js"), "src/domain/b.ts": one }),
    );
    expect(report).toEqual({ modules: 2, violations: [] });
    expect(faultsOf(report)).toEqual([expect.stringContaining("cruised 2 modules")]);
  });

  it.each([
    ["an import upward", "src/domain/a.ts", "../store/b.js", "src/store/b.ts"],
    [
      "one source in another",
      "src/sources/stripe/a.ts",
      "../sentry/b.js",
      "src/sources/sentry/b.ts",
    ],
    [
      "one channel in another",
      "src/channels/slack/a.ts",
      "../twilio/b.js",
      "src/channels/twilio/b.ts",
    ],
    [
      "the consumer in the door",
      "src/ingest/a.ts",
      "../queues/consume.js",
      "src/queues/consume.ts",
    ],
    [
      "our code in an emulator",
      "emulators/qstash/a.ts",
      "../../src/domain/b.js",
      "src/domain/b.ts",
    ],
    ["the house in the command line", "cli/a.ts", "../src/store/b.js", "src/store/b.ts"],
    ["logic in a function's file", "api/a.ts", "../src/operations/b.js", "src/operations/b.ts"],
    ["a folder that nobody has heard of", "src/utils/a.ts", "./b.js", "src/utils/b.ts"],
    ["a vendor in a folder that is not its own", "src/handlers/a.ts", "stripe", null],
    ["a vendor outside its one file", "src/runtime/workers.ts", "@upstash/redis", null],
    ["SQL outside the store", "src/operations/a.ts", "pg", null],
    ["zod on the edge", "src/ingest/a.ts", "zod", null],
    ["Node on the edge", "src/sources/hmac.ts", "node:crypto", null],
    ["Node in the publish", "src/queues/publish.ts", "node:https", null],
    ["a package that no one has asked for", "src/store/a.ts", "left-pad", null],
  ])("find %s", async (_, from, specifier, to) => {
    const files = { [from]: using(specifier), ...(to === null ? {} : { [to]: one }) };
    const { violations } = await checkLayers(house(files));
    expect(violations).toEqual(
      expect.arrayContaining([
        expect.stringMatching(`^(not-in-allowed|not-to-unresolvable): ${from} → `),
      ]),
    );
  });

  it("find what the edge reaches through others", async () => {
    const { violations } = await checkLayers(
      house({ "src/runtime/edge.ts": using("./log.js"), "src/runtime/log.ts": using("pino") }),
    );
    expect(violations).toContain(
      "edge-stays-on-the-edge: src/runtime/edge.ts → node_modules/pino/index.js",
    );
  });

  it("find a cycle, also of types alone", async () => {
    const a = 'import type { B } from "./b.js";\nexport type A = B | null;\n';
    const b = 'import type { A } from "./a.js";\nexport type B = A[];\n';
    const { violations } = await checkLayers(house({ "src/domain/a.ts": a, "src/domain/b.ts": b }));
    expect(violations).toContain("no-cycles: src/domain/a.ts → src/domain/b.ts");
  });

  it("find a module that nobody needs", async () => {
    const { violations } = await checkLayers(house({ "src/domain/a.ts": one }));
    expect(violations).toEqual(["no-orphans: src/domain/a.ts"]);
  });
});
