import type { Open } from "./lane.js";

/** Loaded by name, so that a lane's process holds nothing of the others. */
export const LANES: Readonly<Record<string, () => Promise<Open>>> = {
  sink: async () => (await import("../door/sink.js")).openSink,
  load: async () => (await import("../door/load.js")).openLoad,
  "door on Node": async () => (await import("../door/ours.js")).openNodeDoor,
  "door with fetch": async () => (await import("../door/ours.js")).openFetchDoor,
  "bare Hono, verifies": async () => (await import("../door/bare.js")).openBareDoor,
  "plain way": async () => (await import("../door/plain.js")).openPlainDoor,
  "our event": async () => (await import("../worker/ours.js")).openRun,
  "our worker": async () => (await import("../worker/ours.js")).openConsume,
  "stripe-sync-engine": async () => (await import("../worker/peers.js")).openSyncEngine,
  "insert with body": async () => (await import("../worker/peers.js")).openInsertWithBody,
  "bare insert": async () => (await import("../worker/peers.js")).openBareInsert,
};
