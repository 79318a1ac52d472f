const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Listens for whatever asks this process to end: Ctrl-C, an init system, a closed terminal. The first
 * one is a wish, any further one is impatience.
 *
 * @returns resolves at the first
 */
export function onSignals(first: () => void, further: () => void): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    for (const signal of ENDING) {
      process.on(signal, () => {
        count += 1;
        if (count > 1) return further();
        first();
        resolve();
      });
    }
  });
}
