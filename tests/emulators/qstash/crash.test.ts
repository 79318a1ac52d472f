import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { seededRandom } from "../../../emulators/qstash/faults.js";
import { emptyDatabase } from "../../support/postgres.js";
import { startDestination, TOKEN, until } from "./support.js";

const ROOT = resolve(import.meta.dirname, "../../..");
const CHILD = "tests/emulators/qstash/crash-child.ts";
const MESSAGES = 200;
const KILLS = 4;
const SEED = 20_260_115;

interface Running {
  process: ChildProcess;
  url: string;
  port: number;
}

async function start(databaseUrl: string, port: number): Promise<Running> {
  const child = spawn(
    process.execPath,
    ["scripts/typescript.mjs", CHILD, databaseUrl, String(port)],
    {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { process: child, ...(JSON.parse(line) as { url: string; port: number }) };
}

async function kill(running: Running): Promise<void> {
  const gone = once(running.process, "exit");
  running.process.kill("SIGKILL");
  await gone;
}

it("delivers every accepted message although it is killed again and again", {
  timeout: 120_000,
}, async () => {
  const database = await emptyDatabase();
  const destination = await startDestination();
  onTestFinished(async () => {
    await destination.close();
    await database.drop();
  });
  const random = seededRandom(SEED);
  // A tenth of the messages fails once, so that retries and their counts are at stake too.
  const failsOnce = new Set(Array.from({ length: MESSAGES / 10 }, (_, i) => `${i * 10}`));
  destination.respond = (r) => {
    const body = r.body.toString();
    if (r.headers["upstash-retried"] === "0" && failsOnce.has(body)) {
      return { status: 503, headers: { "Retry-After": "1s" } };
    }
    return { after: new Promise((resolve) => setTimeout(resolve, 5 + random() * 20)) };
  };

  let running = await start(database.url, 0);
  const { url, port } = running;
  // Plain fetch: the SDK writes a line for every refused connection, and there will be many.
  const publish = async (body: string): Promise<string> => {
    const answer = await fetch(`${url}/v2/publish/${destination.url}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${TOKEN}`, "Upstash-Deduplication-Id": `m-${body}` },
      body,
    });
    if (!answer.ok) throw new Error(`publish answered ${answer.status}`);
    return ((await answer.json()) as { messageId: string }).messageId;
  };
  const accepted = new Map<string, string>();
  let next = 0;
  /** Sends until accepted, as the door would; the deduplication id makes that safe. */
  const sender = async () => {
    while (next < MESSAGES) {
      const body = String(next++);
      for (;;) {
        const messageId = await publish(body).catch(() => null);
        if (messageId !== null) {
          accepted.set(body, messageId);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const senders = Promise.all(Array.from({ length: 8 }, sender));
  for (let round = 1; round <= KILLS; round++) {
    const mark = Math.floor((MESSAGES * round) / (KILLS + 1));
    await until(() => accepted.size >= mark, `${mark} accepted`);
    await kill(running);
    running = await start(database.url, port);
  }
  await senders;
  await kill(running);
  running = await start(database.url, port);
  await until(async () => {
    const answer = await fetch(`${url}/_emulator/state?waitMs=5000`, {
      headers: { Authorization: `Bearer ${TOKEN}` },
    });
    const state = (await answer.json()) as { pending: number; atRest: boolean };
    return state.atRest && state.pending === 0;
  }, "everything delivered");

  const attempts = new Map<string, string[]>();
  for (const { body, headers } of destination.received) {
    const key = body.toString();
    attempts.set(key, [...(attempts.get(key) ?? []), String(headers["upstash-retried"])]);
  }
  expect(accepted.size).toBe(MESSAGES);
  expect([...attempts.keys()].sort()).toEqual([...accepted.keys()].sort());
  for (const { body, headers } of destination.received) {
    expect(headers["upstash-message-id"]).toBe(accepted.get(body.toString()));
  }
  // Every one that failed its first attempt came again with its count.
  for (const body of failsOnce) expect(attempts.get(body)).toContain("1");
});
