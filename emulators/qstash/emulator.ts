import { type BaseClock, type ClockChange, type ClockState, EmulatorClock } from "./clock.js";
import { type Database, inTransaction, type Log } from "./database.js";
import { Courier } from "./delivery.js";
import { Dispatcher } from "./dispatcher.js";
import { Faults } from "./faults.js";
import { FlowControl } from "./flow-control.js";
import { newMessageId, newSigningKey } from "./ids.js";
import type { FlowValue, MessageSpec, NewMessage } from "./message.js";
import type { Limits } from "./publish-request.js";
import { cancelMessages, countRows, takeDead } from "./queries.js";
import { Schedules } from "./schedules.js";
import { type SigningKeys, signDelivery } from "./signature.js";
import { MessageStore, type Published } from "./store.js";

const PRUNE_EVERY_MS = 15_000;
const REST_POLL_MS = 100;

interface EmulatorSettings {
  signingKeys: SigningKeys;
  baseClock: BaseClock;
  parallelismMax: number;
  limits: Limits;
  region: string;
  log: Log;
}

export interface EmulatorState {
  /** Accepted and not ended: `due` + `delayed`, those in flight among them. */
  pending: number;
  due: number;
  delayed: number;
  inFlight: number;
  retrying: number;
  delivered: number;
  failed: number;
  retries: number;
  cancelled: number;
  dlq: number;
  schedules: number;
  dedup: number;
  /** Nothing is due (no schedule either) and nothing in flight; delayed messages may be waiting. */
  atRest: boolean;
}

/** The parts, wired; what the HTTP routes and the control helpers both call. */
export class Emulator {
  readonly store: MessageStore;
  readonly clock: EmulatorClock;
  readonly flow = new FlowControl();
  readonly faults = new Faults();
  readonly dispatcher: Dispatcher;
  readonly schedules: Schedules;
  readonly #pruner: NodeJS.Timeout;
  #keys: SigningKeys;
  /** Real now, or the emulated: what signatures are dated by. */
  #signByEmulatedTime = false;

  private constructor(
    readonly database: Database,
    readonly settings: EmulatorSettings,
    kept: { clock: ClockState | null; keys: SigningKeys },
  ) {
    this.clock = new EmulatorClock(settings.baseClock, kept.clock);
    this.#keys = kept.keys;
    this.store = new MessageStore(database, () => this.clock.now());
    const { limits, parallelismMax, region, log } = settings;
    const courier = new Courier({
      responseWaitMaxMs: limits.responseWaitMaxMs,
      answerBytesMax: limits.messageBytesMax,
      region,
      connectionsPerOrigin: parallelismMax * 2,
    });
    this.dispatcher = new Dispatcher({
      store: this.store,
      courier,
      clock: this.clock,
      flow: this.flow,
      faults: this.faults,
      sign: (url, body, withNext) => this.#sign(url, body, withNext),
      log,
      parallelismMax,
      mayDeliver: () => database.holdsLock(),
    });
    this.schedules = new Schedules(this.store, this.clock, log, (fired) => this.#noteAll(fired));
    this.#pruner = setInterval(() => {
      this.store.prune().catch((error: unknown) => log("could not prune", error));
    }, PRUNE_EVERY_MS);
    this.#pruner.unref();
  }

  /** Finds its past in the database and goes on where it stopped. */
  static async open(database: Database, settings: EmulatorSettings): Promise<Emulator> {
    const clock = await readSetting<ClockState>(database, "clock");
    const keys = await restoreKeys(database, settings.signingKeys);
    const emulator = new Emulator(database, settings, { clock, keys });
    await emulator.#restoreFlow();
    emulator.dispatcher.refresh();
    emulator.schedules.wake();
    return emulator;
  }

  get keys(): SigningKeys {
    return this.#keys;
  }

  #sign(url: string, body: Buffer, withNext: boolean): Promise<string> {
    const key = withNext ? this.#keys.next : this.#keys.current;
    const nowMs = this.#signByEmulatedTime ? this.clock.now() : this.clock.wall();
    return signDelivery(key, { url, body, nowMs });
  }

  /** current <- next, next <- fresh. In force for the next attempt, and kept. */
  async rotateKeys(): Promise<SigningKeys> {
    const keys = { current: this.#keys.next, next: newSigningKey() };
    const configured = this.settings.signingKeys;
    await writeSetting(this.database, "keys", { configured, keys });
    this.#keys = keys;
    return keys;
  }

  /** Resolves once the message is committed, or recognised as a duplicate of one that is. */
  async publish(spec: MessageSpec, body: Buffer, dedupKey: string | null): Promise<Published> {
    const { dueAtMs, rank } = this.faults.place(spec.url, spec.notBeforeMs);
    const id = newMessageId(this.clock.wall());
    const message: NewMessage = { id, spec, body, dueAtMs, rank, dedupKey };
    const published = await this.store.publish(message);
    if (!published.deduplicated) {
      if (spec.flow !== undefined) await this.#observeFlow(spec.flow);
      this.dispatcher.noteDue(dueAtMs);
    }
    return published;
  }

  #noteAll(messages: readonly NewMessage[]): void {
    for (const { spec, dueAtMs } of messages) {
      if (spec.flow !== undefined) this.flow.observe(spec.flow);
      this.dispatcher.noteDue(dueAtMs);
    }
  }

  async #observeFlow(flow: FlowValue): Promise<void> {
    if (this.flow.observe(flow)) await this.saveFlow(flow.key);
  }

  async saveFlow(key: string): Promise<void> {
    await this.store.pool.query(
      `INSERT INTO flow_control (key, state) VALUES ($1, $2)
       ON CONFLICT (key) DO UPDATE SET state = excluded.state`,
      [key, JSON.stringify(this.flow.stateOf(key))],
    );
    this.dispatcher.refresh();
  }

  /** Kept states, and the keys of waiting messages whose state a crash left unwritten. */
  async #restoreFlow(): Promise<void> {
    const { pool } = this.store;
    await pool.query(
      `DELETE FROM flow_control f WHERE NOT EXISTS (SELECT 1 FROM message WHERE flow_key = f.key)
       AND NOT ((state->>'isPaused')::boolean OR (state->>'isPinnedRate')::boolean
                OR (state->>'isPinnedParallelism')::boolean)`,
    );
    const kept = await pool.query("SELECT key, state FROM flow_control");
    for (const { key, state } of kept.rows) this.flow.restore(key, state);
    const waiting = await pool.query<{ spec: MessageSpec }>(
      `SELECT DISTINCT ON (flow_key) spec FROM message WHERE flow_key <> ''
       ORDER BY flow_key, seq DESC`,
    );
    for (const { spec } of waiting.rows) if (spec.flow) this.flow.observe(spec.flow);
  }

  /** @returns how many were cancelled; their calls in flight run on and change nothing. */
  cancel(query: URLSearchParams): Promise<number> {
    return this.store.exclusively(async () => {
      const cancelled = await inTransaction(this.store.pool, async (client) => {
        const rows = await cancelMessages(client, query);
        const [ids, specs] = [rows.map(({ id }) => id), rows.map((r) => JSON.stringify(r.spec))];
        await client.query(
          `INSERT INTO log (time, message_id, state, spec)
           SELECT $1, c.id, s.state, c.spec FROM unnest($2::text[], $3::jsonb[]) AS c(id, spec),
             unnest(ARRAY['CANCEL_REQUESTED', 'CANCELLED']) WITH ORDINALITY AS s(state, n)
           ORDER BY c.id, s.n`,
          [this.clock.now(), ids, specs],
        );
        await client.query(
          `INSERT INTO counter (name, value) VALUES ('cancelled', $1)
           ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value`,
          [ids.length],
        );
        return ids;
      });
      this.dispatcher.forget(new Set(cancelled));
      return cancelled.length;
    });
  }

  /** Each entry leaves the DLQ and becomes a NEW message, in one transaction. */
  async retryDead(query: URLSearchParams, overrides: Partial<MessageSpec>) {
    const nowMs = this.clock.now();
    const taken = await this.store.exclusively(() =>
      inTransaction(this.store.pool, async (client) => {
        const page = await takeDead(client, query);
        const messages = page.dead.map(
          ({ spec, body }): NewMessage => ({
            id: newMessageId(this.clock.wall()),
            spec: { ...spec, ...overrides, createdAtMs: nowMs, notBeforeMs: nowMs },
            body,
            dueAtMs: nowMs,
            rank: 0,
            dedupKey: null,
          }),
        );
        await this.store.insertWith(client, messages);
        return { messages, cursor: page.cursor };
      }),
    );
    this.#noteAll(taken.messages);
    return { messageIds: taken.messages.map(({ id }) => id), cursor: taken.cursor };
  }

  async deleteDead(query: URLSearchParams) {
    const page = await this.store.exclusively(() =>
      inTransaction(this.store.pool, (client) => takeDead(client, query)),
    );
    return { deleted: page.dead.length, cursor: page.cursor };
  }

  async changeClock(change: ClockChange & { signByEmulatedTime?: boolean }) {
    const { signByEmulatedTime, ...rest } = change;
    this.clock.change(rest);
    if (signByEmulatedTime !== undefined) this.#signByEmulatedTime = signByEmulatedTime;
    await writeSetting(this.database, "clock", this.clock.state);
    return this.clockState();
  }

  async resetClock() {
    this.clock.reset();
    this.#signByEmulatedTime = false;
    await this.store.pool.query("DELETE FROM setting WHERE key = 'clock'");
    return this.clockState();
  }

  clockState() {
    const { scale, frozen } = this.clock.state;
    return {
      nowMs: this.clock.now(),
      wallMs: this.clock.wall(),
      scale,
      frozen,
      signByEmulatedTime: this.#signByEmulatedTime,
    };
  }

  /** Makes everything that waits for its time due now. @returns how many. */
  async flush(): Promise<number> {
    const flushed = await this.store.exclusively(async () => {
      const nowMs = this.clock.now();
      const { rowCount } = await this.store.pool.query(
        "UPDATE message SET due_at = $1 WHERE due_at > $1",
        [nowMs],
      );
      return rowCount ?? 0;
    });
    this.dispatcher.refresh();
    return flushed;
  }

  async state(): Promise<EmulatorState> {
    const idleBefore = this.dispatcher.isIdle;
    const { due, later, schedulesDue, ...counts } = await countRows(
      this.store.pool,
      this.clock.now(),
    );
    return {
      pending: due + later,
      due,
      delayed: later,
      inFlight: this.dispatcher.inFlight,
      ...counts,
      atRest: due === 0 && schedulesDue === 0 && idleBefore && this.dispatcher.isIdle,
    };
  }

  /** The state at rest, or the last one seen when the (real) time is over. */
  async waitForRest(timeoutMs: number): Promise<EmulatorState> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const state = await this.state();
      if (state.atRest || performance.now() >= deadline) return state;
      await this.#idleOrPause();
    }
  }

  /** The dispatcher's next idle moment, or a short pause, whichever comes first. */
  #idleOrPause(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        forget();
        resolve();
      };
      const timer = setTimeout(done, REST_POLL_MS);
      const forget = this.dispatcher.onceIdle(() => setImmediate(done));
    });
  }

  /** Begins no delivery any more, and waits up to the grace for those in hand; what comes is still accepted. */
  async endDeliveries(graceMs: number): Promise<void> {
    await Promise.all([this.dispatcher.stop(graceMs), this.schedules.stop()]);
  }

  async close(): Promise<void> {
    clearInterval(this.#pruner);
    await this.endDeliveries(0);
    await this.database.close();
  }
}

async function readSetting<T>(database: Database, key: string): Promise<T | null> {
  const { rows } = await database.pool.query<{ value: T }>(
    "SELECT value FROM setting WHERE key = $1",
    [key],
  );
  return rows[0]?.value ?? null;
}

async function writeSetting(database: Database, key: string, value: unknown): Promise<void> {
  await database.pool.query(
    `INSERT INTO setting (key, value) VALUES ($1, $2)
     ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    [key, JSON.stringify(value)],
  );
}

/** A rotation outlives a restart, until the configuration itself names other keys. */
async function restoreKeys(database: Database, configured: SigningKeys): Promise<SigningKeys> {
  const kept = await readSetting<{ configured: SigningKeys; keys: SigningKeys }>(database, "keys");
  const isSame =
    kept?.configured.current === configured.current && kept.configured.next === configured.next;
  return isSame ? kept.keys : configured;
}
