import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENVIRONMENT } from "../../src/runtime/environment.js";
import { locationOf, readRecord } from "../postgres/record.js";
import type { Environment } from "../services.js";

/** A home of its own for one demo. */
export function demoHome(): string {
  const home = mkdtempSync(join(tmpdir(), "signalbox-demo-"));
  chmodSync(home, 0o711); // as root, Postgres runs as another user
  return home;
}

/** A demo must not reach real services, whatever the environment names. */
export function withoutServices(env: Environment): Environment {
  const ours = new Set(["NODE_ENV", "VERCEL_ENV", "QSTASH_DEV", ...Object.keys(ENVIRONMENT)]);
  const kept = Object.entries(env).filter(([name]) => !ours.has(name.replace(/_PREVIOUS$/, "")));
  return Object.fromEntries(kept);
}

/** Removes the home with the data, which lies elsewhere when Postgres's user can't enter the temp folder. */
export function forget(home: string): void {
  const dataDir = join(home, "postgres");
  const record = readRecord(dataDir);
  if (record !== undefined) rmSync(locationOf(dataDir, record), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}
