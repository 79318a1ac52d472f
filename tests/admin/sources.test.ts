import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, posted } from "./world.js";

interface State {
  source: string;
  state: string;
  hold: Record<string, unknown> | null;
  heldEvents: number;
  oldestAt: string | null;
}

let w: AdminWorld;
beforeEach(async () => {
  w = await adminWorld();
});
afterEach(() => w.close());

const act = (path: string, body: unknown = {}) => w.ask(`/api/admin/sources/${path}`, posted(body));
const stateOf = async (source: string): Promise<State | undefined> =>
  (await w.json<{ data: State[] }>("/api/admin/sources")).data.find((one) => one.source === source);
const deliver = (uniqueId: string, source = "stripe", sample = "payment-succeeded") =>
  w.deliver({ source, sample, uniqueId });

describe("a source", () => {
  it("is open, held, draining and open again, and each state says what it needs", async () => {
    expect(await stateOf("stripe")).toEqual({
      source: "stripe",
      state: "open",
      hold: null,
      heldEvents: 0,
      oldestAt: null,
    });
    const held = await act("stripe/hold", { reason: "  a bad release " });
    expect(held.status).toBe(200);
    for (const id of ["a", "b", "c"]) await deliver(id);
    expect(await stateOf("stripe")).toEqual({
      source: "stripe",
      state: "held",
      hold: {
        id: expect.stringMatching(/^hld_/),
        reason: "a bad release",
        heldBy: "admin",
        heldAt: "2026-11-21T03:00:00.000Z",
        letThrough: [],
      },
      heldEvents: 3,
      oldestAt: expect.stringMatching(/^2026-11-21T/),
    });
    expect((await stateOf("sentry"))?.state).toBe("open");
    const released = await act("stripe/release", { reason: "it is right" });
    expect(await released.json()).toMatchObject({
      data: { state: "draining", heldEvents: 3, wasHeld: true },
    });
    const drained = await act("stripe/drain");
    expect(await drained.json()).toMatchObject({
      data: { state: "open", heldEvents: 0, outcomes: { processed: 3 }, ended: "empty" },
    });
  });

  it("may have some held events tried under the hold", async () => {
    await act("stripe/hold", { reason: "a test" });
    const { eventId } = await deliver("a");
    await deliver("b");
    const answer = await act("stripe/release", { only: [eventId], reason: "a test payment" });
    expect(await answer.json()).toMatchObject({
      data: { state: "held", heldEvents: 1, tried: [{ id: eventId, outcome: "processed" }] },
    });
    const trail = await w.json<{ data: object[] }>("/api/admin/audit?action=event.let_through");
    expect(trail.data).toMatchObject([{ subject: eventId, details: { reason: "a test payment" } }]);
  });

  it.each([
    ["stripe/hold", {}, 400, "invalid_request"],
    ["stripe/hold", { reason: " " }, 400, "invalid_request"],
    ["github/hold", { reason: "none" }, 404, "not_found"],
    ["github/release", {}, 404, "not_found"],
    ["github/drain", {}, 404, "not_found"],
    ["stripe/release", {}, 400, "invalid_request"],
    ["stripe/release", { only: ["evt_1"] }, 400, "invalid_request"],
    ["stripe/release", { reason: "r", only: [] }, 400, "invalid_request"],
    ["stripe/release", { reason: "r", only: ["evt_1"] }, 409, "conflict"],
    ["stripe/release", { reason: "r", everything: true }, 400, "invalid_request"],
  ])("POST %s with %j is %i", async (path, body, status, code) => {
    const answer = await act(path, body);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      status,
      code,
    ]);
  });

  it("that is held already says since when and by whom; one that is not may be released", async () => {
    await act("stripe/hold", { reason: "one" });
    const again = await act("stripe/hold", { reason: "two" });
    expect(again.status).toBe(409);
    expect(((await again.json()) as { detail: string }).detail).toBe(
      "stripe is held already, since 2026-11-21T03:00:00.000Z by admin.",
    );
    const reason = "it is right";
    const never = await act("sentry/release", { reason });
    expect([never.status, await never.json()]).toMatchObject([200, { data: { wasHeld: false } }]);
    expect((await act("stripe/release", { reason, only: ["evt_none"] })).status).toBe(404);
  });
});
