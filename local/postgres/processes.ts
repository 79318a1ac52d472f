import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How often a condition is looked at while waiting. */
const POLL_MS = 25;

/** Waits until `condition` holds; false when `timeoutMs` have passed without it. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
}

/**
 * When a process began, as an opaque token that differs for a later process with the same pid,
 * also across a reboot. Undefined when there is no such process, or only its zombie: a container
 * without an init never reaps those, and they answer signals as if they lived.
 */
export function processToken(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") return linuxToken(pid);
  if (process.platform === "win32") return answersSignals(pid) ? "alive" : undefined;
  const [state, ...began] = ps(pid, "state=,lstart=").split(/\s+/);
  return state === undefined || state === "" || state.startsWith("Z") ? undefined : began.join(" ");
}

/** The command line of a process, arguments separated by NUL or blanks; empty when there is none. */
export function commandLine(pid: number): string {
  if (process.platform === "linux") return readText(`/proc/${pid}/cmdline`);
  if (process.platform === "win32") return "";
  return ps(pid, "command=");
}

export function isRunning(pid: number): boolean {
  return processToken(pid) !== undefined;
}

/** Sends a signal; a process that is already gone is no error, one that is not ours is. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** proc(5): after the name in parentheses come the state (field 3) and the start time (field 22). */
function linuxToken(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const startTicks = fields[19];
  if (stat === "" || startTicks === undefined || state === "Z" || state === "X") return undefined;
  return `${readText("/proc/sys/kernel/random/boot_id").trim()}/${startTicks}`;
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process ended between two looks, or this system shows less of it
  }
}

function ps(pid: number, columns: string): string {
  try {
    return execFileSync("ps", ["-o", columns, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return ""; // ps answers 1 for a process that does not exist
  }
}
