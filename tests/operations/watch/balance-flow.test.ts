import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { signedRequest } from "../../../cli/sign.js";
import { Secret } from "../../../src/domain/secret.js";
import { MINUTE_MS, SECOND_MS } from "../../../src/domain/time.js";
import { createQueueAccount } from "../../../src/queues/account.js";
import { type House, openHouse, SECRETS } from "../../support/house.js";

const LOOK_MS = 5 * MINUTE_MS;
let h: House;
let ahead = 0;
const now = (): number => Date.now() + ahead;

/** The house's time and the queue's go on together. */
async function later(ms: number): Promise<void> {
  ahead += ms;
  await h.qstash.setClock({ advanceMs: ms, signByEmulatedTime: true });
}

/** To the beginning of the next minute in which the watch looks. */
const toNextLook = (): Promise<void> => later(LOOK_MS - (now() % LOOK_MS));

beforeAll(async () => {
  h = await openHouse({}, { clock: { now } });
  await toNextLook();
  await watch();
  await later(MINUTE_MS);
});
afterAll(async () => {
  await h.close();
});

interface Said {
  balance: { minutes: number; raised: number; resolved: number };
  canaries: { sent: number };
}
/** Hours go by in seconds here: the canary is counted before its minute is old. */
async function watch(): Promise<Said> {
  const before = await counted();
  const said = (await (await h.cron("watch")).json()) as Said;
  await h.rest();
  if (said.canaries.sent > 0) await untilCounted(before + 1);
  return said;
}

let posted = 0;
const bodyOf = (id: string): string => JSON.stringify({ id, type: "project.renamed" });
/** Posts as Vercel would. @returns its status and what the door called it. */
async function post(body: string): Promise<[number, string]> {
  const bytes = new TextEncoder().encode(body);
  const secret = SECRETS.VERCEL_WEBHOOK_SECRET;
  const { headers } = signedRequest("vercel", bytes, { secret, now: now() });
  const url = `${h.url}/api/webhooks/vercel`;
  const response = await fetch(url, { method: "POST", headers, body: bytes });
  posted += 1;
  const { status } = (await response.json()) as { status: string };
  return [response.status, status];
}
const each = async (n: number, work: (nth: number) => Promise<unknown>): Promise<void> => {
  for (let nth = 0; nth < n; nth += 1) await work(nth);
};

interface Balance {
  source: string;
  acknowledged: number;
  arrived: number;
  missing: number;
}
async function balance(minutes: number): Promise<Balance | undefined> {
  const { data } = await h.admin<{ data: Balance[] }>(`door-balance?minutes=${minutes}`);
  return data.find(({ source }) => source === "vercel");
}
/** How much of Vercel's the door has told KV of in the last hour. */
async function counted(): Promise<number> {
  interface Minute {
    source: string;
    counts: Record<string, number>;
  }
  const { data } = await h.admin<{ data: Minute[] }>("door");
  const own = data.filter(({ source }) => source === "vercel");
  return own.flatMap(({ counts }) => Object.values(counts)).reduce((a, b) => a + b, 0);
}
/** It does so within a second after its answers. */
const untilCounted = (n: number): Promise<void> =>
  vi.waitFor(async () => expect(await counted()).toBeGreaterThanOrEqual(n), { timeout: 10_000 });
const told = async (): Promise<string[]> =>
  (await h.list("incidents")).map(({ title }) => String(title)).filter((one) => /door/.test(one));

it("a busy time with redeliveries, spills, retries, a hold, dead events and replays is told of by nobody", async () => {
  const before = await counted();
  posted = 0;
  h.qstash.addFault({ kind: "deliver-twice", count: 8 });
  await each(20, async (n) => {
    expect(await post(bodyOf(`evt_${n}`))).toEqual([202, "accepted"]);
    if (n % 2 === 0) await post(bodyOf(`evt_${n}`)); // which the queue knows again
  });
  expect(await post("{")).toEqual([202, "accepted"]);
  await h.rest();
  h.qstash.clearFaults();

  // The queue is down: three are parked, one of them twice; then the queue has that one, before the sweep comes.
  h.qstash.addFault({ kind: "refuse", url: "/api/queues/events" });
  await each(4, async (n) => {
    expect(await post(bodyOf(`evt_spilled_${n % 3}`))).toEqual([202, "accepted"]);
  });
  h.qstash.clearFaults();
  expect(await post(bodyOf("evt_spilled_1"))).toEqual([202, "accepted"]);
  const { spills } = (await (await h.cron("relay")).json()) as { spills: number };
  expect(spills, "more where the machine was slow").toBeGreaterThanOrEqual(3);
  await h.rest();

  // The workers are gone for a while, and the queue tries again.
  await h.redeploy({ QSTASH_CURRENT_SIGNING_KEY: "sig_x", QSTASH_NEXT_SIGNING_KEY: "sig_y" });
  await each(3, (n) => post(bodyOf(`evt_retried_${n}`)));
  await h.rest();
  await h.redeploy({});
  await later(11 * SECOND_MS);
  await h.rest();
  await untilCounted(before + posted);

  // Past the queue's memory: each redelivery is a message of its own.
  await later(11 * MINUTE_MS);
  const hold = { reason: "a test" };
  await h.admin("sources/vercel/hold", { method: "POST", body: JSON.stringify(hold) });
  await each(5, (n) => post(bodyOf(`evt_${n}`)));
  await each(3, (n) => post(bodyOf(`evt_held_${n}`)));
  await h.rest();
  await h.admin("sources/vercel/release", { method: "POST", body: JSON.stringify(hold) });
  await h.cron("relay");
  expect(await post("{"), "a dead one comes again").toEqual([202, "accepted"]);
  await h.rest();
  const [letter] = await h.list("dead-letters");
  const replay = { method: "POST", body: JSON.stringify({ reason: "a test" }) };
  await h.admin(`dead-letters/${letter?.id}/replay`, replay);
  await h.rest();
  await untilCounted(before + posted);

  for (let look = 0; look < 24; look += 1) {
    await toNextLook();
    expect((await watch()).balance, `look ${look}`).toMatchObject({ raised: 0, resolved: 0 });
  }
  expect(await told()).toEqual([]);
  const seen = await balance(240);
  expect(seen?.missing).toBe(0);
  // 20 + 1 + 3 or 4 that were parked or not, 3, 5, 3, 1; and the watch's own canaries.
  expect(seen?.acknowledged).toBeGreaterThanOrEqual(36);
}, 120_000);

it("a delivery that the door acknowledged, and that the queue then has no more, is found and told once", async () => {
  await watch();
  const flow = { headers: { authorization: `Bearer ${h.env.QSTASH_TOKEN}` } };
  const queue = (method: string, path: string) =>
    fetch(`${h.qstash.url}/v2/${path}`, { method, ...flow });
  const before = await counted();
  posted = 0;
  await post(bodyOf("evt_there"));
  await h.rest();
  await queue("POST", "flowControl/signalbox-events/pause");
  expect(await post(bodyOf("evt_lost"))).toEqual([202, "accepted"]);
  const account = createQueueAccount({
    ...{ url: h.qstash.url, token: new Secret("QSTASH_TOKEN", h.env.QSTASH_TOKEN) },
    ...{ publicBaseUrl: h.url, label: "signalbox", publishTimeoutMs: 1_000 },
    ...{ eventParallelism: 8, emailPerSecond: 2 },
  });
  expect(await account.flow("events")).toMatchObject({ isPaused: true, waiting: 1 });
  const canceled = await queue("DELETE", "messages?flowControlKey=signalbox-events");
  expect(await canceled.json()).toEqual({ cancelled: 1 });
  await queue("POST", "flowControl/signalbox-events/resume");
  await untilCounted(before + posted);
  const raised: number[] = [];
  for (let look = 0; look < 6; look += 1) {
    await toNextLook();
    raised.push((await watch()).balance.raised);
  }
  expect(raised.reduce((sum, one) => sum + one, 0)).toBe(1);
  expect(await balance(30)).toMatchObject({ missing: 1 });
  const [title, ...others] = await told();
  expect(others).toEqual([]);
  expect(title).toMatch(
    /^1 of \d+ deliveries that the door acknowledged to vercel \(.* UTC\) .* queue: 1\. Next: /,
  );
  await expect
    .poll(() => JSON.stringify(h.slack.messages()), { timeout: 10_000 })
    .toContain("that the door acknowledged to vercel");
}, 60_000);
