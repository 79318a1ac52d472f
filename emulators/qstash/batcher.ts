interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

interface BatcherOptions<Item, Result> {
  /** Handles one batch; results in the order of the items. */
  run(items: readonly Item[]): Promise<Result[]>;
  itemsMax: number;
  bytesMax: number;
  bytesOf(item: Item): number;
  /** Two items with the same key never share a batch (a statement can't upsert a row twice). */
  keyOf(item: Item): string | null;
  /** Whether a failure is one item's fault: then each item is tried by itself. */
  isItemsFault(error: unknown): boolean;
}

/**
 * Group commit: what arrives while a statement runs travels in the next one. A lone item goes at
 * once, so nobody waits for company.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #running = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#running) {
        this.#running = true;
        setImmediate(() => void this.#drain());
      }
    });
  }

  #take(): Waiting<Item, Result>[] {
    const { itemsMax, bytesMax, bytesOf, keyOf } = this.#options;
    const taken: Waiting<Item, Result>[] = [];
    const left: Waiting<Item, Result>[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    for (const waiting of this.#waiting) {
      const key = keyOf(waiting.item);
      const size = bytesOf(waiting.item);
      const fits = taken.length < itemsMax && (taken.length === 0 || bytes + size <= bytesMax);
      if (!fits || (key !== null && keys.has(key))) {
        left.push(waiting);
        continue;
      }
      if (key !== null) keys.add(key);
      bytes += size;
      taken.push(waiting);
    }
    this.#waiting = left;
    return taken;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      await this.#runBatch(batch);
    }
    this.#running = false;
  }

  async #runBatch(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach((waiting, index) => {
        const result = results[index];
        if (result === undefined) waiting.reject(new Error("batch gave no result"));
        else waiting.resolve(result);
      });
    } catch (error) {
      // One bad item must not take its neighbours with it.
      if (batch.length > 1 && this.#options.isItemsFault(error)) {
        for (const waiting of batch) await this.#runBatch([waiting]);
      } else for (const waiting of batch) waiting.reject(error);
    }
  }
}
