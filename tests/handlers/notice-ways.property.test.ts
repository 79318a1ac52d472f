import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ChannelId, NoticeWay } from "../../src/domain/notice.js";
import type { Database } from "../../src/store/database.js";
import { type Answer, type Call, isTakenBy, Pages } from "../support/pages.js";
import { type StoreWorld, storeWorld } from "../support/store.js";

/*
 * Random pages of one incident, services that fail in every way, messages that come late, twice and in any order,
 * and an acknowledgement at any moment, the one between a reserve's load and its write included.
 */

const WAYS = ["slack", "pagerduty", "sms", "email"] as const;
const answer = fc.constantFrom<Answer>("ok", "ok", "unavailable", "throttled", "refused", "lost");
const always = fc.constantFrom<Answer | null>(null, null, null, "unavailable", "refused");

const history = fc.record({
  /** The channels of each step, the first at once. */
  steps: fc.array(fc.uniqueArray(fc.constantFrom(...WAYS), { minLength: 1 }), {
    minLength: 1,
    maxLength: 3,
  }),
  next: fc.record({
    slack: fc.array(answer, { maxLength: 4 }),
    pagerduty: fc.array(answer, { maxLength: 4 }),
    sms: fc.array(answer, { maxLength: 4 }),
    email: fc.array(answer, { maxLength: 4 }),
  }),
  always: fc.record({ slack: always, pagerduty: always, sms: always, email: always }),
  /** After so many deliveries; null: nobody answers. */
  acknowledgedAfter: fc.option(fc.nat(14)),
  /** Inside the delivery, between its load and its write, or before it. */
  inside: fc.boolean(),
  order: fc.infiniteStream(fc.nat(1_000)),
});

let w: StoreWorld;
beforeAll(async () => {
  w = await storeWorld();
});
afterAll(() => w.close());

const isPage = ({ template }: Call): boolean =>
  template === "incident-raised" || template === "incident-escalated";

const insteadOf = (channel: ChannelId, used: readonly ChannelId[]): NoticeWay[] =>
  WAYS.filter((way) => way !== channel && !used.includes(way)).map((way) => ({
    channel: way,
    recipient: way,
  }));

/** PagerDuty's own rules for what it took. */
function stateAtPagerDuty(calls: readonly Call[]): "none" | "triggered" | "acknowledged" {
  let state: "none" | "triggered" | "acknowledged" = "none";
  for (const { template } of calls
    .filter(({ channel }) => channel === "pagerduty")
    .filter(isTakenBy)) {
    if (template === "incident-acknowledged") state = state === "none" ? "none" : "acknowledged";
    else state = state === "acknowledged" ? "acknowledged" : "triggered";
  }
  return state;
}

let runs = 0;

async function play(h: typeof history extends fc.Arbitrary<infer T> ? T : never) {
  runs += 1;
  const id = `INC-20261121-${String(runs).padStart(4, "0")}`;
  const pages = new Pages(w, id);
  const { services } = pages;
  services.next = structuredClone(h.next);
  for (const way of WAYS) {
    const forGood = h.always[way];
    if (forGood !== null) services.always[way] = forGood;
  }
  await pages.open(id);
  for (const [nth, channels] of h.steps.entries()) {
    const template = nth === 0 ? "incident-raised" : "incident-escalated";
    const cause = `incident:${id} page:${nth}`;
    const pagesOf = channels.map((channel) => {
      const instead = insteadOf(channel, channels);
      return { channel, template, cause, instead, stopsAt: "acknowledged" } as const;
    });
    await pages.tell(id, ...pagesOf);
    pages.clock.advance(1_000);
  }

  let acknowledged = false;
  const acknowledge = async () => {
    acknowledged = true;
    await pages.become(id, "acknowledged");
    pages.clock.advance(1_000);
    const template = "incident-acknowledged" as const;
    const cause = `incident:${id} acknowledged`;
    await pages.tell(id, { channel: "pagerduty", template, cause });
  };
  const hooked: Database = {
    ...w.database,
    async query(text, values) {
      if (!acknowledged && text.startsWith("WITH")) await acknowledge();
      return w.database.query(text, values);
    },
  };
  const known = new Set<string>();
  for (let delivery = 0; delivery < 60; delivery += 1) {
    const waiting = await pages.waiting(id);
    for (const notice of waiting) known.add(notice);
    if (waiting.length === 0 && (acknowledged || h.acknowledgedAfter === null)) break;
    const due = !acknowledged && h.acknowledgedAfter !== null && delivery >= h.acknowledgedAfter;
    if (due && !h.inside) await acknowledge();
    // Any message that ever was may come again.
    const all = [...known];
    const pick = all[(h.order.next().value ?? 0) % Math.max(1, all.length)];
    if (pick === undefined) {
      if (due && !acknowledged) await acknowledge();
      continue;
    }
    await pages.deliver(pick, due && h.inside ? hooked : w.database);
    pages.clock.advance(45_000);
  }
  // Whatever the order was: the queue brings each until it is done.
  await pages.drain(id, 8);
  return { id, pages, acknowledged };
}

it("nobody is paged after the acknowledgement, and nobody is left out before it", async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  await fc.assert(
    fc.asyncProperty(history, async (h) => {
      const { id, pages, acknowledged } = await play(h);
      const { calls } = pages.services;
      const after = calls.filter((call) => isPage(call) && call.status !== "open");
      expect(after, "pages that left after the acknowledgement").toEqual([]);

      const rows = await pages.notices(id);
      if (!acknowledged) {
        for (const nth of h.steps.keys()) {
          const of = rows.filter(({ cause }) => cause === `incident:${id} page:${nth}`);
          const told = of.some(({ id: notice }) =>
            calls.some((call) => call.noticeId === notice && isTakenBy(call)),
          );
          const tried = new Set(of.map(({ channel }) => channel));
          expect(told || tried.size === WAYS.length, `step ${nth} told, or every way tried`).toBe(
            true,
          );
        }
      } else {
        // Where PagerDuty refuses the acknowledgement itself, a dead letter tells a person.
        const said = rows.find(({ template }) => template === "incident-acknowledged");
        if (said?.status === "sent" || said?.status === "canceled") {
          expect(stateAtPagerDuty(calls), "what PagerDuty shows").not.toBe("triggered");
        }
        const pending = rows.filter(
          ({ status, template }) =>
            (status === "pending" || status === "sending") && template !== "incident-acknowledged",
        );
        expect(pending, "pages that wait still").toEqual([]);
      }
      const twice = new Set(
        rows.map(({ cause, channel, recipient }) => `${cause} ${channel} ${recipient}`),
      );
      expect(twice.size, "one notice for each cause and way").toBe(rows.length);
    }),
    { seed, numRuns: 60 },
  );
}, 120_000);
