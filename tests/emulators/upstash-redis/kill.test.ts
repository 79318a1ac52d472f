import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { runCommand } from "../../../emulators/upstash-redis/commands/index.js";
import type { Outcome } from "../../../emulators/upstash-redis/reply.js";
import { Store } from "../../../emulators/upstash-redis/store.js";
import { anyCommand } from "../../contracts/random-commands.js";

const PROGRAM = "emulators/upstash-redis/main.ts";
const TOKEN = "kill-token";
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const KILLS = Number(process.env.KILLS ?? 8);
const WRITERS = 6;
const REQUESTS_PER_LIFE_MAX = 400;
const KEYS = ["k1", "k2", "k3", "k4"];

type Request = readonly (readonly string[])[];
/** What one writer knows: all it was promised, and the request that had no answer when the process died. */
interface Writer {
  readonly name: string;
  promised: Request[];
  unanswered: Request | null;
}

describe("kill -9", () => {
  it(`loses no acknowledged write and applies no request by half (seed ${SEED})`, async () => {
    const dir = await mkdtemp(join(tmpdir(), "signalbox-redis-kill-"));
    onTestFinished(async () => {
      for (const child of living) await end(child, "SIGKILL"); // after a failure only
      await rm(dir, { recursive: true, force: true });
    });
    const requests = requestsFrom(SEED);
    const lives = fc.sample(fc.noBias(fc.integer({ min: 0, max: REQUESTS_PER_LIFE_MAX })), {
      seed: SEED,
      numRuns: KILLS,
    });
    const writers: Writer[] = Array.from({ length: WRITERS }, (_, i) => ({
      name: `w${i}`,
      promised: [],
      unanswered: null,
    }));
    for (const answersBeforeKill of lives) {
      const child = await startChild(join(dir, "data"));
      for (const writer of writers) await settleUnanswered(child.url, writer);
      await traffic(child, writers, requests, answersBeforeKill);
    }
    const last = await startChild(join(dir, "data"));
    for (const writer of writers) await settleUnanswered(last.url, writer);
    await end(last.process, "SIGTERM");
    const promised = writers.reduce((sum, writer) => sum + writer.promised.length, 0);
    console.log(`seed ${SEED}: ${promised} requests kept across ${KILLS} kills`);
    expect(promised).toBeGreaterThan(lives.reduce((sum, answers) => sum + answers, 0));
  }, 120_000);
});

const living = new Set<ChildProcess>();

interface Child {
  readonly process: ChildProcess;
  readonly url: string;
}

async function startChild(dataDir: string): Promise<Child> {
  // So small that the log is rewritten while kills fall.
  const args = ["--data-dir", dataDir, "--token", TOKEN, "--compact-bytes", "4000"];
  const child = spawn(process.execPath, ["scripts/typescript.mjs", PROGRAM, ...args], {
    cwd: resolve(import.meta.dirname, "../../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  living.add(child);
  child.once("exit", () => living.delete(child));
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, url: (JSON.parse(line) as { url: string }).url };
  }
  throw new Error("the emulator ended before it was ready");
}

async function end(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await exited;
}

/** An endless supply: single commands, and batches that must be applied whole or not at all. */
function requestsFrom(seed: number): () => Request {
  const pool = fc.sample(fc.array(anyCommand, { minLength: 1, maxLength: 4 }), {
    seed,
    numRuns: 2_000,
  });
  let next = 0;
  return () => pool[next++ % pool.length] ?? [];
}

/** All writers send, each one request after the other, until the process is killed after so many answers. */
async function traffic(
  child: Child,
  writers: readonly Writer[],
  next: () => Request,
  answersBeforeKill: number,
): Promise<void> {
  let answers = 0;
  let dead: Promise<void> | null = null;
  const write = async (writer: Writer): Promise<void> => {
    for (;;) {
      const request = owned(writer, next());
      writer.unanswered = request;
      const answered = await post(child.url, request);
      if (answered === null) return;
      writer.promised.push(request);
      writer.unanswered = null;
      answers += 1;
      if (answers > answersBeforeKill) dead ??= end(child.process, "SIGKILL");
    }
  };
  await Promise.all(writers.map(write));
  await dead;
}

/** Each writer has keys of its own, so that what it should find does not depend on the others. */
const owned = (writer: Writer, request: Request): Request =>
  request.map((words) => words.map((w) => (KEYS.includes(w) ? `${writer.name}:${w}` : w)));

/** @returns null when the process was gone before it had answered whole. */
async function post(url: string, request: Request): Promise<Outcome[] | null> {
  try {
    const response = await fetch(`${url}/pipeline`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(request),
    });
    return (await response.json()) as Outcome[];
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Compares what is there with what was promised; the request without an answer may have happened or not. */
async function settleUnanswered(url: string, writer: Writer): Promise<void> {
  const found = visible(await post(url, questions(writer)));
  const without = expected(writer, writer.promised);
  if (writer.unanswered === null) {
    expect(found, writer.name).toEqual(without);
    return;
  }
  const withIt = [...writer.promised, writer.unanswered];
  const happened = JSON.stringify(found) !== JSON.stringify(without);
  if (happened) {
    expect(found, writer.name).toEqual(expected(writer, withIt));
    writer.promised = withIt;
  }
  writer.unanswered = null;
}

const questions = (writer: Writer): Request =>
  KEYS.map((key) => `${writer.name}:${key}`).flatMap((key) => [
    ["get", key],
    ["hgetall", key],
    ["lrange", key, "0", "-1"],
    ["smembers", key],
    ["zrange", key, "0", "-1", "withscores"],
    ["ttl", key],
  ]);

/** The same commands on a store in memory, whose answers are held to a real Redis by the contract tests. */
function expected(writer: Writer, requests: readonly Request[]): unknown {
  const store = new Store();
  store.now = Date.now();
  for (const words of requests.flat()) runCommand(store, words);
  return visible(questions(writer).map((words) => runCommand(store, words)));
}

/** Answers without the passing of time: of a TTL only whether there is one. */
function visible(outcomes: Outcome[] | null): unknown {
  return outcomes?.map((outcome, i) => {
    if ("error" in outcome) return outcome.error;
    const { result } = outcome;
    return i % 6 === 5 && typeof result === "number" ? Math.min(result, 1) : result;
  });
}
