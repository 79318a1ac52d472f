import type { Command } from "commander";
import { ask, type Page, type Row } from "../api.js";
import type { Target } from "../connection.js";
import { CALL, Failure } from "../failure.js";
import { type CommonOptions, common, contextOf } from "../options.js";
import { renderTable } from "./render.js";
import type { Column } from "./resources.js";

interface CreateOptions extends CommonOptions {
  name: string;
  role: string;
}

const KEY_COLUMNS: readonly Column[] = [
  { head: "Name", of: "name" },
  { head: "Role", of: "role" },
  { head: "Status", of: (row) => (row.revokedAt === null ? "active" : "revoked"), kind: "status" },
  { head: "Created", of: "createdAt", kind: "time" },
  { head: "By", of: "createdBy" },
  { head: "Last used", of: "lastUsedAt", kind: "time" },
  { head: "Revoked", of: "revokedAt", kind: "time" },
  { head: "Id", of: "id" },
];

/** `keys`: who may act on this deployment. The key itself is printed once, by `create`. */
export function addKeys(program: Command): void {
  const keys = program.command("keys").description("who may act here, by name");
  common(keys.command("create"))
    .description("make a named key; it is shown this once, only its hash is kept")
    .requiredOption("--name <name>", "whose it is; the audit trail says operator:<name>")
    .requiredOption(
      "--role <role>",
      "read (only what a user is entitled to), operator (all of the admin API), or approver (also approve)",
    )
    .action(async ({ name, role, ...options }: CreateOptions) => {
      const { target, screen } = contextOf(options);
      const call = { method: "POST", body: { name, role } } as const;
      const made = await ask<{ data: Row }>(target, "/keys", call);
      if (options.json === true) return screen.out(JSON.stringify(made));
      screen.out(String(made.data.key));
      screen.err(
        screen.colors.dim(
          `The key of ${name}, ${role}. It is not shown again. In use: SIGNALBOX_KEY=… or --token.`,
        ),
      );
    });
  common(keys.command("list"))
    .description("every key with its role and when it was last used; never the key itself")
    .action(async (options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const page = await ask<Page>(target, "/keys");
      if (options.json === true) return screen.out(JSON.stringify(page));
      const { data } = page;
      screen.out(data.length === 0 ? "No keys." : renderTable(data, KEY_COLUMNS, screen));
    });
  common(keys.command("revoke <name>"))
    .description("end a key, by its name or id: from the next request on it opens nothing")
    .action(async (named: string, options: CommonOptions) => {
      const { target, screen } = contextOf(options);
      const path = `/keys/${encodeURIComponent(await idOf(target, named))}/revoke`;
      const revoked = await ask<{ data: Row }>(target, path, { method: "POST" });
      if (options.json === true) return screen.out(JSON.stringify(revoked));
      screen.out(renderTable([revoked.data], KEY_COLUMNS, screen));
    });
}

/** A name may have had several keys; one at most is in use. */
async function idOf(target: Target, named: string): Promise<string> {
  const { data } = await ask<Page>(target, "/keys");
  const found =
    data.find(({ id }) => id === named) ??
    data.find(({ name, revokedAt }) => name === named && revokedAt === null);
  if (found !== undefined) return String(found.id);
  throw new Failure(`There is no key in use named ${named}.`, `See \`${CALL} keys list\`.`);
}
