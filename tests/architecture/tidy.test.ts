import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { VERSION } from "../../src/runtime/version.js";
import { filesUnder, hiddenInputs, readText, sourceSwitches } from "./reading.js";

const HOUSE = ["src", "api", "cli", "local", "emulators"];

describe("tidy", () => {
  it("takes time, chance and environment in src/runtime only (ARCHITECTURE.md)", () => {
    const found = filesUnder("src")
      .filter((file) => !file.startsWith("src/runtime/"))
      .flatMap((file) => hiddenInputs(file, readText(file)));
    expect(found).toEqual([]);
  });

  it("finds hidden clocks, ids and environment where there are some", () => {
    const text =
      "const a = Date.now(); const b = new Date(); const c = Math.random();\n" +
      "crypto.randomUUID(); randomUUID(); process.env.X; new Date(a); // Date.now() in a comment";
    expect(hiddenInputs("a.ts", text)).toEqual([
      "a.ts:1 Date.now",
      "a.ts:1 new Date()",
      "a.ts:1 Math.random",
      "a.ts:2 crypto.randomUUID",
      "a.ts:2 randomUUID",
      "a.ts:2 process.env",
    ]);
  });

  it("never branches on the source: a further provider is one folder and one line", () => {
    expect(filesUnder("src").flatMap((file) => sourceSwitches(file, readText(file)))).toEqual([]);
    const planted = 'switch (event.source) { case "stripe": break; }\nswitch (source.id) {}';
    expect(sourceSwitches("a.ts", planted)).toEqual(["a.ts:1", "a.ts:2"]);
  });

  it("keeps functions of the platform to wiring: 15 lines at most", () => {
    const lines = (file: string) => readText(file).trimEnd().split("\n").length;
    expect(filesUnder("api").filter((file) => lines(file) > 15)).toEqual([]);
  });

  it("leaves no marks of unfinished work", () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck)/;
    const marked = [...HOUSE, "scripts", "bench"].flatMap(filesUnder);
    expect(marked.filter((file) => marks.test(readText(file)))).toEqual([]);
  });

  it("knows its own version", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(VERSION).toBe(version);
  });
});

/** What only a provider says: a header, an event type, a key's beginning. */
const PROVIDER_WORDS: Record<string, RegExp> = {
  stripe:
    /payment_intent|stripe-signature|checkout\.session|charge\.(refunded|succeeded)|latest_charge/i,
  sentry: /sentry-hook-|issue\.(created|resolved|assigned)|event_alert|metric_alert/i,
  vercel: /x-vercel-signature|deployment\.(error|ready|canceled)\b/i,
  resend: /svix-|email\.(delivered|bounced|complained|suppressed)/i,
  "better-stack": /x-webhook-token"|incident_updates|incident\.(started|acknowledged)\b/i,
};

describe("provider words", () => {
  it.each(Object.entries(PROVIDER_WORDS))("of %s stay in its own folders", (provider, words) => {
    const own = ["sources", "gateways", "channels"].map((folder) => `src/${folder}/${provider}/`);
    const theirs = [...own, `emulators/${provider}/`, "cli/"];
    const isTheirs = (file: string) => theirs.some((folder) => file.startsWith(folder));
    const files = HOUSE.flatMap(filesUnder);
    // What our own audit trail calls something is no provider's word.
    const said = files.filter((file) =>
      words.test(readText(file).replaceAll(/\.audit\("[a-z._]+"/g, "")),
    );
    expect(said.filter((file) => !isTheirs(file))).toEqual([]);
    expect(said.some((file) => file.startsWith(`src/sources/${provider}/`))).toBe(true);
  });
});
