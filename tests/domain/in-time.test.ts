import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { inTime } from "../../src/domain/in-time.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const late = () => new Error("late");

it("work that does not end is waited for so long and no longer", async () => {
  const waiting = inTime(2_000, new Promise<never>(() => undefined), late);
  const told = expect(waiting).rejects.toThrow("late");
  await vi.advanceTimersByTimeAsync(1_999);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  await told;
});

it("work that ends is answered with its own end, and leaves no timer behind", async () => {
  expect(await inTime(2_000, Promise.resolve(7), late)).toBe(7);
  const failing = inTime(2_000, Promise.reject(new Error("its own")), late);
  await expect(failing).rejects.toThrow("its own");
  expect(vi.getTimerCount()).toBe(0);
});
