import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeBody, signedRequest } from "../../cli/sign.js";
import { type House, openHouse, SECRETS } from "../support/house.js";

/** Payloads of third parties, beside the project and never in it; our own vectors stand in without them. */
const SHARED = resolve(import.meta.dirname, "../../../shared/fixtures");
const FOLDERS = [
  { source: "stripe", folder: "stripe", secret: SECRETS.STRIPE_WEBHOOK_SECRET },
  { source: "sentry", folder: "sentry", secret: SECRETS.SENTRY_CLIENT_SECRET },
  { source: "vercel", folder: "vercel", secret: SECRETS.VERCEL_WEBHOOK_SECRET },
  { source: "better-stack", folder: "betterstack", secret: SECRETS.BETTER_STACK_WEBHOOK_TOKEN },
];

interface Payload {
  source: string;
  secret: string;
  file: string;
  path: string;
}

function payloads(): Payload[] {
  return FOLDERS.flatMap(({ source, folder, secret }) => {
    const shared = join(SHARED, folder);
    const own = resolve(import.meta.dirname, `../vectors/${source}/payloads`);
    const roots = [own, ...(existsSync(shared) ? [shared] : [])];
    return roots.flatMap((root) =>
      readdirSync(root, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".json"))
        .map((file) => ({ source, secret, file: `${source}/${file}`, path: join(root, file) })),
    );
  });
}

/** As the provider would send it: some captures hold only the inner part. */
function bodyOf({ source, file, path }: Payload): Uint8Array {
  const parsed: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!file.includes("payload-only")) return encodeBody(source, parsed);
  const type = basename(file).replace(".payload-only.json", "");
  const id = `hook_${type}`;
  return encodeBody(source, {
    id,
    type,
    createdAt: 1_790_000_000_000,
    region: null,
    payload: parsed,
  });
}

let h: House;
beforeAll(async () => {
  h = await openHouse();
});
afterAll(async () => {
  await h.close();
});

describe("every payload that we have", () => {
  it("goes from the door to a final status without an unclassified error", async () => {
    const all = payloads();
    expect(all.length).toBeGreaterThan(10); // our own alone are 14
    console.log(
      `${all.length} payloads, ${existsSync(SHARED) ? "shared ones included" : "our own"}`,
    );
    const keys = new Map<string, string>();
    for (const payload of all) {
      const body = bodyOf(payload);
      const resource = basename(payload.file).split(".")[0];
      const signing = { secret: payload.secret, now: Date.now(), resource };
      const { headers } = signedRequest(payload.source, body, signing);
      const url = `${h.url}/api/webhooks/${payload.source}`;
      const response = await fetch(url, { method: "POST", headers, body: Uint8Array.from(body) });
      expect([payload.file, response.status]).toSatisfy(([, s]: [string, number]) =>
        [200, 202].includes(s),
      );
      const { eventKey } = (await response.json()) as { eventKey: string };
      keys.set(`${payload.source} ${eventKey}`, payload.file);
    }
    await h.rest(60_000);
    const events = await h.list("events");
    const seen = new Map(events.map((e) => [`${e.source} ${e.eventKey}`, e]));
    for (const [key, file] of keys) {
      const event = seen.get(key);
      expect([file, event?.status]).toSatisfy(([, s]: [string, string]) =>
        ["processed", "ignored", "dead"].includes(s),
      );
    }
    const dead = events.filter((event) => event.status === "dead");
    for (const event of dead) {
      const { code } = event.error as { code: string };
      expect(code, String(event.eventKey)).toBe("unexpected_shape");
    }
    expect((await h.qstash.state()).dlq, "nothing is left with the queue").toBe(0);
  });
});
