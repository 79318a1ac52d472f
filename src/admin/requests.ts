import { z } from "zod";
import { Permanent } from "../domain/errors.js";
import { type Instant, isoOf } from "../domain/time.js";

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 500;
const TEXT_CHARS_MAX = 500;

const limitError = `must be a whole number from 1 to ${LIMIT_MAX}`;
export const limitParam = z.coerce
  .number({ error: limitError })
  .int({ error: limitError })
  .min(1, limitError)
  .max(LIMIT_MAX, limitError)
  .default(LIMIT_DEFAULT);

export const cursorParam = z
  .string()
  .meta({ description: "nextCursor of the page before" })
  .optional();

/** A filter by an exact value. Postgres takes no NUL in a text. */
export const exactly = z
  .string()
  .min(1, "must not be empty")
  .max(TEXT_CHARS_MAX, `may have ${TEXT_CHARS_MAX} characters at most`)
  .refine((value) => !value.includes("\u0000"), "must not hold a NUL character")
  .optional();

/** A filter by when: at this moment or after it. With its offset, because a server knows no zone of the caller's. */
export const sinceParam = z.iso
  .datetime({
    offset: true,
    error: "must be an ISO 8601 time with its offset, as 2026-11-21T03:00:00Z",
  })
  .meta({ description: "At this time or later" })
  .optional();

/** Gateways write it in lower case, the ledger in upper case. */
export const currencyParam = z
  .string()
  .regex(/^[a-z]{3}$/i, "must be three letters, as THB")
  .transform((code) => code.toUpperCase())
  .optional();

export const oneOfThese = (...values: readonly string[]) =>
  z.enum(values, { error: `must be one of ${values.join(", ")}` }).optional();

const reasonError = `must say why, in 1 to ${TEXT_CHARS_MAX} characters`;
export const reasonField = z
  .string({ error: reasonError })
  .trim()
  .min(1, reasonError)
  .max(TEXT_CHARS_MAX, reasonError)
  .meta({ description: "Why; it is kept in the audit trail" });
export const settleBody = z.strictObject({ reason: reasonField }).meta({ id: "Settle" });

const CONFIRM_RESEND =
  "Of a notice that may have arrived, and whose service can no longer tell: send it all the same";
export const replayBody = z
  .strictObject({
    reason: reasonField,
    confirmResend: z
      .boolean({ error: "must be true or false" })
      .meta({ description: CONFIRM_RESEND })
      .optional(),
  })
  .meta({ id: "Replay" });

/** What a replay answers that would send a notice a second time, for all that its service knows. */
export function mayComeTwice(firstCalledAt: Instant | null): Permanent {
  const since = firstCalledAt === null ? "before" : `first at ${isoOf(firstCalledAt)}`;
  const detail = `The notice was handed to its service ${since}, may have arrived, and is too old for the service to know it again: look there; to send it all the same, say confirmResend (--confirm-resend).`;
  return new Permanent("conflict", { detail });
}

/** @throws Permanent `invalid_request` that names each field and what it must be. */
export function parsed<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const detail = result.error.issues.map((issue) => sentenceOf(issue, schema)).join("; ");
  throw new Permanent("invalid_request", { detail });
}

function sentenceOf(issue: z.core.$ZodIssue, schema: z.ZodType): string {
  if (issue.code === "unrecognized_keys") {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(", ") : "";
    return `${issue.keys.join(", ")}: not known here; there is ${known}`;
  }
  const path = issue.path.join(".");
  return path === "" ? "the body must be a JSON object" : `${path}: ${issue.message}`;
}

const CursorSchema = z.tuple([z.string(), z.string().regex(/^[\w-]{1,100}$/)]);

/** Opaque to the caller: which list, and after which row of it. */
export function cursorOf(list: string, after: string): string {
  return btoa(JSON.stringify([list, after]))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** @throws Permanent `invalid_request` when it is no cursor of this list. */
export function afterOf(list: string, cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const read = CursorSchema.safeParse(decoded(cursor));
  if (read.success && read.data[0] === list) return read.data[1];
  throw new Permanent("invalid_request", {
    detail: `cursor: must be the nextCursor of a page of ${list}`,
  });
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return null; // told as an invalid cursor
  }
}
