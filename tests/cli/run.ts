import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { serve } from "@hono/node-server";
import type { Hono } from "hono";
import { ADMIN_TOKEN } from "../admin/world.js";

export const BIN = resolve(import.meta.dirname, "../../cli/signalbox.mjs");

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** A home of one's own, as the local start leaves it behind, or empty. */
export function cliHome(running?: Record<string, unknown>): { home: string; remove(): void } {
  const home = mkdtempSync(join(tmpdir(), "signalbox-cli-"));
  if (running !== undefined) writeFileSync(join(home, "running.json"), JSON.stringify(running));
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** The command in a process of its own, with nothing of our environment but the PATH. */
export function run(
  args: readonly string[],
  env: Record<string, string> = {},
  options: { cwd?: string; bin?: string } = {},
): Promise<Ran> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [options.bin ?? BIN, ...args], {
      cwd: options.cwd ?? tmpdir(),
      env: { PATH: process.env.PATH ?? "", TZ: "Asia/Bangkok", SIGNALBOX_HOME: "/none", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.once("error", failed);
    child.once("close", (code) => done({ code, out, err }));
  });
}

export interface Served {
  url: string;
  /** What the command needs to speak to it. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/** The app on a free port. */
export async function served(app: Pick<Hono, "fetch">): Promise<Served> {
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
  await new Promise<void>((ready) => server.once("listening", () => ready()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    env: { SIGNALBOX_URL: url, ADMIN_TOKEN },
    close: () => new Promise((closed) => server.close(() => closed())),
  };
}

/** An address at which nobody listens, because somebody just stopped. */
export async function deserted(): Promise<string> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((closed) => server.close(() => closed()));
  return `http://127.0.0.1:${port}`;
}
