import type { Instant } from "../../domain/time.js";
import type { WatchDeps } from "./deps.js";
import { measure } from "./measure.js";
import { watchThresholds } from "./thresholds.js";

export {
  type BalanceDeps,
  type DoorBalance,
  readDoorBalance,
  watchBalance,
} from "./balance.js";
export { watchCanaries } from "./canary.js";
export type { WatchDeps } from "./deps.js";
export { watchLag } from "./lag.js";
export { type WithoutDatabaseDeps, watchDatabase } from "./without-database.js";

/** Measures the minutes that are over, and looks at the thresholds as each of them ended. */
export async function watchMinutes(
  deps: WatchDeps,
): Promise<{ minutes: number; raised: number; resolved: number }> {
  const minutes: Instant[] = await measure(deps);
  return { minutes: minutes.length, ...(await watchThresholds(minutes, deps)) };
}
