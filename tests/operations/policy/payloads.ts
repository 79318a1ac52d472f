import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { freshen, loadSample, sampleNames } from "../../../cli/samples/index.js";
import { encodeBody } from "../../../cli/sign.js";

/** A delivery as the API of explanations takes it. */
export interface Asked {
  name: string;
  source: string;
  headers: Record<string, string>;
  body: string;
}

/** Payloads of third parties, beside the project and never in it. */
const SHARED = resolve(import.meta.dirname, "../../../../shared/fixtures");
const FOLDERS = { sentry: "sentry", vercel: "vercel", "better-stack": "betterstack" } as const;
const MONITORING = Object.entries(FOLDERS);

const textOf = (source: string, body: unknown): string =>
  new TextDecoder().decode(encodeBody(source, body));

/** Every sample and reference payload of the sources that speak of trouble. */
export function monitoringPayloads(now: number): Asked[] {
  return MONITORING.flatMap(([source, folder]) => [
    ...sampleNames(source).map((name) => sampleOf(source, name, now)),
    ...referencesOf(source, join(SHARED, folder)),
  ]);
}

export function sampleOf(source: string, name: string, now: number): Asked {
  const { headers, body } = freshen(loadSample(source, name), { uniqueId: "one", now });
  return { name: `${source}/${name}`, source, headers, body: textOf(source, body) };
}

/** As the provider would send it: what a file leaves out stands in its name. */
function referencesOf(source: string, root: string): Asked[] {
  if (!existsSync(root)) return [];
  const files = readdirSync(root, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => {
      const parsed: unknown = JSON.parse(readFileSync(join(root, file), "utf8"));
      const type = basename(file, ".json").replace(".payload-only", "");
      const whole = file.includes("payload-only")
        ? { id: `hook_${type}`, type, createdAt: 1_790_000_000_000, region: null, payload: parsed }
        : parsed;
      const headers: Record<string, string> =
        source === "sentry" ? { "sentry-hook-resource": type.split(".")[0] ?? "" } : {};
      return { name: `reference ${source}/${file}`, source, headers, body: textOf(source, whole) };
    });
}
