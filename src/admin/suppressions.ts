import type { Hono } from "hono";
import { z } from "zod";
import { SUPPRESSION_REASONS } from "../domain/notice.js";
import type { SuppressionOperations } from "../operations/suppressions.js";
import { jsonOf, limited } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed, reasonField } from "./requests.js";
import { suppression } from "./schemas.js";

const EMAIL_CHARS_MAX = 254;
// Never with the value: what is wrong with an address is not a place to repeat it.
const emailError = `must be a mail address of ${EMAIL_CHARS_MAX} characters at most`;
export const emailField = z
  .string({ error: emailError })
  .trim()
  .max(EMAIL_CHARS_MAX, emailError)
  .regex(/^[^\s@<>]+@[^\s@<>]+$/, emailError)
  .meta({ description: "Never logged" });

const kindError = (kinds: readonly string[]): string => `must be one of ${kinds.join(", ")}`;
const ADDED = ["manual", "unsubscribed"] as const;

export const addSuppressionBody = z
  .strictObject({
    email: emailField,
    reason: reasonField,
    kind: z
      .enum(ADDED, { error: kindError(ADDED) })
      .default("manual")
      .meta({ description: "manual: no mail at all; unsubscribed: none that one may do without" }),
  })
  .meta({ id: "NewSuppression" });

export const removeSuppressionBody = z
  .strictObject({
    email: emailField,
    reason: reasonField,
    kind: z
      .enum(SUPPRESSION_REASONS, { error: kindError(SUPPRESSION_REASONS) })
      .meta({ description: "Only this one; without it all of the address" })
      .optional(),
  })
  .meta({ id: "RemovedSuppression" });

export const checkSuppressionBody = z
  .strictObject({ email: emailField })
  .meta({ id: "SuppressionCheck" });

export const suppressionState = z
  .object({
    suppressions: z.array(suppression).meta({ description: "What holds; none: all is sent" }),
    sends: z.object({
      transactional: z.boolean().meta({ description: "Mail that its reader is owed" }),
      other: z.boolean().meta({ description: "Mail that one may do without" }),
    }),
  })
  .meta({ id: "SuppressionState" });

/** The address travels in the body alone, because addresses of requests are logged along the way. */
export function serveSuppressions(
  app: Hono<AdminEnv>,
  { operations }: { operations: SuppressionOperations },
): void {
  app.post("/suppressions", limited, async (c) => {
    const { email, reason: because, kind } = parsed(addSuppressionBody, await jsonOf(c));
    const { actor } = c.var.caller;
    const row = await operations.addSuppression({ email, because, actor, reason: kind });
    return c.json({ data: suppression.parse(row) });
  });
  app.post("/suppressions/check", limited, async (c) => {
    const { email } = parsed(checkSuppressionBody, await jsonOf(c));
    return c.json({ data: suppressionState.parse(await operations.checkSuppression(email)) });
  });
  app.post("/suppressions/remove", limited, async (c) => {
    const { email, reason: because, kind } = parsed(removeSuppressionBody, await jsonOf(c));
    const { actor } = c.var.caller;
    const rows = await operations.removeSuppressions({ email, because, actor, reason: kind });
    return c.json({ data: rows.map((row) => suppression.parse(row)) });
  });
}
