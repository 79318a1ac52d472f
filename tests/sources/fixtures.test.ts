import { basename, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSample, sampleNames } from "../../cli/samples/index.js";
import { sources } from "../../src/sources/registry.js";
import type { Source } from "../../src/sources/source.js";
import {
  FIXTURES,
  factsOf,
  identityOf,
  jsonFilesUnder,
  NOW,
  outcomeOf,
  type Payload,
  payload,
  payloadNames,
  readJson,
} from "./kit.js";

const FOLDERS: Readonly<Record<string, string>> = { "better-stack": "betterstack" };

/** A reference payload as it would arrive: what the file leaves out stands in its name. */
function arriving(source: Source, file: string): Payload {
  const body = readJson(resolve(FIXTURES, FOLDERS[source.id] ?? source.id, file));
  const name = basename(file, ".json");
  const headers = {
    "Sentry-Hook-Resource": name.split(".")[0] ?? "",
    "Sentry-Hook-Timestamp": String(NOW / 1000),
  };
  if (name.endsWith(".payload-only")) {
    const type = name.slice(0, -".payload-only".length);
    return {
      headers: {},
      body: { id: `uev_${type}`, type, createdAt: NOW, region: null, payload: body },
    };
  }
  return {
    headers: source.id === "sentry" ? headers : {},
    body: body as Record<string, unknown>,
  };
}

for (const source of sources) {
  const files = jsonFilesUnder(resolve(FIXTURES, FOLDERS[source.id] ?? source.id));
  if (files.length === 0) console.log(`no reference payloads of ${source.id}: own ones only`);
  const all: [string, Payload][] = [
    ...sampleNames(source.id).map((name): [string, Payload] => [
      `sample ${name}`,
      loadSample(source.id, name),
    ]),
    ...payloadNames(source.id).map((name): [string, Payload] => [name, payload(source.id, name)]),
    ...files.map((file): [string, Payload] => [`reference ${file}`, arriving(source, file)]),
  ];

  describe(`${source.id}: every payload comes to facts, to none, or to a dead letter with a code`, () => {
    for (const [name, given] of all) {
      it(name, async () => {
        const { eventKey, type } = await identityOf(source, given);
        expect(eventKey).toMatch(/^[!-~]{1,255}$/);
        expect(type).not.toBe("unreadable");
        expect(outcomeOf(() => factsOf(source, given))).toBeInstanceOf(Array);
      });
    }
  });
}
