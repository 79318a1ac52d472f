import type pg from "pg";
import {
  type DeadMessage,
  type HeaderMap,
  type MessageSpec,
  shownSpec,
  type WaitingMessage,
} from "./message.js";
import { BadRequest } from "./publish-request.js";

const PAGE_MAX = 100;
const LOG_PAGE_MAX = 1_000;

/** Where a filter looks: `$$` stands for its array of accepted values. */
const SPEC_FILTERS: Readonly<Record<string, string>> = {
  url: "spec->>'url' = ANY ($$::text[])",
  label: "spec->'labels' ?| $$::text[]",
  scheduleId: "spec->>'scheduleId' = ANY ($$::text[])",
  callerIp: "spec->>'callerIp' = ANY ($$::text[])",
  flowControlKey: "spec->'flow'->>'key' = ANY ($$::text[])",
  host: "split_part(split_part(spec->>'url', '://', 2), '/', 1) = ANY ($$::text[])",
  path: "coalesce(substring(spec->>'url' from '^[^:]+://[^/?]+(/[^?]*)'), '/') = ANY ($$::text[])",
  // Groups and queues are not emulated: nothing ever belongs to one.
  topicName: "cardinality($$::text[]) < 0",
  queueName: "cardinality($$::text[]) < 0",
};

const DLQ_FILTERS: Readonly<Record<string, string>> = {
  ...SPEC_FILTERS,
  dlqIds: "id = ANY ($$::text[])",
  messageId: "message_id = ANY ($$::text[])",
  responseStatus: "response_status::text = ANY ($$::text[])",
  fromDate: "failed_at >= ($$::text[])[1]::bigint",
  toDate: "failed_at <= ($$::text[])[1]::bigint",
};

const MESSAGE_FILTERS: Readonly<Record<string, string>> = {
  ...SPEC_FILTERS,
  messageIds: "id = ANY ($$::text[])",
  fromDate: "(spec->>'createdAtMs')::bigint >= ($$::text[])[1]::bigint",
  toDate: "(spec->>'createdAtMs')::bigint <= ($$::text[])[1]::bigint",
};

const LOG_FILTERS: Readonly<Record<string, string>> = {
  ...SPEC_FILTERS,
  state:
    "(state = ANY ($$::text[]) OR ('IN_PROGRESS' = ANY ($$::text[]) AND state IN ('ACTIVE','RETRY','ERROR')))",
  messageId: "message_id = ANY ($$::text[])",
  messageIds: "message_id = ANY ($$::text[])",
  fromDate: "time >= ($$::text[])[1]::bigint",
  toDate: "time <= ($$::text[])[1]::bigint",
};

interface Where {
  sql: string;
  values: unknown[];
  /** No filter at all. */
  isEverything: boolean;
}

/** Repeated parameters, or one with commas (ids and labels), are alternatives; filters combine. */
function whereOf(query: URLSearchParams, filters: Readonly<Record<string, string>>): Where {
  const clauses: string[] = [];
  const values: unknown[] = [];
  for (const name of new Set(query.keys())) {
    const clause = Object.hasOwn(filters, name) ? filters[name] : undefined;
    if (clause === undefined) continue;
    const splits = /^(dlqIds|messageIds?|label|state)$/.test(name);
    const accepted = query.getAll(name).flatMap((value) => (splits ? value.split(",") : [value]));
    if (/Date$/.test(name) && !accepted.every((value) => /^\d{1,15}$/.test(value))) {
      throw new BadRequest(`invalid ${name}`);
    }
    values.push(accepted);
    clauses.push(clause.replaceAll("$$", `$${values.length}`));
  }
  return { sql: clauses.join(" AND ") || "true", values, isEverything: clauses.length === 0 };
}

function countOf(query: URLSearchParams, most: number): number {
  const text = query.get("count");
  if (text === null) return PAGE_MAX;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new BadRequest(`invalid count: "${text}"`);
  return Math.min(most, Number(text));
}

function cursorOf(query: URLSearchParams): number | null {
  const text = query.get("cursor");
  if (text === null || text === "") return null;
  if (!/^\d{1,15}$/.test(text)) throw new BadRequest(`invalid cursor: "${text}"`);
  return Number(text);
}

interface DeadRow {
  id: string;
  seq: number;
  message_id: string;
  spec: MessageSpec;
  body: Buffer;
  response_status: number | null;
  response_header: HeaderMap | null;
  response_body: Buffer | null;
}

interface DeadPage {
  dead: DeadMessage[];
  cursor: string | undefined;
}

/** Newest first (the service's order is UNCONFIRMED); no cursor means the end. */
export async function listDead(db: pg.Pool | pg.PoolClient, query: URLSearchParams) {
  const where = whereOf(query, DLQ_FILTERS);
  const count = countOf(query, PAGE_MAX);
  const { rows } = await db.query<DeadRow>(
    `SELECT * FROM dlq WHERE ${where.sql} AND ($${where.values.length + 1}::bigint IS NULL
       OR seq < $${where.values.length + 1}) ORDER BY seq DESC LIMIT ${count + 1}`,
    [...where.values, cursorOf(query)],
  );
  const page = rows.slice(0, count);
  const cursor = rows.length > count ? String(page.at(-1)?.seq) : undefined;
  return { dead: page.map(deadMessage), cursor } satisfies DeadPage;
}

function deadMessage(row: DeadRow): DeadMessage {
  const answer =
    row.response_status === null
      ? null
      : {
          status: row.response_status,
          header: row.response_header ?? {},
          body: row.response_body ?? Buffer.alloc(0),
        };
  const { id: dlqId, message_id: messageId, spec, body } = row;
  return { dlqId, messageId, spec, body, answer };
}

/** Takes out one page of the filter; without any filter, of everything. */
export async function takeDead(client: pg.PoolClient, query: URLSearchParams): Promise<DeadPage> {
  const page = await listDead(client, query);
  await client.query("DELETE FROM dlq WHERE id = ANY ($1::text[])", [
    page.dead.map(({ dlqId }) => dlqId),
  ]);
  return page;
}

/**
 * Cancels what matches. **No filter at all cancels everything**, as the real service does.
 * `count` is ignored: the SDK's comments say that the server ignores it, the OpenAPI text
 * still gives it a range (UNCONFIRMED).
 */
export async function cancelMessages(client: pg.PoolClient, query: URLSearchParams) {
  const where = whereOf(query, MESSAGE_FILTERS);
  const { rows } = await client.query<{ id: string; spec: MessageSpec }>(
    `DELETE FROM message WHERE ${where.sql} RETURNING id, spec`,
    where.values,
  );
  return rows;
}

export async function findMessage(pool: pg.Pool, id: string): Promise<WaitingMessage | null> {
  const { rows } = await pool.query<WaitingMessage>(
    "SELECT id, spec, body, retried FROM message WHERE id = $1",
    [id],
  );
  return rows[0] ?? null;
}

interface LogRow {
  seq: number;
  time: number;
  message_id: string;
  state: string;
  spec: MessageSpec;
  detail: Record<string, unknown> | null;
}

/** Newest first, bounded by count. */
export async function listLogs(pool: pg.Pool, query: URLSearchParams) {
  const where = whereOf(query, LOG_FILTERS);
  const count = countOf(query, LOG_PAGE_MAX);
  const { rows } = await pool.query<LogRow>(
    `SELECT * FROM log WHERE ${where.sql} AND ($${where.values.length + 1}::bigint IS NULL
       OR seq < $${where.values.length + 1}) ORDER BY seq DESC LIMIT ${count + 1}`,
    [...where.values, cursorOf(query)],
  );
  const page = rows.slice(0, count);
  return {
    logs: page.map((row) => ({
      time: row.time,
      messageId: row.message_id,
      state: row.state,
      ...shownSpec(row.spec),
      timeout: row.spec.timeoutMs,
      ...row.detail,
    })),
    cursor: rows.length > count ? String(page.at(-1)?.seq) : undefined,
  };
}

/** Waiting messages of a flow-control key that are due. */
export async function waitListSize(pool: pg.Pool, key: string, nowMs: number): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    "SELECT count(*) AS n FROM message WHERE flow_key = $1 AND due_at <= $2",
    [key, nowMs],
  );
  return rows[0]?.n ?? 0;
}

/** Row counts and lifetime counters, for GET /_emulator/state. */
export async function countRows(pool: pg.Pool, nowMs: number) {
  const { rows } = await pool.query<Record<string, number>>(
    `SELECT count(*) FILTER (WHERE due_at <= $1) AS due,
            count(*) FILTER (WHERE due_at > $1) AS later,
            count(*) FILTER (WHERE retried > 0) AS retrying,
            (SELECT count(*) FROM dlq) AS dlq,
            (SELECT count(*) FROM schedule) AS schedules,
            (SELECT count(*) FROM schedule WHERE NOT paused AND next_at <= $1) AS schedules_due,
            (SELECT count(*) FROM dedup WHERE expires_at > $1) AS dedup
     FROM message`,
    [nowMs],
  );
  const counters = await pool.query<{ name: string; value: number }>("SELECT * FROM counter");
  const ended = new Map(counters.rows.map(({ name, value }) => [name, value]));
  const counts = rows[0] ?? {};
  return {
    due: counts.due ?? 0,
    later: counts.later ?? 0,
    retrying: counts.retrying ?? 0,
    dlq: counts.dlq ?? 0,
    schedules: counts.schedules ?? 0,
    schedulesDue: counts.schedules_due ?? 0,
    dedup: counts.dedup ?? 0,
    delivered: ended.get("delivered") ?? 0,
    failed: ended.get("failed") ?? 0,
    retries: ended.get("retry") ?? 0,
    cancelled: ended.get("cancelled") ?? 0,
  };
}
