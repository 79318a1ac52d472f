import type { QueueAccount, Schedule } from "../queues/account.js";

export interface SetUpReport {
  schedules: { id: string; cron: string; path: string; state: "created" | "kept" }[];
  checks: { name: string; ok: boolean; detail: string }[];
}

/** Connections that a worker's relay, sweeps and the admin API need beside the events. */
const SPARE_CONNECTIONS = 2;

/** Registers the frequent jobs as QStash schedules and checks the settings that must fit each other. Safe to repeat. */
export async function setUp(deps: {
  account: QueueAccount;
  schedules: readonly Schedule[];
  limits: { eventParallelism: number; poolMax: number };
}): Promise<SetUpReport> {
  const schedules: SetUpReport["schedules"] = [];
  for (const schedule of deps.schedules) {
    schedules.push({ ...schedule, state: await deps.account.ensureSchedule(schedule) });
  }
  const { eventParallelism, poolMax } = deps.limits;
  const ok = eventParallelism + SPARE_CONNECTIONS <= poolMax;
  const advice = ok
    ? ""
    : `: set EVENT_PARALLELISM to ${Math.max(1, poolMax - SPARE_CONNECTIONS)} or less, or raise DATABASE_POOL_MAX`;
  const detail = `${eventParallelism} events at once on ${poolMax} connections${advice}`;
  return { schedules, checks: [{ name: "parallelism fits the database pool", ok, detail }] };
}
