import { Permanent } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import { type ApiKey, type Caller, maySame, type Role } from "../domain/operator.js";
import { PlanBuilder } from "../domain/plan.js";
import type { Clock } from "../domain/time.js";
import { keyHashOf } from "../store/api-keys.js";
import { apply } from "../store/apply.js";
import type { Database } from "../store/database.js";
import { load, read } from "../store/load.js";
import { untilStill } from "../store/until-still.js";

export interface KeyDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  /** A fresh key: `sbk_` and 256 bits of chance. */
  newKey(): string;
}

/**
 * Makes a key. Its text is in the answer and nowhere else, so it is told this once. Only an approver, or the
 * bootstrap token that makes the first one, makes approvers: an operator who could would be both people of a
 * deed that needs two.
 *
 * @throws Permanent `conflict` when a key of this name is in use; `forbidden`.
 */
export async function createKey(
  { name, role, caller }: { name: string; role: Role; caller: Caller },
  deps: KeyDeps,
): Promise<{ key: ApiKey; text: string }> {
  if (role === "approver" && caller.actor !== "admin" && !maySame(caller.role, "approver")) {
    const detail = "A key of the role approver is made by an approver, or with ADMIN_TOKEN.";
    throw new Permanent("forbidden", { detail });
  }
  const text = deps.newKey();
  const key = await untilStill(`the key ${name}`, async () => {
    const { live } = await load(deps.database, {
      live: read("apiKey", "t.name = ? AND t.revoked_at IS NULL", [name]),
    });
    if (live.length > 0) {
      throw new Permanent("conflict", {
        detail: `A key named ${name} is in use; revoke it first.`,
      });
    }
    const now = deps.clock.now();
    const made: ApiKey = {
      id: deps.ids.next("apiKey"),
      name,
      role,
      keyHash: keyHashOf(text),
      createdBy: caller.actor,
      createdAt: now,
      lastUsedAt: null,
      revokedBy: null,
      revokedAt: null,
      version: 0,
    };
    const plan = planFor(caller, deps).insert("apiKey", made);
    await apply(deps.database, plan.audit("api_key.created", made.id, { name, role }).build());
    return made;
  });
  return { key, text };
}

/**
 * From the next request on the key opens nothing.
 *
 * @returns null when there is no key of this id; one that is revoked already stays as it is.
 */
export function revokeKey(
  { id, caller }: { id: string; caller: Caller },
  deps: Omit<KeyDeps, "newKey">,
): Promise<ApiKey | null> {
  return untilStill(`key ${id}`, async () => {
    const { keys } = await load(deps.database, { keys: read("apiKey", "t.id = ?", [id]) });
    const key = keys[0];
    if (key === undefined || key.revokedAt !== null) return key ?? null;
    const revoked = { revokedAt: deps.clock.now(), revokedBy: caller.actor };
    const plan = planFor(caller, deps).update("apiKey", key, revoked);
    await apply(deps.database, plan.audit("api_key.revoked", id, { name: key.name }).build());
    return { ...key, ...revoked };
  });
}

function planFor({ actor }: Caller, { clock, ids }: Omit<KeyDeps, "newKey">): PlanBuilder {
  const requestId = ids.next("request");
  return new PlanBuilder({ now: clock.now(), ids, actor, eventId: null, requestId });
}
