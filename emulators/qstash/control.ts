import { z } from "zod";
import type { Emulator } from "./emulator.js";
import { FaultSchema } from "./faults.js";
import { type Call, notFound, ok, type Reply } from "./http.js";
import { BadRequest } from "./publish-request.js";

const CONTROL_BYTES_MAX = 1024 * 1024;
const REST_WAIT_MAX_MS = 120_000;

const ClockChangeSchema = z.strictObject({
  scale: z.number().positive().optional(),
  freeze: z.boolean().optional(),
  advanceMs: z.number().min(0).optional(),
  signByEmulatedTime: z.boolean().optional(),
});

const FaultsSchema = z.union([FaultSchema, z.array(FaultSchema).min(1)]);

async function readJson<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
  const text = (await call.readBody(CONTROL_BYTES_MAX)).toString("utf8");
  let json: unknown;
  try {
    json = JSON.parse(text === "" ? "{}" : text);
  } catch (error) {
    throw new BadRequest(`invalid JSON: ${String(error)}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new BadRequest(z.prettifyError(parsed.error));
  return parsed.data;
}

function ranged<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new BadRequest(error.message);
    throw error;
  }
}

async function changeClock(emulator: Emulator, call: Call): Promise<Reply> {
  const { scale, freeze, advanceMs, signByEmulatedTime } = await readJson(call, ClockChangeSchema);
  const change = {
    ...(scale === undefined ? {} : { scale }),
    ...(freeze === undefined ? {} : { freeze }),
    ...(advanceMs === undefined ? {} : { advanceMs }),
    ...(signByEmulatedTime === undefined ? {} : { signByEmulatedTime }),
  };
  try {
    return ok(await emulator.changeClock(change));
  } catch (error) {
    if (error instanceof RangeError) throw new BadRequest(error.message);
    throw error;
  }
}

async function addFaults(emulator: Emulator, call: Call): Promise<Reply> {
  const faults = await readJson(call, FaultsSchema);
  const list = Array.isArray(faults) ? faults : [faults];
  return ok({ faults: ranged(() => list.map((fault) => emulator.faults.add(fault))) });
}

async function state(emulator: Emulator, call: Call): Promise<Reply> {
  const waitMs = Number(call.query.get("waitMs") ?? "0");
  if (!(waitMs >= 0 && waitMs <= REST_WAIT_MAX_MS)) throw new BadRequest("invalid waitMs");
  return ok(waitMs > 0 ? await emulator.waitForRest(waitMs) : await emulator.state());
}

/** /_emulator/…: what the real service does not have; see README.md. */
export async function control(emulator: Emulator, call: Call): Promise<Reply> {
  const [, name = "", id] = call.path.slice("/".length).split("/");
  switch (`${call.method} ${name}`) {
    case "GET clock":
      return ok(emulator.clockState());
    case "POST clock":
      return changeClock(emulator, call);
    case "DELETE clock":
      return ok(await emulator.resetClock());
    case "GET faults":
      return ok({ faults: emulator.faults.list() });
    case "POST faults":
      return addFaults(emulator, call);
    case "DELETE faults":
      return ok({ removed: emulator.faults.remove(id) });
    case "GET state":
      return state(emulator, call);
    case "POST flush":
      return ok({ flushed: await emulator.flush() });
    default:
      return notFound("route");
  }
}
