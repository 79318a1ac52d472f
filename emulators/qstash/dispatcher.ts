import { callbacksOf } from "./callbacks.js";
import type { EmulatorClock } from "./clock.js";
import type { Log } from "./database.js";
import type { Attempt, Courier } from "./delivery.js";
import type { Faults } from "./faults.js";
import { type FlowControl, NO_FLOW } from "./flow-control.js";
import { newDlqId } from "./ids.js";
import type { WaitingMessage } from "./message.js";
import { nextDelayMs } from "./retry.js";
import type { MessageStore, Outcome } from "./store.js";

interface DispatcherDeps {
  store: MessageStore;
  courier: Courier;
  clock: EmulatorClock;
  flow: FlowControl;
  faults: Faults;
  /** Signs for one attempt; `withNext` by the fault of that name. */
  sign(url: string, body: Buffer, withNext: boolean): Promise<string>;
  log: Log;
  parallelismMax: number;
  mayDeliver(): boolean;
}

const PREFETCH_FACTOR = 4;
/** Ended attempts that wait for their commit; above it no new call starts. */
const UNSETTLED_MAX = 500;
const TIMER_MAX_MS = 3_600_000;
/** A net below the notifications, for a database that was away. */
const SAFETY_TICK_MS = 2_000;
const FAILURE_PAUSE_MS = 200;

const flowKeyOf = (message: WaitingMessage): string => message.spec.flow?.key ?? NO_FLOW;

/**
 * Brings due messages to their destinations. Woken in-process by every accepted message and by
 * one timer for the next due one. Which messages are being handled is known only here: after a
 * crash all of them are simply still due, with the retry count they had.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps;
  /** Fetched, in flight or being settled: not to be fetched again. */
  readonly #known = new Set<string>();
  readonly #calls = new Set<Promise<void>>();
  readonly #restListeners = new Set<() => void>();
  #ready: WaitingMessage[] = [];
  #inFlight = 0;
  #unsettled = 0;
  /** Ids let go while a fetch was running: its snapshot may still hold them. */
  #letGo: Set<string> | null = null;
  #mayHaveMore = true;
  #nextDueKnown = false;
  #nextDueMs: number | null = null;
  #pumping = false;
  #pumped: Promise<void> = Promise.resolve();
  #fetchedAtMs = 0;
  #again = false;
  #stopped = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #safety: NodeJS.Timeout;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    deps.clock.onChange(() => this.refresh());
    this.#safety = setInterval(() => this.refresh(), SAFETY_TICK_MS);
    this.#safety.unref();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Nothing fetched, in flight or unsettled; what is due in the database is not known here. */
  get isIdle(): boolean {
    return this.#known.size === 0 && !this.#pumping;
  }

  /** Looks at the database anew: after a start, a clock change, a flush, an opened limit. */
  refresh(): void {
    this.#mayHaveMore = true;
    this.#nextDueKnown = false;
    this.#nextDueMs = null;
    this.#wake();
  }

  /** A message was committed with this due time. */
  noteDue(dueAtMs: number): void {
    if (dueAtMs <= this.#deps.clock.now()) {
      this.#mayHaveMore = true;
      this.#wake();
    } else if (this.#nextDueMs === null || dueAtMs < this.#nextDueMs) {
      this.#nextDueMs = dueAtMs;
      this.#armTimer();
    }
  }

  /** Cancelled: fetched ones are dropped, calls in flight run on and change nothing. */
  forget(ids: ReadonlySet<string>): void {
    this.#ready = this.#ready.filter((message) => {
      if (!ids.has(message.id)) return true;
      this.#release(message.id);
      return false;
    });
    for (const id of ids) this.#letGo?.add(id);
  }

  /** Calls back once, the next time that nothing is in hand. */
  onceIdle(listener: () => void): () => void {
    this.#restListeners.add(listener);
    return () => this.#restListeners.delete(listener);
  }

  /** Ends all: waits up to the grace for calls in flight, then cuts them off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#safety);
    if (this.#timer !== null) clearTimeout(this.#timer);
    let graceTimer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      graceTimer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.allSettled(this.#calls), grace]);
    clearTimeout(graceTimer);
    await this.#deps.courier.abort();
    await Promise.allSettled(this.#calls);
    await this.#pumped;
  }

  #wake(): void {
    this.#again = true;
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    this.#pumped = this.#pump();
  }

  async #pump(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      this.#startReady();
      try {
        if (this.#wantsMore()) await this.#fetch();
        else if (!this.#mayHaveMore && !this.#nextDueKnown) await this.#learnNextDue();
      } catch (error) {
        this.#deps.log("could not read due messages", error);
        await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS));
        this.#mayHaveMore = true;
        this.#again = true;
      }
    }
    this.#pumping = false;
    if (this.#stopped) return;
    this.#armTimer();
    if (this.isIdle) this.#announceRest();
  }

  #announceRest(): void {
    const listeners = [...this.#restListeners];
    this.#restListeners.clear();
    for (const listener of listeners) listener();
  }

  #wantsMore(): boolean {
    return (
      this.#mayHaveMore &&
      this.#deps.mayDeliver() &&
      this.#ready.length < this.#deps.parallelismMax &&
      this.#unsettled < UNSETTLED_MAX
    );
  }

  async #fetch(): Promise<void> {
    const { store, clock, parallelismMax } = this.#deps;
    const limit = parallelismMax * PREFETCH_FACTOR - this.#ready.length;
    const rooms = this.#rooms(limit);
    this.#mayHaveMore = false;
    const letGo = new Set<string>();
    this.#letGo = letGo;
    try {
      this.#fetchedAtMs = clock.now();
      const query = { nowMs: this.#fetchedAtMs, rooms, except: [...this.#known], limit };
      const found = (await store.claim(query)).filter(({ id }) => !letGo.has(id));
      for (const message of found) this.#known.add(message.id);
      this.#ready.push(...found);
      if (found.length > 0) this.#mayHaveMore = true;
    } finally {
      this.#letGo = null;
    }
    this.#again = true;
  }

  /** Keys with room for a call, less what is already fetched for them. */
  #rooms(limit: number): Map<string, number> {
    const { flow, clock } = this.#deps;
    const fetched = new Map<string, number>();
    for (const message of this.#ready) {
      const key = flowKeyOf(message);
      fetched.set(key, (fetched.get(key) ?? 0) + 1);
    }
    const nowMs = clock.now();
    const rooms = new Map([[NO_FLOW, limit]]);
    for (const key of flow.keys()) {
      const room = Math.min(limit, flow.room(key, nowMs) - (fetched.get(key) ?? 0));
      if (room > 0) rooms.set(key, room);
    }
    return rooms;
  }

  async #learnNextDue(): Promise<void> {
    this.#nextDueKnown = true;
    // Asked from the fetch's instant on, or what became due since would be seen by neither.
    const found = await this.#deps.store.nextDueAfter(this.#fetchedAtMs);
    const notedMeanwhile = this.#nextDueMs;
    if (found === null) return;
    this.#nextDueMs = notedMeanwhile === null ? found : Math.min(found, notedMeanwhile);
  }

  #armTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { clock, flow } = this.#deps;
    const opening = flow.nextOpening(clock.now());
    const times = [this.#nextDueMs, opening].filter((time) => time !== null);
    if (times.length === 0 || this.#stopped) return;
    const delay = clock.realDelayUntil(Math.min(...times));
    if (delay === null) return;
    this.#timer = setTimeout(() => this.refresh(), Math.min(delay, TIMER_MAX_MS));
  }

  #startReady(): void {
    const { flow, clock, parallelismMax, mayDeliver } = this.#deps;
    while (
      this.#ready.length > 0 &&
      this.#inFlight < parallelismMax &&
      this.#unsettled < UNSETTLED_MAX &&
      mayDeliver()
    ) {
      const message = this.#ready.shift();
      if (message === undefined) return;
      const key = flowKeyOf(message);
      if (flow.room(key, clock.now()) < 1) {
        // The limit was lowered since; it stays in the database and is fetched again later.
        this.#release(message.id);
        continue;
      }
      flow.started(key, clock.now());
      this.#inFlight += 1;
      const call = this.#attempt(message).finally(() => {
        this.#calls.delete(call);
        this.#release(message.id);
        this.#wake();
      });
      this.#calls.add(call);
    }
  }

  #release(id: string): void {
    this.#known.delete(id);
    this.#letGo?.add(id);
  }

  async #attempt(message: WaitingMessage): Promise<void> {
    const { clock, flow } = this.#deps;
    const key = flowKeyOf(message);
    const startedAtMs = clock.now();
    const attempt = await this.#call(message).catch((error: unknown): Attempt => {
      return { answer: null, headers: {}, error: String(error), aborted: false };
    });
    this.#inFlight -= 1;
    flow.finished(key);
    if (key !== NO_FLOW) this.#mayHaveMore = true;
    if (attempt.aborted) return;
    this.#unsettled += 1;
    this.#wake();
    const outcome = this.#outcomeOf(message, attempt, startedAtMs);
    const written = await this.#settle(outcome);
    this.#unsettled -= 1;
    if (!written) return;
    // Told only now: the row's due time has changed and its id is about to be let go.
    if (outcome.nextDueAtMs !== null) this.#noteAfterRelease(outcome.nextDueAtMs);
    for (const callback of outcome.callbacks) this.noteDue(callback.dueAtMs);
  }

  /** The id is released in the caller's `finally`; a fetch before that would skip the message. */
  #noteAfterRelease(dueAtMs: number): void {
    setImmediate(() => this.noteDue(dueAtMs));
  }

  async #call(message: WaitingMessage): Promise<Attempt> {
    const { faults, courier, sign } = this.#deps;
    const { url } = message.spec;
    const twice = faults.strike("deliver-twice", url);
    const once = async () => {
      const withNext = faults.strike("sign-with-next-key", url) !== null;
      return courier.call(message, await sign(url, message.body, withNext));
    };
    if (twice?.mode === "together") {
      const [first] = await Promise.all([once(), once()]);
      return first;
    }
    const first = await once();
    const succeeded = first.answer !== null && isSuccess(first.answer.status);
    // The second answer is ignored, as if the first one's success had been lost and found.
    if (twice !== null && succeeded) await once();
    return first;
  }

  #outcomeOf(message: WaitingMessage, attempt: Attempt, startedAtMs: number): Outcome {
    const nowMs = this.#deps.clock.now();
    const { answer, error, headers } = attempt;
    const base = { message, startedAtMs, endedAtMs: nowMs, answer, error };
    if (answer !== null && isSuccess(answer.status)) {
      const callbacks = callbacksOf({ message, answer, dlqId: null, nowMs });
      return { ...base, kind: "delivered", nextDueAtMs: null, dlqId: null, callbacks };
    }
    const delayMs = nextDelayMs({
      retried: message.retried,
      maxRetries: message.spec.maxRetries,
      retryDelayExpression: message.spec.retryDelayExpression,
      status: answer?.status ?? null,
      headers,
      nowMs,
    });
    const dlqId = delayMs === null ? newDlqId(nowMs) : null;
    const callbacks = callbacksOf({ message, answer, dlqId, nowMs });
    if (delayMs === null) return { ...base, kind: "failed", nextDueAtMs: null, dlqId, callbacks };
    return { ...base, kind: "retry", nextDueAtMs: nowMs + delayMs, dlqId, callbacks };
  }

  /** Keeps trying while the database is away; at a stop the message just stays undone. */
  async #settle(outcome: Outcome): Promise<boolean> {
    for (;;) {
      try {
        return await this.#deps.store.settle(outcome);
      } catch (error) {
        this.#deps.log("could not record an attempt", error);
        if (this.#stopped) return false;
        await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS));
      }
    }
  }
}

/** 200-299; that a redirect counts as a failure is UNCONFIRMED. */
const isSuccess = (status: number): boolean => status >= 200 && status <= 299;
