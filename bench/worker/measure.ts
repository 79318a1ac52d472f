import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { applyMigrations } from "../../local/migrate.js";
import { asSuperuser, type RunningPostgres } from "../../local/postgres.js";
import { type Lane, type LanesOptions, openLane } from "../lanes/parent.js";
import { type Figures, inTurn, type Rounds } from "../lanes/rounds.js";

const CONTENDERS = [
  "our event",
  "our worker",
  "stripe-sync-engine",
  "insert with body",
  "bare insert",
] as const;
export const MIGRATIONS = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));

/** A fresh database with the schema in it; its URL. */
export async function freshDatabase(postgres: RunningPostgres): Promise<string> {
  const databaseUrl = await postgres.database(`bench_${randomBytes(4).toString("hex")}`);
  await applyMigrations({ databaseUrl, dir: MIGRATIONS });
  return databaseUrl;
}

/**
 * What a Postgres has that has run for a while, and a new one has not. Files to write its log into: else each further 16 MB
 * are first a file of zeros, for which all writers wait 50 ms. And checkpoints by the clock: the bench writes as much in
 * seconds as else in hours, and after a checkpoint each page that is touched goes whole into the log once.
 */
export async function settleWal({ adminUrl }: RunningPostgres, files: number): Promise<void> {
  await asSuperuser(adminUrl, async (admin) => {
    await admin.query("ALTER SYSTEM SET max_wal_size = '6GB'");
    await admin.query("SELECT pg_reload_conf()");
    for (let i = 0; i < files; i += 1) {
      await admin.query("SELECT pg_logical_emit_message(false, 'bench', '')"); // an empty file is not switched
      await admin.query("SELECT pg_switch_wal()");
    }
    await admin.query("CHECKPOINT");
  });
}

/** Distinct purchases through each contender, on one Postgres, each in a database of its own. */
export async function measureWorker(
  rounds: Rounds,
  postgres: RunningPostgres,
  options: LanesOptions,
): Promise<Figures[]> {
  const open: Lane[] = [];
  const lane = async (name: string, sinkUrl = "", databaseUrl = ""): Promise<Lane> => {
    const opened = await openLane({ name, sinkUrl, databaseUrl }, options);
    open.push(opened);
    return opened;
  };
  try {
    const sink = await lane("sink");
    const contenders: { lane: Lane }[] = [];
    for (const name of CONTENDERS) {
      const databaseUrl = await freshDatabase(postgres);
      // The engine's migrations hand what they make to the role `postgres`.
      const asAdmin = new URL(new URL(databaseUrl).pathname, postgres.adminUrl).href;
      const url = name === "stripe-sync-engine" ? asAdmin : databaseUrl;
      contenders.push({ lane: await lane(name, sink.url, url) });
    }
    return await inTurn(contenders, rounds, async ({ lane }, ask) => {
      await lane.prepare(ask.count);
      return lane.run(ask.atOnce, ask.forMs);
    });
  } finally {
    await Promise.all(open.map((opened) => opened.close()));
  }
}
