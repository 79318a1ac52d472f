import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sourceIds } from "../../src/sources/registry.js";
import { type AdminWorld, adminWorld, STARTED_AT } from "./world.js";

interface Page {
  data: { id: string }[];
  nextCursor: string | null;
}

const HOUR_MS = 3_600_000;
const iso = (hours: number): string => new Date(STARTED_AT + hours * HOUR_MS).toISOString();

let w: AdminWorld;
beforeAll(async () => {
  w = await adminWorld();
  // Every hour, of each of two sources: one event that dies, and one that tells somebody.
  for (let hour = 0; hour < 4; hour += 1) {
    const uniqueId = `u${hour}`;
    await w.deliver({ source: "stripe", sample: "payment-failed", uniqueId, body: `{${hour}` });
    await w.deliver({ source: "sentry", sample: "issue-created", uniqueId, body: `[${hour}` });
    // Of a service of its own: of one service they would be one incident, told once.
    const set = { "data.issue.project.slug": `shop-${hour}` };
    await w.deliver({ source: "sentry", sample: "issue-created", uniqueId, set });
    w.clock.advance(HOUR_MS);
  }
  // A dead notice of each of Sentry's events, as a sweep would leave it.
  await w.database.query(
    `INSERT INTO dead_letter (id, notice_id, status, code, message, hint, deaths, created_at, updated_at, version)
     SELECT 'ded_x' || n.id, n.id, 'open', 'channel_refused', 'm', 'h', 1, n.created_at, n.created_at, 0 FROM notice n`,
    [],
  );
});
afterAll(async () => {
  await w.close();
});

/** All of a list, page by page of two, so that a filter that a cursor loses is seen. */
async function paged(list: string, query: Record<string, string> = {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const asked: Record<string, string> = { ...query, limit: "2", ...(cursor && { cursor }) };
    const page: Page = await w.json(`/api/admin/${list}?${new URLSearchParams(asked)}`);
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null && ids.length < 1_000);
  return ids;
}

const idsWhere = async (table: string, where: string): Promise<string[]> =>
  (await w.database.query<{ id: string }>(`SELECT t.id FROM ${table} t WHERE ${where}`, []))
    .map(({ id }) => id)
    .toSorted()
    .toReversed();

const LETTERS_OF = (source: string) =>
  `EXISTS (SELECT 1 FROM event e LEFT JOIN notice n ON n.event_id = e.id
           WHERE e.source = '${source}' AND (t.event_id = e.id OR t.notice_id = n.id))`;

describe("dead letters of a source", () => {
  it("are those of its events and of the notices that tell of them, page by page", async () => {
    const sentry = await paged("dead-letters", { source: "sentry" });
    expect(sentry).toEqual(await idsWhere("dead_letter", LETTERS_OF("sentry")));
    expect(sentry).toHaveLength(8);
    expect(await paged("dead-letters", { source: "stripe" })).toHaveLength(4);
    expect(await paged("dead-letters", { source: "vercel" })).toEqual([]);
    expect(await paged("dead-letters")).toHaveLength(12);
  });

  it("are narrowed further by every other filter", async () => {
    const source = "sentry";
    const [first] = await paged("dead-letters", { source, code: "channel_refused" });
    const noticeId = first?.slice("ded_x".length) ?? "";
    expect(await paged("dead-letters", { source, noticeId })).toEqual([first]);
    expect(await paged("dead-letters", { source: "stripe", noticeId })).toEqual([]);
    expect(await paged("dead-letters", { source, code: "unreadable_body" })).toHaveLength(4);
    expect(await paged("dead-letters", { source, status: "resolved" })).toEqual([]);
    expect(await paged("dead-letters", { source, since: iso(2) })).toHaveLength(4);
    const [event] = await idsWhere("event", "t.source = 'sentry' AND t.status = 'dead'");
    expect(await paged("dead-letters", { source, eventId: event ?? "" })).toHaveLength(1);
  });
});

describe("since", () => {
  it.each([
    ["events", "event", "received_at"],
    ["dead-letters", "dead_letter", "created_at"],
    ["notifications", "notice", "created_at"],
    ["audit", "audit_entry", "at"],
  ])("%s from that moment on, page by page", async (list, table, column) => {
    const all = await paged(list);
    for (const [since, share] of [
      [iso(0), 1],
      [iso(2), 0.5],
      [iso(2).replace("Z", "+00:00"), 0.5],
      [new Date(STARTED_AT + 2 * HOUR_MS + 1).toISOString(), 0.25],
      [iso(9), 0],
    ] as const) {
      const found = await paged(list, { since });
      expect(found, since).toEqual(await idsWhere(table, `t.${column} >= '${since}'`));
      expect(found.length, since).toBe(all.length * share);
    }
  });

  it("goes along with other filters", async () => {
    const query = { since: iso(3), source: "sentry", status: "dead" };
    expect(await paged("events", query)).toHaveLength(1);
  });

  it.each(["yesterday", "2h", "2026-11-21", "2026-11-21T03:00:00", "2026-13-40T03:00:00Z", ""])(
    "refuses %j, which is no moment",
    async (since) => {
      const answer = await w.ask(`/api/admin/events?since=${encodeURIComponent(since)}`);
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as { detail: string }).detail).toBe(
        "since: must be an ISO 8601 time with its offset, as 2026-11-21T03:00:00Z",
      );
    },
  );
});

describe("a source that there is not", () => {
  it.each(["events", "dead-letters", "deployments", "reconciliations", "discrepancies"])(
    "is refused by %s, which names those that there are",
    async (list) => {
      const answer = await w.ask(`/api/admin/${list}?source=paypal`);
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as { detail: string }).detail).toBe(
        `source: must be one of ${sourceIds.join(", ")}`,
      );
    },
  );
});
