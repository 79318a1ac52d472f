import { Transient } from "../domain/errors.js";

/**
 * While a statement is under way, what comes waits and goes together: with more at once each would carry
 * fewer. One that takes longer than this waits for a lock or is far from its database, and holds up nobody:
 * the next goes beside it (see docs/decisions/0008-plans-together.md).
 */
const PATIENCE_MS = 15;
/** So many at once, however long they take: the pool's connections are others' too. */
const IN_FLIGHT_MAX = 4;
/** Past this a statement is hardly cheaper for each, and a failure makes more go alone. */
const TOGETHER_MAX = 10;

interface Waiting<Value, Answer> {
  value: Value;
  /** It failed together with others, and is to hear what is true of itself. */
  isAlone: boolean;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** What goes together, with what sends it. */
interface Batch<Value, Answer> {
  members: readonly Waiting<Value, Answer>[];
  send(): Promise<Outcome<Answer>>;
}

type Outcome<Answer> = { answers: Answer[] } | { error: unknown };

export interface Work<Value, Answer> {
  /** Writes the statement, and returns what sends it, for the answers in the order of the values. It fails as a whole. */
  written(values: readonly Value[]): () => Promise<Answer[]>;
  /** Tells of each next one, in turn, whether it may go with the first and those that were let in. */
  companions(first: Value): (next: Value) => boolean;
}

/**
 * One statement for whatever waits meanwhile. Who comes while little is under way waits for the end of this turn of the
 * event loop and for nothing else: those that had their answers from one statement have their next together. When
 * several fail together for what may be one's own fault, each goes alone, and hears what is true of itself: before
 * all who came after it, and in its turn, so that it is one of those in flight too.
 */
export class Batches<Value, Answer> {
  readonly #work: Work<Value, Answer>;
  #waiting: Waiting<Value, Answer>[] = [];
  /** The next statement, when as many wait as may go together: it is written while Postgres has the one before it. */
  #ready: Batch<Value, Answer> | null = null;
  #isGathering = false;
  #inFlight = 0;
  /** Of those in flight, the ones that nobody waits for any more. */
  #slow = 0;

  constructor(work: Work<Value, Answer>) {
    this.#work = work;
  }

  add(value: Value): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, isAlone: false, resolve, reject });
      if (this.#isGathering) return;
      this.#isGathering = true;
      setImmediate(() => {
        this.#isGathering = false;
        this.#next();
      });
    });
  }

  #next(): void {
    for (;;) {
      if (this.#isBusy()) {
        // Not at once: what was just sent has not left this process yet.
        if (this.#waiting.length >= TOGETHER_MAX) setImmediate(() => this.#writeAhead());
        return;
      }
      const batch = this.#following();
      if (batch === null) return;
      void this.#send(batch);
    }
  }

  #isBusy(): boolean {
    return this.#inFlight > this.#slow || this.#inFlight >= IN_FLIGHT_MAX;
  }

  /** Only for as many as may go together: fewer may have company by the time they go. */
  #writeAhead(): void {
    if (this.#ready !== null || this.#waiting.length < TOGETHER_MAX) return;
    if (!this.#isBusy() || this.#isAlonesTurn()) return;
    const { taken, left } = this.#chosen();
    if (taken.length < TOGETHER_MAX) return;
    this.#waiting = left;
    this.#ready = this.#written(taken);
  }

  /** Who failed together came before those whose statement is written. */
  #isAlonesTurn(): boolean {
    return this.#waiting[0]?.isAlone === true;
  }

  #following(): Batch<Value, Answer> | null {
    const ready = this.#ready;
    if (ready !== null && !this.#isAlonesTurn()) {
      this.#ready = null;
      return ready;
    }
    return this.#waiting.length === 0 ? null : this.#written(this.#take());
  }

  #take(): Waiting<Value, Answer>[] {
    const { taken, left } = this.#chosen();
    this.#waiting = left;
    return taken;
  }

  /** Who waits longest and its companions, and the others. */
  #chosen(): Record<"taken" | "left", Waiting<Value, Answer>[]> {
    const [first, ...others] = this.#waiting as [Waiting<Value, Answer>];
    const isCompanion = this.#work.companions(first.value);
    const taken = [first];
    const left: Waiting<Value, Answer>[] = [];
    for (const other of others as Waiting<Value, Answer>[]) {
      const hasRoom = taken.length < TOGETHER_MAX && !first.isAlone && !other.isAlone;
      const goes = hasRoom && isCompanion(other.value);
      (goes ? taken : left).push(other);
    }
    return { taken, left };
  }

  /**
   * The next statement is on its way before anybody has the answers of this one: what they set off is a turn's
   * work for this process, and Postgres would wait for the end of it.
   */
  async #send({ members, send }: Batch<Value, Answer>): Promise<void> {
    const outcome = await this.#inTime(send());
    const mayBeOnes = "error" in outcome && members.length > 1 && !concernsAll(outcome.error);
    if (mayBeOnes) this.#waiting.unshift(...members.map((one) => ({ ...one, isAlone: true })));
    this.#next();
    if (!mayBeOnes) setImmediate(() => this.#tell(members, outcome));
  }

  #tell(members: readonly Waiting<Value, Answer>[], outcome: Outcome<Answer>): void {
    if ("answers" in outcome) {
      for (const [i, { resolve }] of members.entries()) resolve(outcome.answers[i] as Answer);
    } else {
      for (const { reject } of members) reject(outcome.error);
    }
  }

  /** Has what comes meanwhile wait, though not for ever. */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    let isSlow = false;
    const timer = setTimeout(() => {
      isSlow = true;
      this.#slow += 1;
      this.#next();
    }, PATIENCE_MS);
    this.#inFlight += 1;
    const result = await work;
    clearTimeout(timer);
    this.#inFlight -= 1;
    if (isSlow) this.#slow -= 1;
    return result;
  }

  #written(members: readonly Waiting<Value, Answer>[]): Batch<Value, Answer> {
    try {
      const ask = this.#work.written(members.map(({ value }) => value));
      return { members, send: () => outcomeOf(ask, members.length) };
    } catch (error) {
      return { members, send: () => Promise.resolve({ error }) };
    }
  }
}

/** Never throws. */
async function outcomeOf<Answer>(
  ask: () => Promise<Answer[]>,
  count: number,
): Promise<Outcome<Answer>> {
  try {
    const answers = await ask();
    if (answers.length !== count) throw new Error("not an answer for each");
    return { answers };
  } catch (error) {
    return { error };
  }
}

/** Also a connection that was cut: whether the statement was committed is as unknown to each as to one alone. */
const concernsAll = (error: unknown): boolean =>
  error instanceof Transient && error.code === "database_unavailable";
