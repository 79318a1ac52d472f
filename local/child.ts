import { explain } from "./failure.js";
import type { Order, Report } from "./messages.js";

/** However the stopping goes, the process ends after this. */
const STOP_TIMEOUT_MS = 45_000;

export const report = (message: Report): void => {
  process.send?.(message);
};

interface Work {
  ready: Extract<Report, { type: "ready" }>;
  stop(): Promise<void>;
  /** Starts or stops the queue's emulator; only the platform has it. */
  setQueue?(open: boolean): Promise<void>;
}

/** Says why it can't go on, and ends; not before it is said. */
function fail(error: unknown): void {
  console.error(error);
  const failed: Report = { type: "failed", message: explain(error) };
  process.send?.(failed, () => process.exit(1));
}

/**
 * The life of a process that belongs to a parent: it waits for its order, says when it is ready, and
 * ends when told to, on SIGTERM, and when its parent is gone, however that went. Ctrl-C at the
 * terminal, or its closing, reaches it as well and is left to the parent, who knows the order of things.
 *
 * @param begin starts the work and hands back what stops it
 */
export function liveAsChild<Type extends "platform" | "app">(
  type: Type,
  begin: (order: Extract<Order, { type: Type }>) => Promise<Work>,
): void {
  let running: Promise<Work> | undefined;
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    try {
      await (await running)?.stop();
      process.exit(0);
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  };
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("SIGTERM", () => void stop());
  process.on("disconnect", () => void stop());
  process.on("message", (message: Order) => {
    if (message.type === "stop") void stop();
    if (message.type === "queue") void setQueue(message.open);
    if (message.type !== type || running !== undefined) return;
    running = begin(message as Extract<Order, { type: Type }>);
    running.then(({ ready }) => report(ready), fail);
  });
  const setQueue = async (open: boolean): Promise<void> => {
    try {
      await (await running)?.setQueue?.(open);
      report({ type: "queue", open });
    } catch (error) {
      fail(error);
    }
  };
}
