import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld, posted } from "./world.js";

interface Letter {
  id: string;
  status: string;
  eventId: string;
  audit?: { action: string; actor: string; details: unknown }[];
}

let w: AdminWorld;
let letter: Letter;
let made = 0;

beforeAll(async () => {
  w = await adminWorld();
});
afterAll(() => w.close());

beforeEach(async () => {
  made += 1;
  w.relayed.length = 0;
  await w.deliver({ source: "stripe", sample: "payment-failed", body: `{ ${made}` });
  const { data } = await w.json<{ data: Letter[] }>("/api/admin/dead-letters?limit=1");
  letter = data[0] as Letter;
});

const settle = (verb: string, body: unknown): Promise<Response> =>
  w.ask(`/api/admin/dead-letters/${letter.id}/${verb}`, posted(body));

describe("replay", () => {
  it("is 202: the letter is replaying, the message is on its way, the reason is in the trail", async () => {
    const answer = await settle("replay", { reason: "  the parser was mended  " });
    expect(answer.status).toBe(202);
    const { data } = (await answer.json()) as { data: Letter };
    expect(data).toMatchObject({ id: letter.id, status: "replaying" });
    expect(w.relayed.map(({ message }) => message)).toEqual([
      expect.objectContaining({ type: "event.replay.v1", eventId: letter.eventId }),
    ]);
    expect(data.audit?.[0]).toMatchObject({
      action: "dead_letter.replayed",
      actor: "admin",
      details: { reason: "the parser was mended" },
    });
  });
});

describe("replay of a notice that may have arrived", () => {
  it("is 409 and says what to do; with confirmResend it is 202, and the trail says so", async () => {
    await w.deliver({ source: "sentry", sample: "issue-created", uniqueId: `n${made}` });
    const [notice] = await w.database.query<{ id: string }>(
      `UPDATE notice SET status = 'unknown', calls = 1, first_called_at = to_timestamp($1)
       WHERE id = (SELECT max(id) FROM notice) RETURNING id`,
      [w.clock.now() / 1000 - 24 * 3_600],
    );
    letter = { ...letter, id: "ded_0000000" }; // sorts before those that count
    await w.database.query(
      `INSERT INTO dead_letter (id, notice_id, status, code, message, hint, deaths, created_at, updated_at, version)
       VALUES ($1, $2, 'open', 'notice_unconfirmed', 'm', 'h', 1, now(), now(), 0)`,
      [letter.id, notice?.id],
    );
    const asked = await settle("replay", { reason: "looked" });
    expect([asked.status, await asked.json()]).toMatchObject([
      409,
      { code: "conflict", detail: expect.stringContaining("--confirm-resend") },
    ]);
    expect((await settle("replay", { reason: "looked", confirmResend: "yes" })).status).toBe(400);
    const answer = await settle("replay", { reason: "looked", confirmResend: true });
    const { data } = (await answer.json()) as { data: Letter };
    expect([answer.status, data.status]).toEqual([202, "replaying"]);
    expect(data.audit?.[0]).toMatchObject({ details: { resendConfirmed: true } });
  });
});

describe("discard", () => {
  it("is 200: letter and event are discarded, and cannot be settled again", async () => {
    const answer = await settle("discard", { reason: "a test of ours" });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ data: { id: letter.id, status: "discarded" } });
    const event = await w.json(`/api/admin/events/${letter.eventId}`);
    expect(event).toMatchObject({ data: { status: "discarded" } });
    for (const verb of ["replay", "discard"]) {
      const again = await settle(verb, { reason: "again" });
      expect(again.status).toBe(409);
      expect(await again.json()).toMatchObject({
        code: "conflict",
        detail: "The dead letter is discarded already.",
      });
    }
  });
});

describe.each(["replay", "discard"])("%s, asked wrongly", (verb) => {
  const REASON = "reason: must say why, in 1 to 500 characters";
  it.each([
    ["no reason", {}, REASON],
    ["an empty reason", { reason: "" }, REASON],
    ["a reason of blanks", { reason: "  \n " }, REASON],
    ["too long a reason", { reason: "x".repeat(501) }, REASON],
    ["a reason that is no text", { reason: 5 }, REASON],
    ["a field too many", { reason: "r", force: true }, /^force: not known here; there is reason/],
    ["a list", [], "the body must be a JSON object"],
    ["null", null, "the body must be a JSON object"],
  ])("%s is 400, names the field and changes nothing", async (_name, body, detail) => {
    const answer = await settle(verb, body);
    expect(answer.status).toBe(400);
    const said = typeof detail === "string" ? detail : expect.stringMatching(detail);
    expect(await answer.json()).toMatchObject({ code: "invalid_request", detail: said });
    expect(w.relayed).toEqual([]);
    const { data } = await w.json<{ data: Letter }>(`/api/admin/dead-letters/${letter.id}`);
    expect(data.status).toBe("open");
  });

  it("a body that is no JSON, or none, is 400", async () => {
    for (const body of ["{", "", "reason=x"]) {
      const answer = await w.ask(`/api/admin/dead-letters/${letter.id}/${verb}`, {
        ...posted({}),
        body,
      });
      expect(answer.status).toBe(400);
    }
  });

  it("a body far too large is 413", async () => {
    expect((await settle(verb, { reason: "x".repeat(20_000) })).status).toBe(413);
  });

  it("a dead letter that does not exist is 404", async () => {
    letter = { ...letter, id: "ded_none" };
    const answer = await settle(verb, { reason: "r" });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ detail: "There is no dead letter ded_none." });
  });

  it("text that Postgres cannot hold is cleaned, not refused", async () => {
    const answer = await settle(verb, { reason: "nul \u0000 and half \ud83d" });
    expect(answer.status).toBeLessThan(300);
  });
});
