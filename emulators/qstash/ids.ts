import { randomBytes, randomInt } from "node:crypto";

/** Sorted by time, so that the primary key's index grows at its end. */
function timed(prefix: string, nowMs: number): string {
  return `${prefix}${nowMs.toString(36).padStart(9, "0")}${randomBytes(12).toString("hex")}`;
}

export const newMessageId = (nowMs: number): string => timed("msg_", nowMs);
export const newScheduleId = (nowMs: number): string => timed("scd_", nowMs);
export const newSigningKey = (): string => `sig_${randomBytes(20).toString("base64url")}`;

let entries = randomInt(1_000_000_000);

/** `<ms>-<n>` like QStash's; n starts anywhere, so a restart under a frozen clock repeats none. */
export function newDlqId(nowMs: number): string {
  entries += 1;
  return `${nowMs}-${entries}`;
}
