import { describeError } from "../domain/describe-error.js";
import { AppError } from "../domain/errors.js";
import type { Kv, Log, Report } from "../domain/ports.js";
import { problem } from "../domain/problem.js";
import { readBytes } from "../domain/read-bytes.js";
import type { Secret } from "../domain/secret.js";
import { type Clock, DAY_MS, type Instant } from "../domain/time.js";
import type { SignatureCheck } from "../queues/consume.js";

export const CRON_JOBS = ["relay", "sweep", "reconcile", "watch"] as const;
export type CronJob = (typeof CRON_JOBS)[number];

/** Our schedules send none; the address is public, and who asks is known only after reading. */
const BODY_BYTES_MAX = 64 * 1024;

/** A job's steps run one after the other, and one that fails does not keep the next from its turn. */
export type CronSteps = Readonly<Record<string, () => Promise<unknown>>>;

export interface CronDeps {
  publicBaseUrl: string;
  cronSecret: Secret;
  isSigned: SignatureCheck;
  kv: Pick<Kv, "setFor">;
  clock: Clock;
  log: Log;
  report: Report;
  requestId(): string;
  jobs: Readonly<Record<CronJob, CronSteps>>;
}

export const cronPath = (job: CronJob): string => `/api/cron/${job}`;

/** Runs a job for whoever proves to be Vercel's cron or QStash; anybody else is refused. */
export function createCron(deps: CronDeps): (job: string, request: Request) => Promise<Response> {
  return async (name, request) => {
    const requestId = deps.requestId();
    const job = CRON_JOBS.find((known) => known === name);
    const isTrusted = await trusted(deps, job ?? "relay", request);
    if (!isTrusted) {
      return problem("unauthorized", "Send the cron secret, or QStash's signature.", requestId);
    }
    if (job === undefined) {
      return problem("not_found", `The jobs are ${CRON_JOBS.join(", ")}.`, requestId);
    }
    const done: Record<string, unknown> = {};
    let failed = false;
    for (const [step, run] of Object.entries(deps.jobs[job])) {
      try {
        done[step] = await run();
      } catch (error) {
        failed = true;
        done[step] = { error: error instanceof AppError ? error.code : "internal" };
        deps.log.error("cron.failed", { requestId, job, step, detail: describeError(error) });
        if (!(error instanceof AppError)) {
          deps.report(error, { requestId, action: `cron.${job}.${step}` });
        }
      }
    }
    await noteRun(job, deps);
    deps.log.info("cron.finished", { requestId, job, failed, ...done });
    const headers = { "content-type": "application/json", "x-request-id": requestId };
    const body = JSON.stringify({ job, requestId, ...done });
    return new Response(body, { status: failed ? 503 : 200, headers });
  };
}

const runKey = (job: CronJob): string => `cron:${job}:ended-at`;
/** Longer than anybody who watches health takes to see that a job is not run. */
const RUN_TTL_MS = 30 * DAY_MS;

/** So that health can tell that nobody calls the jobs any more; the run itself does not need it. */
async function noteRun(job: CronJob, { kv, clock, log }: CronDeps): Promise<void> {
  try {
    await kv.setFor(runKey(job), String(clock.now()), RUN_TTL_MS);
  } catch (error) {
    log.warn("cron.not_noted", { job, detail: describeError(error) });
  }
}

/** When a job last ended, with or without failed steps; null when no run is known. @throws Transient */
export async function lastRunAt(kv: Pick<Kv, "get">, job: CronJob): Promise<Instant | null> {
  const at = Number((await kv.get(runKey(job))) ?? Number.NaN);
  return Number.isNaN(at) ? null : at;
}

async function trusted(deps: CronDeps, job: CronJob, request: Request): Promise<boolean> {
  const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
  if (scheme === "Bearer" && token !== undefined) return deps.cronSecret.matches(token);
  if (!request.headers.has("upstash-signature")) return false;
  const body = await readBytes(request, BODY_BYTES_MAX);
  return body !== null && deps.isSigned(request, body, `${deps.publicBaseUrl}${cronPath(job)}`);
}
