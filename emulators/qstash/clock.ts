/** Milliseconds since 1970, UTC. */
export interface BaseClock {
  now(): number;
}

export interface ClockChange {
  /** How many emulated milliseconds pass in one real millisecond. */
  scale?: number;
  freeze?: boolean;
  /** Jumps forward; never back, as due times would be met twice. */
  advanceMs?: number;
}

/** What is kept in the database, so that a crash does not turn the emulated time back. */
export interface ClockState {
  anchorEmulatedMs: number;
  anchorBaseMs: number;
  scale: number;
  frozen: boolean;
}

const SCALE_MAX = 1_000_000;
const ADVANCE_MAX_MS = 10 * 365 * 24 * 3_600_000;

export const systemClock: BaseClock = { now: () => Date.now() };

/**
 * The time by which delays, backoff, schedules and the deduplication window are measured.
 * HTTP timeouts stay real, and so do signatures unless asked otherwise (see signature.ts).
 */
export class EmulatorClock {
  readonly #base: BaseClock;
  readonly #listeners = new Set<() => void>();
  #state: ClockState;

  constructor(base: BaseClock, kept: ClockState | null = null) {
    this.#base = base;
    this.#state = kept ?? EmulatorClock.#fresh(base);
  }

  static #fresh(base: BaseClock): ClockState {
    const now = base.now();
    return { anchorEmulatedMs: now, anchorBaseMs: now, scale: 1, frozen: false };
  }

  now(): number {
    const { anchorEmulatedMs, anchorBaseMs, scale, frozen } = this.#state;
    if (frozen) return Math.floor(anchorEmulatedMs);
    return Math.floor(anchorEmulatedMs + (this.#base.now() - anchorBaseMs) * scale);
  }

  /** The base clock, untouched by the control endpoint. */
  wall(): number {
    return this.#base.now();
  }

  /** Real milliseconds until an emulated instant; null when frozen before it. */
  realDelayUntil(instantMs: number): number | null {
    const missing = instantMs - this.now();
    if (missing <= 0) return 0;
    return this.#state.frozen ? null : Math.ceil(missing / this.#state.scale);
  }

  change(change: ClockChange): void {
    const { scale, freeze, advanceMs } = change;
    if (scale !== undefined && !(scale > 0 && scale <= SCALE_MAX)) {
      throw new RangeError(`scale must be above 0 and at most ${SCALE_MAX}`);
    }
    if (advanceMs !== undefined && !(advanceMs >= 0 && advanceMs <= ADVANCE_MAX_MS)) {
      throw new RangeError(`advanceMs must be from 0 to ${ADVANCE_MAX_MS}`);
    }
    this.#state = {
      anchorEmulatedMs: this.now() + (advanceMs ?? 0),
      anchorBaseMs: this.#base.now(),
      scale: scale ?? this.#state.scale,
      frozen: freeze ?? this.#state.frozen,
    };
    this.#notify();
  }

  /** Back to the base clock. */
  reset(): void {
    this.#state = EmulatorClock.#fresh(this.#base);
    this.#notify();
  }

  get state(): ClockState {
    return this.#state;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
