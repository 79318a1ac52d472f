import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createEmulator, defineEmulator, type EmulatorContext } from "emulate";
import { z } from "zod";
import { createFaults, type Fault, type FaultInput, FaultSchema, type Faults } from "./faults.js";
import { type Answer, fromAnswer, listen, toAnswer } from "./http.js";
import { openStore, type Store } from "./store.js";
import {
  type AdvanceableClock,
  advanceableClock,
  type Clock,
  type Ids,
  randomIds,
} from "./time.js";

export interface VendorOptions {
  /** Folder that keeps what was accepted; without it everything is gone at close. */
  dataDir?: string | undefined;
  /** 0 or nothing: any free port of 127.0.0.1. */
  port?: number | undefined;
  clock?: Clock | undefined;
  ids?: Ids | undefined;
}

/** One request to the vendor's API, refused ones included; the last 1,000 are held in memory. */
export interface SeenRequest {
  at: number;
  method: string;
  path: string;
  body: string;
  /** Null while it runs, when it hangs, and when the answer was dropped. */
  status: number | null;
  fault: Fault["kind"] | null;
}

/** What every running emulator offers beside its vendor's API. */
export interface Vendor {
  url: string;
  port: number;
  /** The next requests go wrong; see `FaultSchema`. Also POST and DELETE /_emulator/faults. */
  fault(fault: FaultInput): void;
  clearFaults(): void;
  /** Moves the emulator's clock forward. Also POST /_emulator/clock `{advanceMs}`. */
  advance(ms: number): void;
  /** Sets the emulator's clock, or stops and starts it. Also POST /_emulator/clock `{setMs?, frozen?}`. */
  setClock(order: ClockOrder): void;
  /** The emulator's clock: milliseconds since 1970. */
  now(): number;
  /** Forgets everything, on disk too. Also POST /_emulator/reset. */
  reset(): void;
  /** Oldest first. Also GET /_emulator/requests. */
  requests(): SeenRequest[];
  /** The same API without a socket, faults included; for SDKs that take a `fetch`. */
  fetch: typeof fetch;
  close(): Promise<void>;
}

/** What a vendor's `setup` builds on. */
export interface Kit {
  app: EmulatorContext<object>["app"];
  store: Store;
  clock: AdvanceableClock;
  ids: Ids;
  baseUrl: string;
  onDispose(callback: () => void | Promise<void>): void;
  /** Runs after a reset and after the clock was moved. */
  onChange(callback: (what: "reset" | "clock") => void): void;
  /** To be awaited where the work would take its time: lasts as long as a `delay` fault says. */
  processing(): Promise<void>;
  /** True when the answer to the request in hand is going to be lost or replaced. */
  answerLost(): boolean;
  /** POST /_emulator/<path>: input checked by `schema`, 400 with a text that says what was wrong. */
  control<T>(path: string, schema: z.ZodType<T>, run: (input: T, id: string) => unknown): void;
}

export interface VendorDefinition<Api> {
  name: string;
  /** Paths of the vendor's API: these are recorded, and faults hit only these. */
  api: RegExp;
  /** The vendor's own error body for a `status` fault. */
  faultAnswer(fault: Fault): Answer;
  setup(kit: Kit): Api;
}

/** Applied in this order: set, then stop or start, then advance. */
const ClockOrderSchema = z.strictObject({
  setMs: z.int().nonnegative().optional(),
  frozen: z.boolean().optional(),
  advanceMs: z.int().nonnegative().optional(),
});

export type ClockOrder = z.infer<typeof ClockOrderSchema>;

const REQUESTS_MAX = 1000;
const BODY_BYTES_MAX = 50 * 1024 * 1024;

/**
 * Serves one vendor on 127.0.0.1. What a request changed is in the journal before its answer leaves.
 * @returns the vendor's own accessors with the common ones.
 */
export async function startVendor<Api extends object>(
  definition: VendorDefinition<Api>,
  options: VendorOptions,
): Promise<Api & Vendor> {
  const core = openCore(definition, options);
  const { store, clock, faults, inFlight } = core;
  let handle = async (_: Request): Promise<Response> => new Response("starting", { status: 503 });
  const listening = { port: options.port ?? 0, bodyBytesMax: BODY_BYTES_MAX, now: clock.now };
  const respond = async (request: Request, body: Buffer): Promise<Answer | "hang" | "drop"> => {
    const { fault, seen } = core.observe(request, body);
    const answer = await answerWith(fault, definition.faultAnswer, async () => {
      const done = await toAnswer(await inFlight.run(fault, () => handle(request)));
      store.commit();
      return done;
    });
    if (seen !== null && typeof answer === "object") seen.status = answer.status;
    return answer;
  };
  const server = await listen(listening, respond);

  let api: Api | undefined;
  const emulator = defineEmulator<object>({
    name: definition.name,
    cors: false,
    state: () => ({}),
    setup: ({ app, signal, onDispose }) => {
      const kit: Kit = {
        app,
        store,
        clock,
        ids: options.ids ?? randomIds,
        baseUrl: server.url,
        onDispose,
        onChange: (callback) => core.changes.push(callback),
        processing: async () => {
          const fault = inFlight.getStore();
          if (fault?.kind === "delay") await sleep(fault.delayMs, undefined, { signal });
        },
        answerLost: () => inFlight.getStore()?.when === "after",
        control: (path, schema, run) => addControl(app, path, schema, run),
      };
      addCommonControls(kit, core);
      api = definition.setup(kit);
      store.commit();
    },
  });
  const runtime = await createEmulator({ service: emulator, listen: false, baseUrl: server.url });
  if (api === undefined) throw new Error(`${definition.name}: setup did not run`);
  handle = (request) => runtime.fetch(request);

  return Object.assign(api, {
    url: server.url,
    port: server.port,
    fault: faults.add,
    clearFaults: faults.clear,
    advance: (advanceMs) => core.setClock({ advanceMs }),
    setClock: core.setClock,
    now: core.clock.now,
    reset: core.reset,
    requests: core.requests,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const body = Buffer.from(await request.clone().arrayBuffer());
      const answer = await respond(request, body);
      if (typeof answer === "object") return fromAnswer(answer, clock.now());
      if (answer === "hang") await once(request.signal, "abort");
      throw new TypeError("fetch failed");
    },
    close: async () => {
      await server.close();
      await runtime.close();
      store.close();
    },
  } satisfies Vendor);
}

interface Core {
  store: Store;
  clock: AdvanceableClock;
  faults: Faults;
  /** The fault of the request in hand. */
  inFlight: AsyncLocalStorage<Fault | null>;
  changes: ((what: "reset" | "clock") => void)[];
  observe(request: Request, body: Buffer): { fault: Fault | null; seen: SeenRequest | null };
  requests(): SeenRequest[];
  reset(): void;
  setClock(order: ClockOrder): void;
}

function openCore(definition: VendorDefinition<object>, options: VendorOptions): Core {
  const { dataDir } = options;
  const store = openStore(dataDir === undefined ? null : join(dataDir, `${definition.name}.jsonl`));
  const clock = advanceableClock(options.clock ?? { now: () => Date.now() }, store);
  const faults = createFaults();
  const changes: Core["changes"] = [];
  let requests: SeenRequest[] = [];
  return {
    store,
    clock,
    faults,
    inFlight: new AsyncLocalStorage<Fault | null>(),
    changes,
    observe(request, body) {
      const path = new URL(request.url).pathname;
      const { method } = request;
      if (!definition.api.test(path)) return { fault: null, seen: null };
      const fault = faults.take(method, path);
      const seen: SeenRequest = {
        at: clock.now(),
        method,
        path,
        body: body.toString("utf8"),
        status: null,
        fault: fault?.kind ?? null,
      };
      requests.push(seen);
      if (requests.length > REQUESTS_MAX) requests.shift();
      return { fault, seen };
    },
    requests: () => structuredClone(requests),
    reset() {
      store.clear();
      faults.clear();
      requests = [];
      for (const changed of changes) changed("reset");
      store.commit();
    },
    setClock({ setMs, frozen, advanceMs }) {
      if (setMs !== undefined) clock.set(setMs);
      if (frozen === true) clock.freeze();
      if (frozen === false) clock.thaw();
      if (advanceMs !== undefined) clock.advance(advanceMs);
      for (const changed of changes) changed("clock");
      store.commit();
    },
  };
}

async function answerWith(
  fault: Fault | null,
  faultAnswer: (fault: Fault) => Answer,
  work: () => Promise<Answer>,
): Promise<Answer | "hang" | "drop"> {
  if (fault === null || fault.kind === "delay") return work();
  if (fault.when === "after") await work();
  return fault.kind === "status" ? faultAnswer(fault) : fault.kind;
}

function addControl<T>(
  app: Kit["app"],
  path: string,
  schema: z.ZodType<T>,
  run: (input: T, id: string) => unknown,
): void {
  app.post(`/_emulator/${path}`, async (c) => {
    const text = await c.req.text();
    let input: T;
    try {
      input = schema.parse(text === "" ? {} : JSON.parse(text));
    } catch (error) {
      const message = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      return c.json({ error: { message } }, 400);
    }
    return c.json((await run(input, c.req.param("id"))) ?? { ok: true });
  });
}

function addCommonControls(kit: Kit, core: Core): void {
  const { app, clock } = kit;
  kit.control("faults", FaultSchema, (fault) => core.faults.add(fault));
  app.get("/_emulator/faults", (c) => c.json({ faults: core.faults.list() }));
  app.delete("/_emulator/faults", (c) => {
    core.faults.clear();
    return c.json({ ok: true });
  });
  app.get("/_emulator/clock", (c) => c.json({ now: clock.now() }));
  kit.control("clock", ClockOrderSchema, (order) => {
    core.setClock(order);
    return { now: clock.now() };
  });
  kit.control("reset", z.strictObject({}), () => core.reset());
  app.get("/_emulator/requests", (c) => c.json({ requests: core.requests() }));
}
