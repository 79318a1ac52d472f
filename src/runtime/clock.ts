import type { Clock } from "../domain/time.js";

/** The only place that asks the machine for the time. */
export const systemClock: Clock = Object.freeze({ now: () => Date.now() });
