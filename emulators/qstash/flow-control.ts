import type { FlowValue } from "./message.js";

export const NO_FLOW = "";
const DEFAULT_PERIOD_MS = 1_000;

interface FlowState {
  parallelism: number | null;
  rate: number | null;
  periodMs: number;
  isPaused: boolean;
  isPinnedParallelism: boolean;
  isPinnedRate: boolean;
}

interface FlowKey extends FlowState {
  inFlight: number;
  periodStartMs: number;
  periodCount: number;
}

/**
 * Limits per flow-control key. Limits, pause and pins are kept in the database by the caller;
 * the running counts are not, so a crash may let one period's rate pass twice.
 * That every attempt counts against the rate, retries too, is UNCONFIRMED.
 */
export class FlowControl {
  readonly #keys = new Map<string, FlowKey>();

  #of(key: string): FlowKey {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const fresh: FlowKey = {
      parallelism: null,
      rate: null,
      periodMs: DEFAULT_PERIOD_MS,
      isPaused: false,
      isPinnedParallelism: false,
      isPinnedRate: false,
      inFlight: 0,
      periodStartMs: 0,
      periodCount: 0,
    };
    this.#keys.set(key, fresh);
    return fresh;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  keys(): string[] {
    return [...this.#keys.keys()];
  }

  /** The latest message's values win, unless pinned. @returns whether anything changed. */
  observe(flow: FlowValue): boolean {
    const isNew = !this.#keys.has(flow.key);
    const state = this.#of(flow.key);
    const before = JSON.stringify(this.stateOf(flow.key));
    if (!state.isPinnedParallelism) state.parallelism = flow.parallelism ?? null;
    if (!state.isPinnedRate) {
      state.rate = flow.rate ?? null;
      state.periodMs = flow.periodMs ?? DEFAULT_PERIOD_MS;
    }
    return isNew || JSON.stringify(this.stateOf(flow.key)) !== before;
  }

  restore(key: string, state: FlowState): void {
    Object.assign(this.#of(key), state);
  }

  stateOf(key: string): FlowState {
    const { parallelism, rate, periodMs, isPaused, isPinnedParallelism, isPinnedRate } =
      this.#of(key);
    return { parallelism, rate, periodMs, isPaused, isPinnedParallelism, isPinnedRate };
  }

  /** How many more calls may start now. */
  room(key: string, nowMs: number): number {
    if (key === NO_FLOW) return Number.POSITIVE_INFINITY;
    const state = this.#of(key);
    if (state.isPaused) return 0;
    const parallel = (state.parallelism ?? Number.POSITIVE_INFINITY) - state.inFlight;
    if (state.rate === null) return Math.max(0, parallel);
    const inPeriod = nowMs < state.periodStartMs + state.periodMs;
    const rate = state.rate - (inPeriod ? state.periodCount : 0);
    return Math.max(0, Math.min(parallel, rate));
  }

  started(key: string, nowMs: number): void {
    if (key === NO_FLOW) return;
    const state = this.#of(key);
    state.inFlight += 1;
    if (nowMs >= state.periodStartMs + state.periodMs) {
      state.periodStartMs = nowMs;
      state.periodCount = 0;
    }
    state.periodCount += 1;
  }

  finished(key: string): void {
    if (key !== NO_FLOW) this.#of(key).inFlight -= 1;
  }

  /** When the next exhausted period ends, or null. */
  nextOpening(nowMs: number): number | null {
    let next: number | null = null;
    for (const state of this.#keys.values()) {
      const end = state.periodStartMs + state.periodMs;
      if (state.isPaused || state.rate === null) continue;
      if (end <= nowMs || state.periodCount < state.rate) continue;
      if (next === null || end < next) next = end;
    }
    return next;
  }

  setPaused(key: string, isPaused: boolean): void {
    this.#of(key).isPaused = isPaused;
  }

  /** Pinning resets the counters. */
  pin(key: string, pin: { parallelism?: number; rate?: number; periodMs?: number }): void {
    const state = this.#of(key);
    if (pin.parallelism !== undefined) {
      state.parallelism = pin.parallelism;
      state.isPinnedParallelism = true;
    }
    if (pin.rate !== undefined) {
      state.rate = pin.rate;
      state.periodMs = pin.periodMs ?? DEFAULT_PERIOD_MS;
      state.isPinnedRate = true;
      this.resetRate(key);
    }
  }

  unpin(key: string, what: { parallelism: boolean; rate: boolean }): void {
    const state = this.#of(key);
    if (what.parallelism) state.isPinnedParallelism = false;
    if (what.rate) state.isPinnedRate = false;
  }

  resetRate(key: string): void {
    Object.assign(this.#of(key), { periodStartMs: 0, periodCount: 0 });
  }

  /** As GET /v2/flowControl/{key} answers; `waitListSize` is the caller's to count. */
  shown(key: string, nowMs: number, waitListSize: number) {
    const state = this.#of(key);
    const inPeriod = nowMs < state.periodStartMs + state.periodMs;
    return {
      flowControlKey: key,
      waitListSize,
      parallelismMax: state.parallelism ?? 0,
      parallelismCount: state.inFlight,
      rateMax: state.rate ?? 0,
      rateCount: inPeriod ? state.periodCount : 0,
      ratePeriod: state.periodMs / 1_000,
      ratePeriodStart: inPeriod ? Math.floor(state.periodStartMs / 1_000) : 0,
      isPaused: state.isPaused,
      isPinnedParallelism: state.isPinnedParallelism,
      isPinnedRate: state.isPinnedRate,
    };
  }
}
