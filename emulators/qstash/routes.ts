import type { Emulator } from "./emulator.js";
import { type Call, notFound, ok, type Reply } from "./http.js";
import { shownDeadMessage, shownMessage } from "./message.js";
import { readOverrides } from "./publish-request.js";
import { findMessage, listDead, listLogs, waitListSize } from "./queries.js";

/** What a route is given: the pieces of the path that its pattern left open, decoded. */
type Route = (emulator: Emulator, call: Call, ...parts: string[]) => Promise<Reply>;

const only = (name: string, value: string): URLSearchParams => new URLSearchParams([[name, value]]);

const getMessage: Route = async (emulator, _call, id) => {
  const message = await findMessage(emulator.store.pool, id ?? "");
  return message === null ? notFound("message") : ok(shownMessage(message));
};

const cancelMessage: Route = async (emulator, _call, id) => {
  const cancelled = await emulator.cancel(only("messageIds", id ?? ""));
  return cancelled === 0 ? notFound("message") : ok({ cancelled });
};

const cancelMessages: Route = async (emulator, call) =>
  ok({ cancelled: await emulator.cancel(call.query) });

const listDlq: Route = async (emulator, call) => {
  const { dead, cursor } = await listDead(emulator.store.pool, call.query);
  return ok({ messages: dead.map(shownDeadMessage), cursor });
};

const getDead: Route = async (emulator, _call, id) => {
  const { dead } = await listDead(emulator.store.pool, only("dlqIds", id ?? ""));
  return dead[0] === undefined ? notFound("dlq message") : ok(shownDeadMessage(dead[0]));
};

const deleteDead: Route = async (emulator, _call, id) => {
  const { deleted } = await emulator.deleteDead(only("dlqIds", id ?? ""));
  return deleted === 0 ? notFound("dlq message") : ok({ deleted });
};

const deleteManyDead: Route = async (emulator, call) => ok(await emulator.deleteDead(call.query));

async function retryDead(emulator: Emulator, call: Call, query: URLSearchParams): Promise<Reply> {
  const { messageIds, cursor } = await emulator.retryDead(query, readOverrides(call.headers));
  // An empty cursor, not an absent one, ends the list here; the SDK turns it into undefined.
  const responses = messageIds.map((messageId) => ({ messageId }));
  return { status: 201, body: { cursor: cursor ?? "", responses } };
}

const retryManyDead: Route = (emulator, call) => retryDead(emulator, call, call.query);

const retryOneDead: Route = async (emulator, call, id) => {
  const query = only("dlqIds", id ?? "");
  const { dead } = await listDead(emulator.store.pool, query);
  return dead.length === 0 ? notFound("dlq message") : retryDead(emulator, call, query);
};

const listSchedules: Route = async (emulator) => ok(await emulator.schedules.list());

const getSchedule: Route = async (emulator, _call, id) => {
  const [schedule] = await emulator.schedules.list(id ?? "");
  return schedule === undefined ? notFound("schedule") : ok(schedule);
};

const removeSchedule: Route = async (emulator, _call, id) => {
  await emulator.schedules.remove(id ?? "");
  return ok({ scheduleId: id });
};

const pauseSchedule =
  (paused: boolean): Route =>
  async (emulator, _call, id) => {
    const exists = await emulator.schedules.setPaused(id ?? "", paused);
    return exists ? ok({ scheduleId: id, isPaused: paused }) : notFound("schedule");
  };

async function shownFlow(emulator: Emulator, key: string) {
  const nowMs = emulator.clock.now();
  const { pool } = emulator.store;
  return emulator.flow.shown(key, nowMs, await waitListSize(pool, key, nowMs));
}

const listFlow: Route = async (emulator) =>
  ok(await Promise.all(emulator.flow.keys().map((key) => shownFlow(emulator, key))));

const getFlow: Route = async (emulator, _call, key = "") =>
  emulator.flow.has(key) ? ok(await shownFlow(emulator, key)) : notFound("flow control key");

/** Changes one key and keeps it. Acting on a key that no message has named yet is allowed. */
const changeFlow =
  (change: (emulator: Emulator, key: string, query: URLSearchParams) => void): Route =>
  async (emulator, call, key = "") => {
    change(emulator, key, call.query);
    await emulator.saveFlow(key);
    return ok(await shownFlow(emulator, key));
  };

function pinOf(query: URLSearchParams) {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
  };
  const [parallelism, rate, period] = [number("parallelism"), number("rate"), number("period")];
  return {
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(rate === undefined ? {} : { rate }),
    ...(period === undefined ? {} : { periodMs: period * 1_000 }),
  };
}

const logsAs =
  (name: "events" | "logs"): Route =>
  async (emulator, call) => {
    const { logs, cursor } = await listLogs(emulator.store.pool, call.query);
    return ok({ [name]: logs, cursor });
  };

const getKeys: Route = async (emulator) => ok(emulator.keys);
const rotateKeys: Route = async (emulator) => ok(await emulator.rotateKeys());

const globalParallelism: Route = async (emulator) =>
  ok({
    parallelismMax: emulator.settings.parallelismMax,
    parallelismCount: emulator.dispatcher.inFlight,
  });

/** Methods and paths below /v2/, `*` standing for one segment; publishing has routes of its own. */
export const ROUTES: Readonly<Record<string, Route>> = {
  "GET messages/*": getMessage,
  "DELETE messages/*": cancelMessage,
  "DELETE messages": cancelMessages,
  "GET dlq": listDlq,
  "GET dlq/*": getDead,
  "DELETE dlq/*": deleteDead,
  "DELETE dlq": deleteManyDead,
  "POST dlq/retry": retryManyDead,
  "POST dlq/retry/*": retryOneDead,
  "GET schedules": listSchedules,
  "GET schedules/*": getSchedule,
  "DELETE schedules/*": removeSchedule,
  // The SDK sends PATCH, the documentation says POST.
  "PATCH schedules/*/pause": pauseSchedule(true),
  "POST schedules/*/pause": pauseSchedule(true),
  "PATCH schedules/*/resume": pauseSchedule(false),
  "POST schedules/*/resume": pauseSchedule(false),
  "GET flowControl": listFlow,
  "GET flowControl/*": getFlow,
  "POST flowControl/*/pause": changeFlow(({ flow }, key) => flow.setPaused(key, true)),
  "POST flowControl/*/resume": changeFlow(({ flow }, key) => flow.setPaused(key, false)),
  "POST flowControl/*/resetRate": changeFlow(({ flow }, key) => flow.resetRate(key)),
  "POST flowControl/*/pin": changeFlow(({ flow }, key, query) => flow.pin(key, pinOf(query))),
  "POST flowControl/*/unpin": changeFlow(({ flow }, key, query) =>
    flow.unpin(key, {
      parallelism: query.get("parallelism") === "true",
      rate: query.get("rate") === "true",
    }),
  ),
  "GET globalParallelism": globalParallelism,
  "GET events": logsAs("events"),
  "GET logs": logsAs("logs"),
  "GET keys": getKeys,
  "POST keys/rotate": rotateKeys,
};
