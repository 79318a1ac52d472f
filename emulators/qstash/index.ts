import type { AddressInfo } from "node:net";
import { type BaseClock, type ClockChange, systemClock } from "./clock.js";
import { type Log, openDatabase } from "./database.js";
import { Emulator, type EmulatorState } from "./emulator.js";
import { type ActiveFault, type FaultInput, FaultSchema } from "./faults.js";
import type { Limits } from "./publish-request.js";
import { createQstashServer } from "./server.js";

export type { BaseClock, ClockChange } from "./clock.js";
export type { EmulatorState } from "./emulator.js";
export type { ActiveFault, FaultInput } from "./faults.js";

/** The free plan's figures, the narrowest: what works here works on any plan. */
const FREE_PLAN: Limits & { parallelism: number } = {
  messageBytesMax: 1024 * 1024,
  delayMaxMs: 7 * 86_400_000,
  responseWaitMaxMs: 15 * 60_000,
  parallelism: 10,
};

const CLOSE_GRACE_MS = 3_000;
const LOCK_WAIT_MS = 15_000;

export interface QstashEmulatorOptions {
  /** Its role must be allowed to create the schema `qstash_emulator`. */
  databaseUrl: string;
  /** 0 or absent: any free one. */
  port?: number;
  host?: string;
  token: string;
  currentSigningKey: string;
  nextSigningKey: string;
  /** What the emulated clock is derived from, and what signatures are dated by. */
  clock?: BaseClock;
  /** Calls in flight over all destinations. */
  maxParallelism?: number;
  limits?: Partial<Limits>;
  /** Sent as `Upstash-Region`. */
  region?: string;
  /** How long calls in flight may run on after close(); 3 s. */
  closeGraceMs?: number;
  /** How long to wait for a killed predecessor's lock on the database to fall; 15 s. */
  lockWaitMs?: number;
  log?: Log;
}

export interface QstashEmulator {
  readonly url: string;
  readonly port: number;
  /** Ends calls in flight after a grace; what was not finished is delivered next time. */
  close(): Promise<void>;
  state(): Promise<EmulatorState>;
  /** Resolves at rest (nothing due, nothing in flight); throws after the real time given. */
  waitForRest(timeoutMs?: number): Promise<EmulatorState>;
  setClock(
    change: ClockChange & { signByEmulatedTime?: boolean },
  ): Promise<ReturnType<Emulator["clockState"]>>;
  resetClock(): Promise<void>;
  /** Milliseconds of the emulated clock. */
  now(): number;
  addFault(fault: FaultInput): ActiveFault;
  clearFaults(): void;
  faults(): ActiveFault[];
  /** Makes every delayed message due. */
  flush(): Promise<number>;
  /** To be called when an injected clock has moved. */
  wake(): void;
}

/**
 * A local QStash that keeps what it accepts: messages, DLQ, schedules, deduplication window and
 * log live in Postgres, and a 2xx is given only after the commit.
 *
 * @throws when the database is unreachable, another emulator works on it, or the port is taken.
 */
export async function startQstashEmulator(options: QstashEmulatorOptions): Promise<QstashEmulator> {
  const log = options.log ?? (() => undefined);
  const host = options.host ?? "127.0.0.1";
  const database = await openDatabase(options.databaseUrl, options.lockWaitMs ?? LOCK_WAIT_MS, log);
  const emulator = await Emulator.open(database, {
    signingKeys: { current: options.currentSigningKey, next: options.nextSigningKey },
    baseClock: options.clock ?? systemClock,
    parallelismMax: options.maxParallelism ?? FREE_PLAN.parallelism,
    limits: { ...FREE_PLAN, ...options.limits },
    region: options.region ?? "EU-CENTRAL-1",
    log,
  }).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const server = createQstashServer(emulator, options.token, log);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, host, resolve);
    });
  } catch (error) {
    await emulator.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const graceMs = options.closeGraceMs ?? CLOSE_GRACE_MS;
  const stop = async () => {
    await emulator.endDeliveries(graceMs); // whoever works on one may publish what follows from it
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
    await emulator.close();
  };
  let closing: Promise<void> | null = null;
  return {
    url: `http://${host}:${port}`,
    port,
    close: () => {
      closing ??= stop();
      return closing;
    },
    ...controls(emulator),
  };
}

function controls(emulator: Emulator): Omit<QstashEmulator, "url" | "port" | "close"> {
  return {
    state: () => emulator.state(),
    waitForRest: async (timeoutMs = 10_000) => {
      const state = await emulator.waitForRest(timeoutMs);
      if (!state.atRest) throw new Error(`QStash emulator not at rest: ${JSON.stringify(state)}`);
      return state;
    },
    setClock: (change) => emulator.changeClock(change),
    resetClock: async () => {
      await emulator.resetClock();
    },
    now: () => emulator.clock.now(),
    addFault: (fault) => emulator.faults.add(FaultSchema.parse(fault)),
    clearFaults: () => {
      emulator.faults.remove();
    },
    faults: () => emulator.faults.list(),
    flush: () => emulator.flush(),
    wake: () => {
      emulator.dispatcher.refresh();
      emulator.schedules.wake();
    },
  };
}
