const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const PARENT_EVERY_MS = 500;

/**
 * npm hands a signal to the shell that it runs us in, and that shell ends without a word to us: then
 * the only sign is that our parent is gone. Run without npm, outliving one's shell may be wanted.
 */
function onParentGone(then: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    then();
  }, PARENT_EVERY_MS);
  timer.unref();
}

/**
 * Listens for whatever asks this process to end: Ctrl-C, an init system, a closed terminal, npm ended.
 * The first one is a wish, any further signal is impatience.
 *
 * @returns resolves at the first
 */
export function onSignals(first: () => void, further: () => void): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    onParentGone(() => {
      count += 1;
      if (count > 1) return;
      first();
      resolve();
    });
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
