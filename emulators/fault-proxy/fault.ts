import { setTimeout as wait } from "node:timers/promises";

export const MODES = ["pass", "refuse", "hang", "cut", "drop-answer", "slow", "status"] as const;
export type Mode = (typeof MODES)[number];

export interface FaultOptions {
  /** Only the next so many connections (TCP) or requests (HTTP); then the mode is `pass` again. */
  readonly count?: number | undefined;
  /** Only what contains this text: of HTTP `METHOD /path?query`, of TCP one piece of what the client sends. */
  readonly match?: string | undefined;
  /** `cut`: bytes of the answer that still get through (of HTTP, bytes of its body). 1 by default. */
  readonly afterBytes?: number | undefined;
  /** `slow`: waited before each piece, both ways. */
  readonly latencyMs?: number | undefined;
  /** `slow`: the most that gets through, each way. */
  readonly bytesPerSecond?: number | undefined;
  /** `status`: the HTTP status to answer with. 500 by default. */
  readonly status?: number | undefined;
}

export type FaultMode = Exclude<Mode, "pass">;
export interface Fault extends FaultOptions {
  readonly mode: FaultMode;
}

export interface Counters {
  connections: number;
  /** Of HTTP only; a TCP proxy sees no requests and leaves this at 0. */
  requests: number;
  /** Connections or requests that met a fault. */
  faulted: number;
}

/** The fault in force, and whom it still applies to. */
export class FaultSwitch {
  readonly counters: Counters = { connections: 0, requests: 0, faulted: 0 };
  #fault: Fault | null = null;
  #left = Infinity;

  get mode(): Mode {
    return this.#fault?.mode ?? "pass";
  }

  get fault(): Fault | null {
    return this.#fault;
  }

  set(fault: Fault | null): void {
    this.#fault = fault;
    this.#left = fault?.count ?? Infinity;
  }

  /** Whether everything is to meet this fault, also what is under way, not just some next or some matching. */
  isBlanket(mode: FaultMode): boolean {
    return this.#fault?.mode === mode && this.#left === Infinity && this.#fault.match === undefined;
  }

  /**
   * The fault for a connection or request that is described by `text`; counts it as used.
   *
   * @param text null for a connection that has said nothing yet, which no `match` can fit.
   */
  take(text: string | null): Fault | null {
    const fault = this.#fault;
    if (fault === null) return null;
    if (fault.match !== undefined && text?.includes(fault.match) !== true) return null;
    this.counters.faulted += 1;
    this.#left -= 1;
    if (this.#left <= 0) this.#fault = null;
    return fault;
  }
}

/** Holds a piece back as long as a slow line would. Never keeps the process alive. */
export async function holdBack(fault: Fault, bytes: number): Promise<void> {
  const transferMs =
    fault.bytesPerSecond === undefined ? 0 : (bytes / fault.bytesPerSecond) * 1_000;
  await wait((fault.latencyMs ?? 0) + transferMs, undefined, { ref: false });
}

export const AFTER_BYTES_DEFAULT = 1;
export const STATUS_DEFAULT = 500;
