import { z } from "zod";

const CHANCE = {
  /** 0..1, drawn from a seeded generator; default 1. */
  probability: z.number().min(0).max(1).default(1),
  /** How often it may strike in all; without it, until it is removed. */
  count: z.int().min(1).optional(),
  /** Only messages whose destination contains this text. */
  url: z.string().min(1).optional(),
  seed: z.int().default(1),
};

export const FaultSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("deliver-twice"),
    ...CHANCE,
    /** The second call after the first has succeeded, or both at once. */
    mode: z.enum(["after", "together"]).default("after"),
  }),
  z.strictObject({
    kind: z.literal("reorder"),
    ...CHANCE,
    order: z.enum(["shuffle", "lifo"]).default("shuffle"),
    /** Messages accepted within one such window (emulated time) are held to its end and mixed. */
    windowMs: z.int().min(1).max(3_600_000).default(200),
  }),
  z.strictObject({
    kind: z.literal("delay"),
    ...CHANCE,
    delayMs: z.int().min(1).max(86_400_000),
  }),
  z.strictObject({ kind: z.literal("drop-answer"), ...CHANCE }),
  z.strictObject({
    kind: z.literal("refuse"),
    ...CHANCE,
    status: z.int().min(400).max(599).default(503),
    headers: z.record(z.string(), z.string()).default({}),
    error: z.string().default("refused by a fault"),
  }),
  z.strictObject({ kind: z.literal("sign-with-next-key"), ...CHANCE }),
]);

type Fault = z.infer<typeof FaultSchema>;
export type FaultInput = z.input<typeof FaultSchema>;
type FaultKind = Fault["kind"];
export type ActiveFault = Fault & { id: string; hits: number };

const FAULTS_MAX = 100;

/** mulberry32: small, good enough for dice, the same on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The faults in force. In memory only: a restart is a healthy emulator. */
export class Faults {
  #active: { fault: ActiveFault; random: () => number }[] = [];
  #next = 1;
  #accepted = 0;

  add(fault: Fault): ActiveFault {
    if (this.#active.length >= FAULTS_MAX) throw new RangeError(`at most ${FAULTS_MAX} faults`);
    const active = { ...fault, id: `fault_${this.#next++}`, hits: 0 };
    this.#active.push({ fault: active, random: seededRandom(fault.seed) });
    return active;
  }

  /** Removes one, or all without an id. @returns how many are gone. */
  remove(id?: string): number {
    const before = this.#active.length;
    this.#active = id === undefined ? [] : this.#active.filter((a) => a.fault.id !== id);
    return before - this.#active.length;
  }

  list(): ActiveFault[] {
    return this.#active.map(({ fault }) => ({ ...fault }));
  }

  /** Rolls for the first matching fault of a kind, and counts the hit. */
  strike<K extends FaultKind>(kind: K, url: string): Extract<ActiveFault, { kind: K }> | null {
    for (const { fault, random } of this.#active) {
      if (fault.kind !== kind) continue;
      if (fault.url !== undefined && !url.includes(fault.url)) continue;
      if (fault.count !== undefined && fault.hits >= fault.count) continue;
      if (random() >= fault.probability) continue;
      fault.hits += 1;
      return fault as Extract<ActiveFault, { kind: K }>;
    }
    return null;
  }

  /** Where the delaying and reordering faults put a message that would be due at `dueAtMs`. */
  place(url: string, dueAtMs: number): { dueAtMs: number; rank: number } {
    this.#accepted += 1;
    const delay = this.strike("delay", url);
    let due = dueAtMs + (delay?.delayMs ?? 0);
    const reorder = this.strike("reorder", url);
    if (reorder === null) return { dueAtMs: due, rank: 0 };
    due = (Math.floor(due / reorder.windowMs) + 1) * reorder.windowMs;
    if (reorder.order === "lifo") return { dueAtMs: due, rank: -this.#accepted };
    return { dueAtMs: due, rank: seededRandom(reorder.seed + this.#accepted)() };
  }
}
