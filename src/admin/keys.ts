import type { Hono } from "hono";
import { z } from "zod";
import { type ApiKey, type Caller, ROLES } from "../domain/operator.js";
import { idOf, jsonOf, limited, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed } from "./requests.js";
import { apiKey, madeKey } from "./schemas.js";

const nameError =
  "must be 1 to 40 lower-case letters, digits and hyphens, beginning with a letter or digit";
const roleError = `must be one of ${ROLES.join(", ")}`;
export const keyBody = z
  .strictObject({
    name: z
      .string({ error: nameError })
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, nameError)
      .meta({ description: "Whose it is; the audit trail says operator:name" }),
    role: z.enum(ROLES, { error: roleError }).meta({
      description:
        "read: only what a user is entitled to; operator: all of this API; approver: also approve what another has proposed",
    }),
  })
  .meta({ id: "NewKey" });

export interface KeyOperations {
  listKeys(): Promise<ApiKey[]>;
  createKey(request: {
    name: string;
    role: ApiKey["role"];
    caller: Caller;
  }): Promise<{ key: ApiKey; text: string }>;
  revokeKey(request: { id: string; caller: Caller }): Promise<ApiKey | null>;
}

/** Who may act here, by name. No answer but that of the making holds a key's text. */
export function serveKeys(
  app: Hono<AdminEnv>,
  { operations }: { operations: KeyOperations },
): void {
  app.get("/keys", async (c) => {
    const rows = await operations.listKeys();
    return c.json({ data: rows.map((row) => apiKey.parse(row)), nextCursor: null });
  });
  app.post("/keys", limited, async (c) => {
    const { name, role } = parsed(keyBody, await jsonOf(c));
    const { key, text } = await operations.createKey({ name, role, caller: c.var.caller });
    return c.json({ data: madeKey.parse({ ...key, key: text }) }, 201);
  });
  app.post("/keys/:id/revoke", async (c) => {
    const id = idOf(c, "key");
    const key = await operations.revokeKey({ id, caller: c.var.caller });
    if (key === null) throw notFound("key", id);
    return c.json({ data: apiKey.parse(key) });
  });
}
