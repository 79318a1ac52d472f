import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Batches } from "../../src/store/batches.js";

/** Work that ends when it is told to; what each statement carried, in the order of their beginnings. */
function statements() {
  const sizes: number[] = [];
  const ends: (() => void)[] = [];
  const batches = new Batches<number, number>({
    written: (values) => async () => {
      await new Promise<void>((resolve) => process.nextTick(resolve)); // as a pool hands out its connections
      sizes.push(values.length);
      await new Promise<void>((resolve) => ends.push(resolve));
      return [...values];
    },
    companions: () => () => true,
  });
  return { batches, sizes, endFirst: () => ends.shift()?.() };
}

/** Work that refuses to be done together, so that each goes alone, and ends when it is told to. */
function aloneOnly(refused: number) {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const count = { atOnce: 0, most: 0 };
  const batches = new Batches<number, number>({
    written: (values) => async () => {
      if (values.length > 1) throw new Error("one of them");
      count.atOnce += 1;
      count.most = Math.max(count.most, count.atOnce);
      begun.push(...values);
      await new Promise<void>((resolve) => ends.push(resolve));
      count.atOnce -= 1;
      if (values.includes(refused)) throw new Error("its own fault");
      return [...values];
    },
    companions: () => () => true,
  });
  return { batches, begun, count, ends };
}

/** Whatever is to happen at once has happened after them. */
async function turns(): Promise<void> {
  for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("what comes in one turn of the event loop", () => {
  it("goes together, also those that had their answers together a moment ago", async () => {
    const { batches, sizes, endFirst } = statements();
    const twice = async (value: number): Promise<number> => batches.add(await batches.add(value));
    const all = Promise.all(Array.from({ length: 10 }, (_, i) => twice(i)));
    await expect.poll(() => sizes).toEqual([10]);
    endFirst();
    await expect.poll(() => sizes).toEqual([10, 10]);
    endFirst();
    expect(await all).toEqual(Array.from({ length: 10 }, (_, i) => i));
  });

  it("is on its way before those who came earlier have their answers, which set this process to work", async () => {
    const { batches, sizes, endFirst } = statements();
    const first = batches.add(1).then(() => [...sizes]);
    await turns(); // and not a poll: the next one waits for 15 ms at most
    const next = batches.add(2);
    await turns();
    endFirst();
    expect(await first).toEqual([1, 1]);
    endFirst();
    expect(await next).toBe(2);
  });

  it("waits for nothing when it is alone, and goes together after the one that is under way", async () => {
    const { batches, sizes, endFirst } = statements();
    const first = batches.add(1);
    await expect.poll(() => sizes).toEqual([1]);
    const others = [2, 3, 4].map((value) => batches.add(value));
    endFirst();
    expect(await first).toBe(1);
    await expect.poll(() => sizes).toEqual([1, 3]);
    endFirst();
    expect(await Promise.all(others)).toEqual([2, 3, 4]);
  });
});

describe("a statement for as many as may go together", () => {
  /** Nobody loses patience with the one that is under way. */
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  /** Values of one hundred go together; what was written and begun, in this order, by its first value and size. */
  function byHundreds(failing: (values: readonly number[]) => boolean = () => false) {
    const done: string[] = [];
    const ends: (() => void)[] = [];
    const batches = new Batches<number, number>({
      written(values) {
        done.push(`written ${values[0]}+${values.length}`);
        return async () => {
          await new Promise<void>((resolve) => process.nextTick(resolve)); // as a pool hands out its connections
          done.push(`begun ${values[0]}+${values.length}`);
          await new Promise<void>((resolve) => ends.push(resolve));
          if (failing(values)) throw new Error("one of them");
          return [...values];
        };
      },
      companions: (first) => (next) => Math.floor(first / 100) === Math.floor(next / 100),
    });
    const add = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => batches.add(from + i));
    const end = async (): Promise<void> => {
      ends.shift()?.();
      await turns();
    };
    return { add, done, end };
  }

  it("is written while the one before it is under way, and not before that has left the process", async () => {
    const { add, done, end } = byHundreds();
    const all = Promise.all(add(0, 22));
    await turns();
    expect(done).toEqual(["written 0+10", "begun 0+10", "written 10+10"]);
    await end();
    expect(done.slice(3)).toEqual(["begun 10+10"]);
    await end();
    expect(done.slice(4)).toEqual(["written 20+2", "begun 20+2"]);
    await end();
    expect(await all).toEqual(Array.from({ length: 22 }, (_, i) => i));
  });

  it("is not written for fewer, who may have company by the time they go", async () => {
    const { add, done, end } = byHundreds();
    const first = add(0, 1);
    await turns();
    const others = [...add(100, 5), ...add(200, 5)];
    await turns();
    expect(done).toEqual(["written 0+1", "begun 0+1"]);
    const late = add(105, 5);
    await turns();
    expect(done.slice(2)).toEqual(["written 100+10"]);
    for (let n = 0; n < 3; n += 1) await end();
    expect(done.slice(3)).toEqual(["begun 100+10", "written 200+5", "begun 200+5"]);
    await Promise.all([...first, ...others, ...late]);
  });

  it("goes after those who failed together before them", async () => {
    const { add, done, end } = byHundreds((values) => values.length === 3);
    const failed = add(0, 3).map((one) => one.catch(() => "failed"));
    await turns();
    const later = add(10, 10);
    await turns();
    expect(done).toEqual(["written 0+3", "begun 0+3", "written 10+10"]);
    for (let n = 0; n < 5; n += 1) await end();
    const begun = done.filter((one) => one.startsWith("begun"));
    expect(begun).toEqual(["begun 0+3", "begun 0+1", "begun 1+1", "begun 2+1", "begun 10+10"]);
    expect(await Promise.all(failed)).toEqual([0, 1, 2]);
    await Promise.all(later);
  });

  it("that cannot be written fails those that are in it, each by itself, and nobody else", async () => {
    const batches = new Batches<number, number>({
      written(values) {
        if (values.includes(7)) throw new Error("7 cannot be written");
        return () => Promise.resolve([...values]);
      },
      companions: () => () => true,
    });
    const told = (value: number) => batches.add(value).catch((error: Error) => error.message);
    const answers = await Promise.all(Array.from({ length: 25 }, (_, i) => told(i)));
    expect(answers).toEqual(answers.map((_, i) => (i === 7 ? "7 cannot be written" : i)));
  });
});

describe("what failed together", () => {
  it("goes alone in its turn, before who came later, and so many at once as any other work", async () => {
    const { batches, begun, count, ends } = aloneOnly(3);
    const told = (value: number) => batches.add(value).catch((error: Error) => error.message);
    const first = Array.from({ length: 10 }, (_, i) => told(i));
    await expect.poll(() => begun.length).toBeGreaterThan(0);
    const later = [told(10), told(11)];
    await expect.poll(() => count.atOnce).toBeGreaterThanOrEqual(4); // each takes long: others go beside it
    for (let ended = 1; ended <= 12; ended += 1) {
      ends.shift()?.();
      await expect.poll(() => begun.length).toBeGreaterThanOrEqual(Math.min(ended + 4, 12));
    }
    const answers = await Promise.all([...first, ...later]);
    expect(answers).toEqual([0, 1, 2, "its own fault", 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(count.most).toBe(4);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});
