import type pg from "pg";
import { Batcher } from "./batcher.js";
import { type Database, inTransaction, isDataError } from "./database.js";
import type { Answer, NewMessage, WaitingMessage } from "./message.js";

const DEDUP_WINDOW_MS = 10 * 60_000;
const LOG_ROWS_MAX = 10_000;
const LOG_PRUNE_EVERY = 1_000;
const BATCH_ITEMS_MAX = 200;
const BATCH_BYTES_MAX = 2 * 1024 * 1024;

export interface Published {
  messageId: string;
  deduplicated: boolean;
}

type LogState =
  | "CREATED"
  | "ACTIVE"
  | "RETRY"
  | "ERROR"
  | "DELIVERED"
  | "FAILED"
  | "CANCEL_REQUESTED"
  | "CANCELLED";

/** The end of one attempt, as it is to be written. */
export interface Outcome {
  message: WaitingMessage;
  kind: "delivered" | "retry" | "failed";
  startedAtMs: number;
  endedAtMs: number;
  /** Set for `retry`. */
  nextDueAtMs: number | null;
  /** Set for `failed`. */
  dlqId: string | null;
  answer: Answer | null;
  error: string | null;
  callbacks: NewMessage[];
}

/**
 * One statement: the deduplication claim, the message and its log entry. `ON CONFLICT DO UPDATE`
 * makes a concurrent publisher of the same key wait for the first one's commit and then see it.
 */
const PUBLISH_SQL = `
WITH input AS (
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::float8[], $4::text[], $5::jsonb[],
                       $6::bytea[], $7::text[])
    WITH ORDINALITY AS t(id, due_at, rank, flow_key, spec, body, dedup_key, n)
), claim AS (
  INSERT INTO dedup (key, message_id, expires_at)
  SELECT dedup_key, id, $8::bigint + $9::bigint FROM input WHERE dedup_key IS NOT NULL
  ON CONFLICT (key) DO UPDATE SET
    message_id = CASE WHEN dedup.expires_at <= $8 THEN excluded.message_id ELSE dedup.message_id END,
    expires_at = CASE WHEN dedup.expires_at <= $8 THEN excluded.expires_at ELSE dedup.expires_at END
  RETURNING key, message_id
), fresh AS (
  SELECT input.* FROM input LEFT JOIN claim ON claim.key = input.dedup_key
  WHERE input.dedup_key IS NULL OR claim.message_id = input.id
), stored AS (
  INSERT INTO message (id, due_at, rank, flow_key, spec, body)
  SELECT id, due_at, rank, flow_key, spec, body FROM fresh ORDER BY n
), logged AS (
  INSERT INTO log (time, message_id, state, spec)
  SELECT $8, id, 'CREATED', spec FROM fresh ORDER BY n
)
SELECT coalesce(claim.message_id, input.id) AS message_id
FROM input LEFT JOIN claim ON claim.key = input.dedup_key ORDER BY input.n`;

const CLAIM_SQL = `
SELECT m.id, m.retried, m.spec, m.body
FROM unnest($1::text[], $2::int[]) AS k(key, room)
CROSS JOIN LATERAL (
  SELECT id, retried, spec, body, due_at, rank, seq FROM message
  WHERE flow_key = k.key AND due_at <= $3 AND id <> ALL ($4::text[])
  ORDER BY flow_key, due_at, rank, seq LIMIT k.room
) m
ORDER BY m.due_at, m.rank, m.seq LIMIT $5`;

/** Messages: accept, claim, settle, cancel. Everything durable, nothing remembered. */
export class MessageStore {
  readonly #publishes: Batcher<NewMessage, Published>;
  readonly #outcomes: Batcher<Outcome, boolean>;
  #mutations: Promise<unknown> = Promise.resolve();
  #logged = LOG_PRUNE_EVERY;

  constructor(
    readonly database: Database,
    readonly now: () => number,
  ) {
    this.#publishes = new Batcher({
      run: (messages) => this.#insert(this.pool, messages),
      itemsMax: BATCH_ITEMS_MAX,
      bytesMax: BATCH_BYTES_MAX,
      bytesOf: (message) => message.body.length,
      keyOf: (message) => message.dedupKey,
      isItemsFault: isDataError,
    });
    this.#outcomes = new Batcher({
      run: (outcomes) => this.exclusively(() => this.#settleAll(outcomes)),
      itemsMax: BATCH_ITEMS_MAX,
      bytesMax: BATCH_BYTES_MAX,
      bytesOf: (outcome) => outcome.message.body.length + (outcome.answer?.body.length ?? 0),
      keyOf: (outcome) => outcome.message.id,
      isItemsFault: isDataError,
    });
  }

  get pool(): pg.Pool {
    return this.database.pool;
  }

  /** Resolves once committed. Equal deduplication keys are decided by the table, not here. */
  publish(message: NewMessage): Promise<Published> {
    return this.#publishes.add(message);
  }

  /** For callers with a transaction of their own (schedules, DLQ retries). */
  async insertWith(client: pg.PoolClient, messages: readonly NewMessage[]): Promise<void> {
    if (messages.length > 0) await this.#insert(client, messages);
  }

  async #insert(client: pg.Pool | pg.PoolClient, messages: readonly NewMessage[]) {
    const { rows } = await client.query<{ message_id: string }>({
      name: "qe_publish",
      text: PUBLISH_SQL,
      values: [
        messages.map(({ id }) => id),
        messages.map(({ dueAtMs }) => dueAtMs),
        messages.map(({ rank }) => rank),
        messages.map(({ spec }) => spec.flow?.key ?? ""),
        messages.map(({ spec }) => JSON.stringify(spec)),
        messages.map(({ body }) => body),
        messages.map(({ dedupKey }) => dedupKey),
        this.now(),
        DEDUP_WINDOW_MS,
      ],
    });
    this.#countLogged(messages.length);
    return messages.map(({ id }, index): Published => {
      const messageId = rows[index]?.message_id ?? id;
      return { messageId, deduplicated: messageId !== id };
    });
  }

  /**
   * Due messages, oldest first. Nothing is marked: the only dispatcher keeps its own list, so
   * that what was in flight at a crash is simply still due.
   */
  async claim(query: {
    nowMs: number;
    rooms: ReadonlyMap<string, number>;
    except: readonly string[];
    limit: number;
  }): Promise<WaitingMessage[]> {
    const { rows } = await this.pool.query<WaitingMessage>({
      name: "qe_claim",
      text: CLAIM_SQL,
      values: [
        [...query.rooms.keys()],
        [...query.rooms.values()],
        query.nowMs,
        query.except,
        query.limit,
      ],
    });
    return rows;
  }

  /** The earliest due time after an instant, or null. */
  async nextDueAfter(nowMs: number): Promise<number | null> {
    const { rows } = await this.pool.query<{ due_at: number | null }>(
      "SELECT min(due_at) AS due_at FROM message WHERE due_at > $1",
      [nowMs],
    );
    return rows[0]?.due_at ?? null;
  }

  /** @returns false when the message was cancelled meanwhile and nothing was written. */
  settle(outcome: Outcome): Promise<boolean> {
    return this.#outcomes.add(outcome);
  }

  async #settleAll(outcomes: readonly Outcome[]): Promise<boolean[]> {
    const ended = outcomes.filter(({ kind }) => kind !== "retry");
    const again = outcomes.filter(({ kind }) => kind === "retry");
    return inTransaction(this.pool, async (client) => {
      const alive = new Set<string>();
      if (ended.length > 0) {
        const { rows } = await client.query<{ id: string }>({
          name: "qe_end",
          text: "DELETE FROM message WHERE id = ANY ($1::text[]) RETURNING id",
          values: [ended.map(({ message }) => message.id)],
        });
        for (const { id } of rows) alive.add(id);
      }
      if (again.length > 0) {
        const { rows } = await client.query<{ id: string }>({
          name: "qe_again",
          text: `UPDATE message SET retried = o.retried, due_at = o.due_at, rank = 0
            FROM unnest($1::text[], $2::int[], $3::bigint[]) AS o(id, retried, due_at)
            WHERE message.id = o.id RETURNING message.id`,
          values: [
            again.map(({ message }) => message.id),
            again.map(({ message }) => message.retried + 1),
            again.map(({ nextDueAtMs }) => nextDueAtMs),
          ],
        });
        for (const { id } of rows) alive.add(id);
      }
      const kept = outcomes.filter(({ message }) => alive.has(message.id));
      await this.#bury(
        client,
        kept.filter(({ kind }) => kind === "failed"),
      );
      await this.insertWith(
        client,
        kept.flatMap(({ callbacks }) => callbacks),
      );
      await this.#logOutcomes(client, kept);
      return outcomes.map(({ message }) => alive.has(message.id));
    });
  }

  async #bury(client: pg.PoolClient, failed: readonly Outcome[]): Promise<void> {
    if (failed.length === 0) return;
    await client.query(
      `INSERT INTO dlq (id, message_id, failed_at, spec, body,
                        response_status, response_header, response_body)
       SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::bytea[],
                            $6::int[], $7::jsonb[], $8::bytea[])`,
      [
        failed.map(({ dlqId }) => dlqId),
        failed.map(({ message }) => message.id),
        failed.map(({ endedAtMs }) => endedAtMs),
        failed.map(({ message }) => JSON.stringify(message.spec)),
        failed.map(({ message }) => message.body),
        failed.map(({ answer }) => answer?.status ?? null),
        failed.map(({ answer }) => (answer === null ? null : JSON.stringify(answer.header))),
        failed.map(({ answer }) => answer?.body ?? null),
      ],
    );
  }

  async #logOutcomes(client: pg.PoolClient, outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const entries = outcomes.flatMap((outcome) => logEntriesOf(outcome));
    await client.query({
      name: "qe_log",
      text: `WITH counted AS (
          INSERT INTO counter (name, value)
          SELECT name, count(*) FROM unnest($6::text[]) AS c(name) GROUP BY name ORDER BY name
          ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value
        )
        INSERT INTO log (time, message_id, state, spec, detail)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[])`,
      values: [
        entries.map(({ time }) => time),
        entries.map(({ outcome }) => outcome.message.id),
        entries.map(({ state }) => state),
        entries.map(({ outcome }) => JSON.stringify(outcome.message.spec)),
        entries.map(({ detail }) => (detail === null ? null : JSON.stringify(detail))),
        outcomes.map(({ kind }) => kind),
      ],
    });
    this.#countLogged(entries.length);
  }

  #countLogged(entries: number): void {
    this.#logged += entries;
  }

  /** Keeps the log within its bound, and forgets expired deduplication keys. */
  async prune(): Promise<void> {
    await this.pool.query("DELETE FROM dedup WHERE expires_at <= $1", [this.now()]);
    if (this.#logged < LOG_PRUNE_EVERY) return;
    this.#logged = 0;
    await this.pool.query("DELETE FROM log WHERE seq <= (SELECT max(seq) FROM log) - $1", [
      LOG_ROWS_MAX,
    ]);
  }

  /**
   * Settling, cancelling, flushing and retrying touch many rows each, in any order; one at a
   * time they cannot deadlock. Publishing only inserts, and stays outside.
   */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#mutations.then(work, work);
    this.#mutations = turn.catch(() => undefined);
    return turn;
  }
}

interface LogEntry {
  outcome: Outcome;
  time: number;
  state: LogState;
  detail: Record<string, unknown> | null;
}

function logEntriesOf(outcome: Outcome): LogEntry[] {
  const { answer, error, startedAtMs, endedAtMs, kind, nextDueAtMs } = outcome;
  const active: LogEntry = { outcome, time: startedAtMs, state: "ACTIVE", detail: null };
  if (kind === "delivered") {
    return [active, { outcome, time: endedAtMs, state: "DELIVERED", detail: null }];
  }
  const cause = {
    error: error ?? `destination answered ${answer?.status}`,
    ...(answer === null
      ? {}
      : {
          responseStatus: answer.status,
          responseHeaders: answer.header,
          responseBody: answer.body.toString("base64"),
        }),
  };
  const failed: LogEntry = { outcome, time: endedAtMs, state: "ERROR", detail: cause };
  const end: LogEntry =
    kind === "retry"
      ? { outcome, time: endedAtMs, state: "RETRY", detail: { nextDeliveryTime: nextDueAtMs } }
      : { outcome, time: endedAtMs, state: "FAILED", detail: null };
  return [active, failed, end];
}
