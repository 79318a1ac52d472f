import { totalmem } from "node:os";

/** Memory of this process beside what its container or its machine has; null where no limit is told. */
export function memoryPercent(): number | null {
  const constrained = process.constrainedMemory();
  // Without a limit the kernel's is told: more than there is.
  const limit = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  return limit > 0 ? (100 * process.memoryUsage.rss()) / limit : null;
}
