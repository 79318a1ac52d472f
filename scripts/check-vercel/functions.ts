import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const CALLER = resolve(import.meta.dirname, "call-function.mjs");
const CALL_TIMEOUT_MS = 60_000;

interface FunctionConfig {
  runtime: string;
  handler?: string;
  entrypoint?: string;
  maxDuration?: number;
}

export interface BuiltFunction extends FunctionConfig {
  /** As in its address: `api/queues/[queue]`. */
  name: string;
  /** The file that exports it. */
  file: string;
}

/** Every function in a build's output. */
export function builtFunctions(output: string): BuiltFunction[] {
  const folder = join(output, "functions");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".func") && existsSync(join(folder, path, ".vc-config.json")))
    .map((path) => {
      const text = readFileSync(join(folder, path, ".vc-config.json"), "utf8");
      const config = JSON.parse(text) as FunctionConfig;
      const file = join(folder, path, config.handler ?? config.entrypoint ?? "");
      return { ...config, name: path.slice(0, -".func".length), file };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface Call {
  url: string;
  method: "GET" | "POST";
  headers?: Record<string, string>;
  body?: Uint8Array;
}
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Calls a Node function in a process of its own, one request after the other. @throws when it can't be imported. */
export async function callNode(
  { file }: BuiltFunction,
  env: Readonly<Record<string, string>>,
  calls: readonly Call[],
): Promise<{ importMs: number; answers: Answer[] }> {
  const options = { env: { ...env, PATH: process.env.PATH ?? "" }, timeout: CALL_TIMEOUT_MS };
  const running = promisify(execFile)(process.execPath, [CALLER, file], options);
  const requests = calls.map(({ body, ...call }) => ({
    ...call,
    ...(body === undefined ? {} : { body: Buffer.from(body).toString("base64") }),
  }));
  running.child.stdin?.end(JSON.stringify(requests));
  const { stdout } = await running;
  // The function's own log goes to stdout as well; the answers are the last thing on it.
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return JSON.parse(last) as { importMs: number; answers: Answer[] };
}
