import { describeError } from "../domain/describe-error.js";
import type { Log } from "../domain/ports.js";
import { problem } from "../domain/problem.js";
import type { Secret } from "../domain/secret.js";
import type { SignatureCheck } from "../queues/consume.js";

export const CRON_JOBS = ["relay", "sweep"] as const;
export type CronJob = (typeof CRON_JOBS)[number];

/** A job's steps run one after the other, and one that fails does not keep the next from its turn. */
export type CronSteps = Readonly<Record<string, () => Promise<unknown>>>;

export interface CronDeps {
  publicBaseUrl: string;
  cronSecret: Secret;
  isSigned: SignatureCheck;
  log: Log;
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
    const report: Record<string, unknown> = {};
    let failed = false;
    for (const [step, run] of Object.entries(deps.jobs[job])) {
      try {
        report[step] = await run();
      } catch (error) {
        failed = true;
        report[step] = { error: (error as { code?: string }).code ?? "internal" };
        deps.log.error("cron.failed", { requestId, job, step, detail: describeError(error) });
      }
    }
    deps.log.info("cron.finished", { requestId, job, failed, ...report });
    const headers = { "content-type": "application/json", "x-request-id": requestId };
    const body = JSON.stringify({ job, requestId, ...report });
    return new Response(body, { status: failed ? 503 : 200, headers });
  };
}

async function trusted(deps: CronDeps, job: CronJob, request: Request): Promise<boolean> {
  const [scheme, token] = (request.headers.get("authorization") ?? "").split(" ");
  if (scheme === "Bearer" && token !== undefined) return deps.cronSecret.matches(token);
  const body = new Uint8Array(await request.arrayBuffer());
  return deps.isSigned(request, body, `${deps.publicBaseUrl}${cronPath(job)}`);
}
