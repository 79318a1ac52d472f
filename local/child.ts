import { explain } from "./failure.js";
import type { Order, Report } from "./messages.js";

/** However the stopping goes, the process ends after this. */
const STOP_TIMEOUT_MS = 45_000;

export const report = (message: Report): void => {
  process.send?.(message);
};

/**
 * The life of a process that belongs to a parent: it waits for its order, says when it is ready, and
 * ends when told to, on SIGTERM, and when its parent is gone, however that went. Ctrl-C at the
 * terminal reaches it as well and is left to the parent, who knows the order of things.
 *
 * @param begin starts the work and hands back what stops it
 */
export function liveAsChild<Type extends Exclude<Order["type"], "stop">>(
  type: Type,
  begin: (order: Extract<Order, { type: Type }>) => Promise<{
    ready: Extract<Report, { type: "ready" }>;
    stop: () => Promise<void>;
  }>,
): void {
  let running: Promise<() => Promise<void>> | undefined;
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    try {
      await (await running)?.();
      process.exit(0);
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  };
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => void stop());
  process.on("disconnect", () => void stop());
  process.on("message", (message: Order) => {
    if (message.type === "stop") void stop();
    if (message.type !== type || running !== undefined) return;
    running = begin(message as Extract<Order, { type: Type }>).then(
      (started) => {
        report(started.ready);
        return started.stop;
      },
      (error: unknown) => {
        console.error(error);
        const failed: Report = { type: "failed", message: explain(error) };
        process.send?.(failed, () => process.exit(1)); // not before it is said
        return () => Promise.reject(error);
      },
    );
  });
}
