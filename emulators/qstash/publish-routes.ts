import { z } from "zod";
import type { Emulator } from "./emulator.js";
import { type Call, ok, type Reply } from "./http.js";
import { newScheduleId } from "./ids.js";
import type { MessageSpec } from "./message.js";
import {
  BadRequest,
  destinationOf,
  PublishHeaders,
  readDedupKey,
  readSpec,
} from "./publish-request.js";
import { nextFiringMs } from "./schedules.js";
import type { Published } from "./store.js";

const BATCH_BYTES_MAX = 100 * 1024 * 1024;
const BATCH_ITEMS_MAX = 10_000;

const BatchSchema = z
  .array(
    z.object({
      destination: z.string(),
      headers: z.record(z.string(), z.string()).default({}),
      body: z.string().default(""),
      queue: z.string().optional(),
    }),
  )
  .max(BATCH_ITEMS_MAX);

/** null when a fault has ended the connection: there is nobody to answer. */
type PublishReply = Reply | null;

interface Prepared {
  spec: MessageSpec;
  body: Buffer;
  dedupKey: string | null;
}

function prepare(
  emulator: Emulator,
  call: Call,
  part: { destination: string; headers: PublishHeaders; body: Buffer },
): Prepared {
  const spec = readSpec({
    ...part,
    callerIp: call.callerIp,
    nowMs: emulator.clock.now(),
    limits: emulator.settings.limits,
  });
  return { spec, body: part.body, dedupKey: readDedupKey(spec, part.headers, part.body) };
}

function refusal(emulator: Emulator, urls: readonly string[]): Reply | null {
  for (const url of urls) {
    const fault = emulator.faults.strike("refuse", url);
    if (fault === null) continue;
    return { status: fault.status, headers: fault.headers, body: { error: fault.error } };
  }
  return null;
}

/** After the commit: the sender cannot know that its message was accepted. */
function answerIsDropped(emulator: Emulator, call: Call, urls: readonly string[]): boolean {
  if (!urls.some((url) => emulator.faults.strike("drop-answer", url) !== null)) return false;
  call.hangUp();
  return true;
}

const shownPublished = ({ messageId, deduplicated }: Published) =>
  deduplicated ? { messageId, deduplicated: true } : { messageId };

/** POST /v2/publish/{destination}; the status of a success, 200, is as the OpenAPI text says. */
export async function publish(emulator: Emulator, call: Call, rawTail: string) {
  const destination = destinationOf(rawTail);
  const body = await call.readBody(emulator.settings.limits.messageBytesMax);
  const { spec, dedupKey } = prepare(emulator, call, { destination, headers: call.headers, body });
  const refused = refusal(emulator, [spec.url]);
  if (refused !== null) return refused;
  const published = await emulator.publish(spec, body, dedupKey);
  if (answerIsDropped(emulator, call, [spec.url])) return null;
  return { status: published.deduplicated ? 202 : 200, body: shownPublished(published) };
}

/** POST /v2/batch: an element that cannot be read refuses the whole batch, before any is stored. */
export async function publishBatch(emulator: Emulator, call: Call): Promise<PublishReply> {
  const elements = parseBatch(await call.readBody(BATCH_BYTES_MAX));
  const prepared = elements.map(({ destination, headers, body, queue }) => {
    if (queue !== undefined) throw new BadRequest("queues are not emulated; use flow control");
    return prepare(emulator, call, {
      destination: destinationOf(destination),
      headers: batchHeaders(headers),
      body: Buffer.from(body, "utf8"),
    });
  });
  const urls = prepared.map(({ spec }) => spec.url);
  const refused = refusal(emulator, urls);
  if (refused !== null) return refused;
  const published = await Promise.all(
    prepared.map(({ spec, body, dedupKey }) => emulator.publish(spec, body, dedupKey)),
  );
  return answerIsDropped(emulator, call, urls) ? null : ok(published.map(shownPublished));
}

function parseBatch(body: Buffer): z.infer<typeof BatchSchema> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new BadRequest(`invalid batch: ${String(error)}`);
  }
  const parsed = BatchSchema.safeParse(json);
  if (!parsed.success) throw new BadRequest(`invalid batch: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Unlike real headers these may hold anything, such as a NUL that no database text takes. */
function batchHeaders(headers: Record<string, string>): PublishHeaders {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(name + value)) {
      throw new BadRequest(`illegal header "${name}"`);
    }
  }
  return new PublishHeaders(Object.entries(headers));
}

const SCHEDULE_ID = /^[A-Za-z0-9._-]{1,256}$/;

/** POST /v2/schedules/{destination}: idempotent by Upstash-Schedule-Id. */
export async function createSchedule(emulator: Emulator, call: Call, rawTail: string) {
  const { headers } = call;
  const cron = headers.get("upstash-cron");
  if (cron === undefined) throw new BadRequest("missing Upstash-Cron");
  if (headers.get("upstash-queue-name") !== undefined) {
    throw new BadRequest("queues are not emulated; use flow control");
  }
  const nowMs = emulator.clock.now();
  const id = headers.get("upstash-schedule-id") ?? newScheduleId(emulator.clock.wall());
  if (!SCHEDULE_ID.test(id)) throw new BadRequest(`invalid Upstash-Schedule-Id: "${id}"`);
  nextFiringMs(cron, nowMs);
  const body = await call.readBody(emulator.settings.limits.messageBytesMax);
  const destination = destinationOf(rawTail);
  const { spec } = prepare(emulator, call, { destination, headers, body });
  const delayMs = spec.notBeforeMs - spec.createdAtMs;
  await emulator.schedules.upsert({ id, cron, spec, body, delayMs });
  return ok({ scheduleId: id });
}
