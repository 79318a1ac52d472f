import type { Ids } from "../../src/domain/ids.js";
import type { RunEventDeps } from "../../src/handlers/run-event.js";
import { presetOf } from "../../src/policy/presets/index.js";
import { systemClock } from "../../src/runtime/clock.js";
import { createPinoLog } from "../../src/runtime/pino-log.js";
import { sourceById } from "../../src/sources/registry.js";
import type { Database } from "../../src/store/database.js";

/** What a worker's run needs, as the root builds it, with the log quiet and no gateway to ask. */
export const runDepsOf = (database: Database, ids: Ids): RunEventDeps => ({
  database,
  clock: systemClock,
  ids,
  log: createPinoLog(systemClock, "error", undefined),
  sourceById,
  ours: new Set(),
  policy: presetOf("runbook"),
  gatewayOf: () => undefined,
});
