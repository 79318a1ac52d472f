import { pino } from "pino";
import type { Log } from "../domain/ports.js";
import { type Clock, isoOf } from "../domain/time.js";

/** Node's log: one wide line per step. Redaction is a second net; nothing secret should come this far. */
export function createPinoLog(clock: Clock, level: string, deploymentId: string | undefined): Log {
  const log = pino({
    level,
    base: deploymentId === undefined ? null : { deploymentId },
    timestamp: () => `,"timestamp":"${isoOf(clock.now())}"`,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: "action",
    redact: {
      paths: ["authorization", "token", "secret", "password", "email", "recipient", "body"],
      censor: "[redacted]",
    },
  });
  return {
    info: (action, fields) => log.info(fields, action),
    warn: (action, fields) => log.warn(fields, action),
    error: (action, fields) => log.error(fields, action),
  };
}
