import type { SourceHold } from "../domain/hold.js";
import type { TemplateData } from "../domain/notice-templates.js";
import { type NoticeRequest, PlanBuilder } from "../domain/plan.js";
import { HOUR_MS } from "../domain/time.js";
import type { Policy } from "../policy/schema.js";
import { apply } from "../store/apply.js";
import { lastHold, toldOfPause, underWay } from "../store/hold-notices.js";
import { untilStill } from "../store/until-still.js";
import type { HoldDeps } from "./hold-source.js";
import type { Relay } from "./relay-outbox.js";

export interface TellDeps extends HoldDeps {
  relay: Relay;
  policy: Policy;
}

export interface ToldOfHold {
  /** Null: the source was never held. */
  template: "payments-paused" | "payments-resumed" | null;
  /** Mails that were planned by this call; who was told before is not told again. */
  told: number;
}

/** Whoever has begun to pay since then may still be at it. */
const UNDER_WAY_MS = 24 * HOUR_MS;
const PAGE = 100;

/**
 * Tells customers of a hold, each once: while it lasts those who have a payment under way that payments are paused, and
 * after it the same ones that they can pay again. Called again it tells whom it has not told.
 *
 * @throws Transient when the database is not to be had.
 */
export async function tellOfHold(
  { source, actor }: { source: string; actor: string },
  deps: TellDeps,
): Promise<ToldOfHold> {
  const hold = await lastHold(deps.database, source);
  if (hold === null) return { template: null, told: 0 };
  const template = hold.releasedAt === null ? "payments-paused" : "payments-resumed";
  // Moved: somebody else tells them at the same moment.
  const tellPage = (): Promise<number> =>
    untilStill(`telling of hold ${hold.id}`, async () => {
      const page = await requestsFor(hold, template, deps);
      if (page.length === 0) return 0;
      const { clock, ids } = deps;
      const requestId = ids.next("request");
      const plan = new PlanBuilder({ now: clock.now(), ids, actor, eventId: null, requestId });
      for (const request of page) plan.notify(request);
      plan.audit("source.told", hold.id, { source, template, recipients: page.length });
      const built = plan.build();
      await apply(deps.database, built);
      await deps.relay(built.inserts.outbox ?? []);
      return page.length;
    });
  let told = 0;
  for (let page = await tellPage(); page > 0; page = await tellPage()) told += page;
  return { template, told };
}

async function requestsFor(
  hold: SourceHold,
  template: "payments-paused" | "payments-resumed",
  { database, policy }: TellDeps,
): Promise<NoticeRequest[]> {
  const cause = `hold:${hold.id}`;
  const { timeZone, defaultLocale } = policy.payments;
  if (template === "payments-paused") {
    const since = { from: hold.heldAt - UNDER_WAY_MS, limit: PAGE, cause };
    const people = await underWay(database, since);
    return people.map(({ recipient, locale, userName }) => ({
      channel: "email",
      template,
      cause,
      recipient,
      locale: locale ?? defaultLocale,
      data: { userName, timeZone, pausedAt: hold.heldAt } satisfies TemplateData["payments-paused"],
    }));
  }
  const people = await toldOfPause(database, { cause, limit: PAGE });
  return people.map(({ recipient, locale, userName }) => ({
    channel: "email",
    template,
    cause,
    recipient,
    locale,
    data: {
      userName,
      timeZone,
      resumedAt: hold.releasedAt,
    } satisfies TemplateData["payments-resumed"],
  }));
}
