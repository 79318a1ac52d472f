import { randomUUID } from "node:crypto";
import { setImmediate as immediately, setTimeout as wait } from "node:timers/promises";
import { Transient } from "../../src/domain/errors.js";
import type { ChannelId } from "../../src/domain/notice.js";
import type { OutboxRow } from "../../src/domain/outbox.js";
import { Secret } from "../../src/domain/secret.js";
import { MINUTE_MS } from "../../src/domain/time.js";
import { type RunEventDeps, runEvent } from "../../src/handlers/run-event.js";
import { deliveryOf } from "../../src/operations/delivery-of.js";
import { createRelay, sweepOutbox } from "../../src/operations/relay-outbox.js";
import { sweepTimers } from "../../src/operations/run-timer.js";
import type { Policy } from "../../src/policy/schema.js";
import type { Publisher } from "../../src/queues/publish.js";
import { createIds } from "../../src/runtime/ids.js";
import { incidentParts } from "../../src/runtime/incident-parts.js";
import { createWorkers } from "../../src/runtime/workers.js";
import { sourceById } from "../../src/sources/registry.js";
import type { Database } from "../../src/store/database.js";
import type { Random } from "../faults/random.js";
import type { Recorder } from "./recorder.js";

/** What goes wrong, and how often: shares of 1. */
export interface Faults {
  late: number;
  lost: number;
  doubled: number;
  crash: number;
  /** Nobody calls the sweeps from, to. */
  noSweeps: readonly { from: number; to: number }[];
  channels: readonly {
    channel: ChannelId;
    from: number;
    to: number;
    how: "down" | "refuses" | "mute";
  }[];
}
export const NO_FAULTS: Faults = {
  late: 0,
  lost: 0,
  doubled: 0,
  crash: 0,
  noSweeps: [],
  channels: [],
};

/** Something that will be done at its moment, by whoever's turn it is. */
export interface Item {
  at: number;
  name: string;
  run(): Promise<void>;
}

/** The process ended in the middle of something: what it had begun is not finished, and nothing of it goes on. */
export class Crash extends Error {}

/** The share of statements before which others get far. */
const SLOW = 0.08;

/** The moment of a statement's begin, or of something that was seen; they count up. */
export type Tick = number;

/** One call of the real parts in a process of its own, which may end anywhere. */
interface Process {
  database: Database;
  /** Begin of the last statement that wrote. */
  wroteAt(): Tick;
  /** Nothing that it would do outside the database happens any more. */
  guard(): void;
}

/** The app's own parts on a real database, with a clock and a queue that the test moves. */
export class World {
  now = 0;
  faults: Faults = NO_FAULTS;
  readonly items: Item[] = [];
  /** Begin of the reserve, by notice, of each call that a channel got. */
  readonly reserves: { noticeId: string; began: Tick; at: number }[] = [];
  /** Begin of the statement that took each step. */
  readonly taken: { incidentId: string; step: string; began: Tick; at: number }[] = [];
  /** Those that came to their end. */
  readonly sweeps: { at: number; began: Tick; ended: Tick }[] = [];
  readonly troubles: string[] = [];
  readonly counts = {
    events: 0,
    timers: 0,
    notices: 0,
    sweeps: 0,
    crashes: 0,
    late: 0,
    lost: 0,
    doubled: 0,
  };
  readonly #database: Database;
  readonly #recorder: Recorder;
  readonly #policy: Policy;
  readonly #random: Random;
  readonly #clock = { now: () => this.now };
  readonly #ids = createIds(this.#clock);
  readonly #log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  #tick = 0;

  constructor(o: { database: Database; recorder: Recorder; policy: Policy; random: Random }) {
    this.#database = o.database;
    this.#recorder = o.recorder;
    this.#policy = o.policy;
    this.#random = o.random;
  }

  tick(): Tick {
    this.#tick += 1;
    return this.#tick;
  }

  schedule(at: number, name: string, run: () => Promise<void>): void {
    this.items.push({ at, name, run });
  }

  /** What an operation of a person needs; people's own processes do not crash here. */
  acting() {
    const process = this.#process(0);
    return {
      database: process.database,
      clock: this.#clock,
      ids: this.#ids,
      relay: this.#relay(process),
    };
  }

  /** A provider's event, as its worker gets it. */
  async event(source: string, body: object, retried = 0): Promise<void> {
    this.counts.events += 1;
    const found = sourceById(source);
    if (found === undefined) throw new Error(`no source ${source}`);
    const made = await deliveryOf(found, body, "TEST", { clock: this.#clock, ids: this.#ids });
    const process = this.#process();
    const { database } = process;
    const deps: RunEventDeps = {
      database,
      ...{ clock: this.#clock, ids: this.#ids, log: this.#log, policy: this.#policy },
      ...{ sourceById, ours: new Set<string>(), gatewayOf: () => undefined },
    };
    const run = { ...made, attemptId: `${randomUUID()}:0`, startedAt: this.now };
    await this.#tried(
      `event of ${source}`,
      retried,
      async () => {
        const result = await runEvent(run, deps);
        if (result.died !== undefined) this.troubles.push(`an event died of ${result.died.code}`);
        await this.#relay(process)(result.outbox);
      },
      () => this.event(source, body, retried + 1),
    );
  }

  /** What the minutes' cron does. A sweep that did not end is none. */
  async sweep(): Promise<void> {
    this.counts.sweeps += 1;
    const at = this.now;
    const began = this.tick();
    const process = this.#process();
    try {
      await sweepTimers(this.#timerDeps(process));
      this.sweeps.push({ at, began, ended: this.tick() });
      await sweepOutbox(this.#outboxDeps(process));
    } catch (error) {
      if (error instanceof Crash || error instanceof Transient) return;
      throw error;
    }
  }

  /** The next moment at which a sweep would find anything; null when nothing waits. */
  async nextOverdue(): Promise<number | null> {
    const [row] = (
      await this.#database.pool.query(
        `SELECT extract(epoch FROM least((SELECT min(due_at) FROM outbox),
           (SELECT min(due_at) FROM timer WHERE status = 'waiting'))) * 1000 AS at`,
      )
    ).rows;
    return row?.at === null ? null : Number(row?.at);
  }

  #timerDeps(process: Process) {
    const { database } = process;
    const relay = this.#relay(process);
    const channels = this.#channels(process);
    const core = {
      database,
      channels,
      clock: this.#clock,
      ids: this.#ids,
      relay,
      policy: this.#policy,
    };
    const secrets = [new Secret("UNSUBSCRIBE_SECRET", "a-secret-of-the-simulation")];
    const none = () => Promise.resolve();
    return {
      ...core,
      ...incidentParts({ ...core, links: { publicBaseUrl: "https://signalbox.test", secrets } }),
      ...{ checkDeployment: none, tellOfLockdown: none },
    };
  }

  #outboxDeps(process: Process) {
    const { database } = process;
    return {
      ...{ database, clock: this.#clock, log: this.#log, publisher: this.#publisher(process) },
      buryNotice: () => Promise.reject(new Error("the queue here refuses nothing")),
      reopenReplay: () => Promise.reject(new Error("the queue here refuses nothing")),
    };
  }

  /** The channels' services are told what a process had written before it called them. */
  #channels(process: Process) {
    const { channels } = this.#recorder;
    const told = Object.values(channels).map((channel) => ({
      ...channel,
      send: async (call: Parameters<typeof channel.send>[0]) => {
        process.guard();
        this.reserves.push({
          noticeId: String(call.payload.noticeId),
          began: process.wroteAt(),
          at: this.now,
        });
        return channel.send(call);
      },
    }));
    return Object.fromEntries(told.map((one) => [one.id, one])) as typeof channels;
  }

  #relay(process: Process) {
    const relay = createRelay({ publisher: this.#publisher(process), log: this.#log });
    return async (rows: readonly OutboxRow[]) => {
      process.guard();
      await relay(rows);
    };
  }

  #publisher(process: Process): Publisher {
    return {
      publishDelivery: () => Promise.reject(new Error("nothing is posted here")),
      republish: () => Promise.reject(new Error("nothing is posted here")),
      publishOutbox: async (rows) => {
        process.guard();
        for (const row of rows) this.#publish(row);
      },
    };
  }

  /** The queue keeps what it took, but not always the time, nor the number. */
  #publish({ id, message }: Pick<OutboxRow, "id" | "message">): void {
    const { late, lost, doubled } = this.faults;
    const random = this.#random;
    if (random.next() < lost) {
      this.counts.lost += 1;
      return;
    }
    const due = message.type === "timer.due.v1" ? Math.max(this.now, message.dueAt) : this.now;
    let at = due + random.integer(2_000);
    if (random.next() < late) {
      this.counts.late += 1;
      at += random.integer(message.type === "timer.due.v1" ? 480 : 40) * MINUTE_MS;
    }
    const body = { ...message, outboxId: id };
    this.#enqueue(at, body, 0);
    if (random.next() < doubled) {
      this.counts.doubled += 1;
      this.#enqueue(at + random.integer(180) * MINUTE_MS, body, 0);
    }
  }

  #enqueue(at: number, body: OutboxRow["message"], retried: number): void {
    this.schedule(at, body.type, () => this.#consume(body, retried));
  }

  async #consume(body: OutboxRow["message"], retried: number): Promise<void> {
    const isTimer = body.type === "timer.due.v1";
    this.counts[isTimer ? "timers" : "notices"] += 1;
    const process = this.#process();
    const deps = this.#timerDeps(process);
    const workers = createWorkers({
      ...deps,
      ...{
        log: this.#log,
        sourceById,
        ours: new Set<string>(),
        queueTokens: [],
        tellsPlatform: false,
      },
      ...{ gatewayOf: () => undefined, sweepDead: () => Promise.resolve() },
      kv: {} as Parameters<typeof createWorkers>[0]["kv"],
    });
    const message = {
      messageId: randomUUID(),
      retried,
      headers: new Headers(),
      body: new TextEncoder().encode(JSON.stringify(body)),
      startedAt: this.now,
    };
    const work = async (): Promise<void> => {
      await workers[isTimer ? "timers" : "notifications"](message);
    };
    await this.#tried(body.type, retried, work, () => this.#consume(body, retried + 1));
  }

  /** As the queue does: what failed for now comes again later. A crash looks to it like no answer. */
  async #tried(
    name: string,
    retried: number,
    work: () => Promise<void>,
    again: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      const isForNow = error instanceof Crash || error instanceof Transient;
      if (!isForNow) {
        this.troubles.push(`${name} fails: ${(error as Error).stack}`);
        return;
      }
      const asked = error instanceof Transient ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
      const wait = Math.max(asked, Math.min(60 * MINUTE_MS, 12_000 * 2 ** retried));
      this.schedule(this.now + wait, name, again);
    }
  }

  /** A statement takes its time, and what others do comes between. */
  async #dawdle(): Promise<void> {
    const random = this.#random;
    if (random.next() < SLOW) await wait(2 + random.integer(12));
    for (let turns = random.integer(4); turns > 0; turns -= 1) await immediately();
  }

  /** A plan travels as JSON; the steps that it took are in it. */
  #noteSteps(parameter: unknown, began: Tick): void {
    if (typeof parameter !== "string" || !parameter.includes('"incidentStep"')) return;
    const { inserts } = JSON.parse(parameter) as {
      inserts: { incidentStep?: { incidentId: string; step: string; takenAt: number }[] };
    };
    for (const { incidentId, step, takenAt } of inserts.incidentStep ?? []) {
      this.taken.push({ incidentId, step, began, at: takenAt });
    }
  }

  /** A process that may end before or after any of its statements, and whose statements take their time. */
  #process(crash = this.faults.crash): Process {
    const random = this.#random;
    const base = this.#database;
    let left = random.next() < crash ? 1 + random.integer(6) : Number.POSITIVE_INFINITY;
    let wroteAt = 0;
    const guard = (): void => {
      if (left <= 0) throw new Crash("the process has ended");
    };
    const count = (): void => {
      guard();
      left -= 1;
      if (left > 0) return;
      this.counts.crashes += 1;
      throw new Crash("the process ends here");
    };
    const database: Database = {
      ...base,
      query: async (text, values) => {
        count();
        await this.#dawdle();
        if (text.startsWith("WITH")) wroteAt = this.tick();
        const began = wroteAt;
        const rows = await base.query(text, values);
        this.#noteSteps(values[0], began);
        count();
        return rows as never;
      },
    };
    return { database, wroteAt: () => wroteAt, guard };
  }
}
