// Steps with one line of progress each, and a lock so that two starts don't install at once.
import { spawn } from "node:child_process";
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A failure that is fully said in its message, for a person. */
export class StepFailed extends Error {}

const OUTPUT_CHARS_MAX = 200_000;
const FIRST_LINES = 8;
const LAST_LINES = 12;
const LOCK_WAIT_MS = 20 * 60_000;
const LOCK_BEAT_MS = 1_000;
const LOCK_STALE_MS = 20_000;

/**
 * Runs a command quietly. Its output is shown only, and only its end, when it fails.
 *
 * @param step title and done (progress), command, args, cwd, env (added), timeoutMs, advice(output)
 */
export async function runStep(step) {
  const progress = startProgress(step.title);
  const { code, output } = await run(step);
  if (code === 0) return progress.end(step.done);
  progress.end(`Failed: ${step.title}`);
  const reason =
    code === "timeout" ? `gave up after ${step.timeoutMs / 1000} s` : `ended with ${code}`;
  throw new StepFailed(
    `${step.title}: ${reason}. It said:\n\n${excerpt(output)}\n\n${step.advice(output)}`,
  );
}

/** The cause is often said first, and the end is where things stopped. */
function excerpt(output) {
  const lines = output.trim().split("\n");
  const tooMany = lines.length > FIRST_LINES + LAST_LINES;
  const shown = tooMany
    ? [...lines.slice(0, FIRST_LINES), "…", ...lines.slice(-LAST_LINES)]
    : lines;
  return shown.map((line) => `  ${line}`).join("\n");
}

function run({ command, args, cwd, env, timeoutMs }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32" && command === "npm", // there it is npm.cmd
    });
    let output = "";
    let timedOut = false;
    const collect = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    const end = (code) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? "timeout" : code, output });
    };
    child.once("error", (error) => {
      collect(error.message);
      end("an error");
    });
    child.once("close", (code, signal) => end(code ?? signal));
  });
}

/** On a terminal one line that moves; elsewhere (CI, a log) a line at the start, then every 15 s. */
function startProgress(title) {
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  const isTerminal = process.stderr.isTTY === true;
  const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
  let frame = 0;
  const draw = () => {
    if (!isTerminal) return process.stderr.write(`· ${title}: ${seconds()}\n`);
    frame += 1;
    return process.stderr.write(
      `\r\x1b[2K${frames[frame % frames.length]} ${title} … ${seconds()}`,
    );
  };
  if (isTerminal) draw();
  else process.stderr.write(`· ${title} …\n`);
  const timer = setInterval(draw, isTerminal ? 100 : 15_000);
  return {
    end(text) {
      clearInterval(timer);
      process.stderr.write(`${isTerminal ? "\r\x1b[2K" : ""}· ${text} (${seconds()})\n`);
    },
  };
}

/**
 * Does `work` while no other process does it. The holder touches the lock every second; one that
 * was killed stops, and its lock is taken over.
 */
export async function alone(lockFile, work) {
  mkdirSync(dirname(lockFile), { recursive: true });
  const release = await takeLock(lockFile);
  try {
    await work();
  } finally {
    release();
  }
}

async function takeLock(lockFile) {
  const deadline = performance.now() + LOCK_WAIT_MS;
  let told = false;
  while (!claimed(lockFile)) {
    if (isStale(lockFile)) {
      setAside(lockFile);
      continue;
    }
    if (performance.now() > deadline) {
      throw new StepFailed(
        `Another start has been installing for too long. Delete ${lockFile} if there is none.`,
      );
    }
    if (!told) process.stderr.write("· Waiting for another start that is installing …\n");
    told = true;
    await delay(200);
  }
  const beat = setInterval(() => utimesSync(lockFile, new Date(), new Date()), LOCK_BEAT_MS);
  beat.unref();
  return () => {
    clearInterval(beat);
    rmSync(lockFile, { force: true });
  };
}

function claimed(lockFile) {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw new StepFailed(`Can't write ${lockFile}: ${error.message}`);
  }
}

function isStale(lockFile) {
  try {
    const silentMs = Date.now() - statSync(lockFile).mtimeMs;
    return silentMs > LOCK_STALE_MS || !isAlive(Number(readFileSync(lockFile, "utf8")), silentMs);
  } catch (error) {
    if (error.code === "ENOENT") return false; // just released: claim it in the next round
    throw error;
  }
}

function isAlive(pid, silentMs) {
  if (!(pid > 0)) return silentMs < 5 * LOCK_BEAT_MS; // made, but its number is not written yet
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** By rename, which only one of several waiters wins. */
function setAside(lockFile) {
  try {
    renameSync(lockFile, `${lockFile}.${process.pid}`);
    rmSync(`${lockFile}.${process.pid}`, { force: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}
