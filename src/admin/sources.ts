import type { Hono } from "hono";
import { z } from "zod";
import { Permanent } from "../domain/errors.js";
import type { SourceHold } from "../domain/hold.js";
import type { Drained, DrainOutcome } from "../operations/drain-source.js";
import type { HoldRequest } from "../operations/hold-source.js";
import { LET_THROUGH_MAX, type ReleaseRequest } from "../operations/release-source.js";
import type { ToldOfHold } from "../operations/tell-of-hold.js";
import type { HeldState } from "../store/holds.js";
import { jsonOf, limited, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed, settleBody } from "./requests.js";
import { drainedSource, sourceState } from "./schemas.js";

const onlyError = `must be 1 to ${LET_THROUGH_MAX} ids of held events`;
export const releaseBody = z
  .strictObject({
    reason: settleBody.shape.reason,
    only: z
      .array(z.string().regex(/^[\w-]{1,100}$/, onlyError), { error: onlyError })
      .min(1, onlyError)
      .max(LET_THROUGH_MAX, onlyError)
      .meta({
        description: "Works on these held events and keeps the hold: a test before the release",
      })
      .optional(),
  })
  .meta({ id: "Release" });

export const releasedSource = sourceState
  .extend({
    tried: z.array(z.object({ id: z.string(), outcome: z.string() })),
    wasHeld: z.boolean().meta({ description: "False: there was no hold to end" }),
  })
  .meta({ id: "ReleasedSource" });

export const toldOfHold = z
  .object({
    template: z.string().nullable().meta({ description: "Null: it was never held" }),
    told: z.int().meta({ description: "Mails planned by this call" }),
  })
  .meta({ id: "ToldOfHold" });

export interface SourceOperations {
  readHolds(): Promise<{ holds: SourceHold[]; counts: HeldState[] }>;
  holdSource(request: HoldRequest): Promise<SourceHold>;
  releaseSource(request: ReleaseRequest): Promise<SourceHold | null>;
  letThrough(
    request: ReleaseRequest & { events: readonly string[] },
  ): Promise<{ id: string; outcome: DrainOutcome }[]>;
  drainSource(source: string): Promise<Drained>;
  tellOfHold(request: { source: string; actor: string }): Promise<ToldOfHold>;
}

interface SourceDeps {
  /** Ids of the sources. */
  sources: readonly string[];
  operations: SourceOperations;
}

/** Whether events of a source are worked on: hold, release, and the drain of what was held. */
export function serveSources(app: Hono<AdminEnv>, deps: SourceDeps): void {
  const { operations } = deps;
  const known = (id: string): string => {
    if (!deps.sources.includes(id)) throw notFound("source", id.slice(0, 100));
    return id;
  };
  app.get("/sources", async (c) => {
    const states = await statesOf(deps.sources, operations);
    return c.json({ data: states.map((state) => sourceState.parse(state)), nextCursor: null });
  });
  app.post("/sources/:id/hold", limited, async (c) => {
    const source = known(c.req.param("id"));
    const { reason } = parsed(settleBody, await jsonOf(c));
    await operations.holdSource({ source, reason, actor: c.var.caller.actor });
    return c.json({ data: sourceState.parse(await stateOf(source, operations)) });
  });
  app.post("/sources/:id/release", limited, async (c) => {
    const source = known(c.req.param("id"));
    const { reason, only } = parsed(releaseBody, await jsonOf(c));
    const request = { source, reason, actor: c.var.caller.actor };
    const tried =
      only === undefined ? [] : await operations.letThrough({ ...request, events: only });
    const wasHeld = only !== undefined || (await operations.releaseSource(request)) !== null;
    return c.json({
      data: releasedSource.parse({ ...(await stateOf(source, operations)), tried, wasHeld }),
    });
  });
  app.post("/sources/:id/tell", async (c) => {
    const source = known(c.req.param("id"));
    const told = await operations.tellOfHold({ source, actor: c.var.caller.actor });
    return c.json({ data: toldOfHold.parse(told) });
  });
  app.post("/sources/:id/drain", async (c) => {
    const source = known(c.req.param("id"));
    const { outcomes, ended } = await operations.drainSource(source);
    const state = await stateOf(source, operations);
    return c.json({ data: drainedSource.parse({ ...state, outcomes, ended }) });
  });
}

type State = z.input<typeof sourceState>;

async function statesOf(
  sources: readonly string[],
  operations: SourceOperations,
): Promise<State[]> {
  const { holds, counts } = await operations.readHolds();
  return sources.map((source) => {
    const hold = holds.find((one) => one.source === source) ?? null;
    const count = counts.find((one) => one.source === source);
    const heldEvents = count?.heldEvents ?? 0;
    const state = hold !== null ? "held" : heldEvents > 0 ? "draining" : "open";
    return { source, state, hold, heldEvents, oldestAt: count?.oldestAt ?? null };
  });
}

async function stateOf(source: string, operations: SourceOperations): Promise<State> {
  const [state] = await statesOf([source], operations);
  if (state === undefined) throw new Permanent("not_found");
  return state;
}
