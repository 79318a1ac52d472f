import { CronExpressionParser } from "cron-parser";
import type { EmulatorClock } from "./clock.js";
import { inTransaction, type Log } from "./database.js";
import { newMessageId } from "./ids.js";
import { type MessageSpec, type NewMessage, shownBody, shownSpec } from "./message.js";
import { BadRequest } from "./publish-request.js";
import type { MessageStore } from "./store.js";

const TIMER_MAX_MS = 3_600_000;
const FIRED_AT_ONCE_MAX = 100;
const FAILURE_PAUSE_MS = 500;

interface ScheduleRow {
  id: string;
  cron: string;
  spec: MessageSpec;
  body: Buffer;
  delay_ms: number;
  paused: boolean;
  created_at: number;
  next_at: number;
  last_at: number | null;
  last_message_id: string | null;
  last_state?: string;
}

/**
 * The next firing strictly after an instant: five fields, UTC unless prefixed by
 * `CRON_TZ=Area/City`.
 * @throws BadRequest
 * @see https://upstash.com/docs/qstash/features/schedules
 */
export function nextFiringMs(cron: string, afterMs: number): number {
  const [, zone, fields] = /^(?:CRON_TZ=(\S+)\s+)?(.+)$/.exec(cron.trim()) ?? [];
  if (fields === undefined || fields.trim().split(/\s+/).length !== 5) {
    throw new BadRequest(`invalid cron: "${cron}" needs five fields`);
  }
  try {
    const expression = CronExpressionParser.parse(fields.trim(), {
      currentDate: new Date(afterMs),
      tz: zone ?? "UTC",
    });
    return expression.next().getTime();
  } catch (error) {
    throw new BadRequest(`invalid cron: "${cron}" (${String(error)})`);
  }
}

interface NewSchedule {
  id: string;
  cron: string;
  spec: MessageSpec;
  body: Buffer;
  delayMs: number;
}

/** Schedules live in the database; each firing becomes a message in the same transaction. */
export class Schedules {
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    readonly store: MessageStore,
    readonly clock: EmulatorClock,
    readonly log: Log,
    readonly onFired: (messages: readonly NewMessage[]) => void,
  ) {
    clock.onChange(() => this.wake());
  }

  /** An existing id is overwritten; that it then keeps its pause is UNCONFIRMED. */
  async upsert(schedule: NewSchedule): Promise<void> {
    const nowMs = this.clock.now();
    await this.store.pool.query(
      `INSERT INTO schedule (id, cron, spec, body, delay_ms, created_at, next_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (id) DO UPDATE SET cron = excluded.cron, spec = excluded.spec,
         body = excluded.body, delay_ms = excluded.delay_ms, next_at = excluded.next_at`,
      [
        schedule.id,
        schedule.cron,
        JSON.stringify(schedule.spec),
        schedule.body,
        schedule.delayMs,
        nowMs,
        nextFiringMs(schedule.cron, nowMs),
      ],
    );
    this.wake();
  }

  async list(id?: string) {
    const { rows } = await this.store.pool.query<ScheduleRow>(
      `SELECT s.*, CASE
         WHEN s.last_message_id IS NULL THEN NULL
         WHEN EXISTS (SELECT 1 FROM message WHERE id = s.last_message_id) THEN 'IN_PROGRESS'
         WHEN EXISTS (SELECT 1 FROM dlq WHERE message_id = s.last_message_id) THEN 'FAIL'
         ELSE 'SUCCESS' END AS last_state
       FROM schedule s WHERE $1::text IS NULL OR s.id = $1 ORDER BY s.created_at, s.id`,
      [id ?? null],
    );
    return rows.map(shownSchedule);
  }

  async remove(id: string): Promise<void> {
    await this.store.pool.query("DELETE FROM schedule WHERE id = $1", [id]);
  }

  /** @returns false when there is no such schedule. A resumed one fires at its next time. */
  async setPaused(id: string, paused: boolean): Promise<boolean> {
    const { rows } = await this.store.pool.query<{ cron: string }>(
      "UPDATE schedule SET paused = $2 WHERE id = $1 RETURNING cron",
      [id, paused],
    );
    const cron = rows[0]?.cron;
    if (cron === undefined) return false;
    if (!paused) {
      await this.store.pool.query("UPDATE schedule SET next_at = $2 WHERE id = $1", [
        id,
        nextFiringMs(cron, this.clock.now()),
      ]);
      this.wake();
    }
    return true;
  }

  wake(): void {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#running.then(() => this.#tick());
    }, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  async #tick(): Promise<void> {
    if (this.#stopped) return;
    let delay: number | null = FAILURE_PAUSE_MS;
    try {
      await this.#fireDue();
      delay = await this.#delayToNext();
    } catch (error) {
      this.log("could not run schedules", error);
    }
    if (this.#stopped || delay === null) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.min(delay, TIMER_MAX_MS));
  }

  async #delayToNext(): Promise<number | null> {
    const { rows } = await this.store.pool.query<{ next_at: number | null }>(
      "SELECT min(next_at) AS next_at FROM schedule WHERE NOT paused",
    );
    const next = rows[0]?.next_at ?? null;
    return next === null ? null : this.clock.realDelayUntil(next);
  }

  /** Missed firings (a stop, a jump of the clock) come out as one; UNCONFIRMED for the service. */
  async #fireDue(): Promise<void> {
    const nowMs = this.clock.now();
    const { rows } = await this.store.pool.query<ScheduleRow>(
      "SELECT * FROM schedule WHERE NOT paused AND next_at <= $1 ORDER BY next_at, id LIMIT $2",
      [nowMs, FIRED_AT_ONCE_MAX],
    );
    for (const row of rows) {
      const message = messageOf(row, nowMs);
      const fired = await inTransaction(this.store.pool, async (client) => {
        const { rowCount } = await client.query(
          `UPDATE schedule SET next_at = $3, last_at = $4, last_message_id = $5
           WHERE id = $1 AND next_at = $2 AND NOT paused`,
          [row.id, row.next_at, nextFiringMs(row.cron, nowMs), nowMs, message.id],
        );
        if (rowCount !== 1) return false;
        await this.store.insertWith(client, [message]);
        return true;
      });
      if (fired) this.onFired([message]);
    }
  }
}

function messageOf(row: ScheduleRow, nowMs: number): NewMessage {
  const dueAtMs = nowMs + row.delay_ms;
  return {
    id: newMessageId(nowMs),
    spec: { ...row.spec, scheduleId: row.id, createdAtMs: nowMs, notBeforeMs: dueAtMs },
    body: row.body,
    dueAtMs,
    rank: 0,
    dedupKey: null,
  };
}

function shownSchedule(row: ScheduleRow) {
  const { url, maxRetries, createdAt, notBefore, scheduleId, callerIP, ...shared } = shownSpec(
    row.spec,
  );
  return {
    scheduleId: row.id,
    cron: row.cron,
    destination: url,
    createdAt: row.created_at,
    ...shared,
    ...shownBody(row.body, { text: "body", base64: "bodyBase64" }),
    retries: maxRetries,
    delay: row.delay_ms === 0 ? undefined : row.delay_ms / 1_000,
    callerIP,
    isPaused: row.paused,
    lastScheduleTime: row.last_at ?? undefined,
    nextScheduleTime: row.next_at,
    lastScheduleStates:
      row.last_message_id === null ? undefined : { [row.last_message_id]: row.last_state },
  };
}
