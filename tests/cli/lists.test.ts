import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminWorld, adminWorld } from "../admin/world.js";
import { run, type Served, served } from "./run.js";

let w: AdminWorld;
let s: Served;

beforeAll(async () => {
  w = await adminWorld();
  await w.deliver({ source: "stripe", sample: "payment-succeeded" });
  w.clock.advance(1_000);
  await w.deliver({ source: "stripe", sample: "checkout-completed" });
  await w.deliver({ source: "stripe", sample: "checkout-completed" });
  await w.deliver({ source: "sentry", sample: "issue-created" });
  await w.deliver({ source: "stripe", sample: "payment-failed", body: "{" });
  s = await served(w.app);
});
afterAll(async () => {
  await s.close();
  await w.close();
});

/** What the command prints, line by line; it must succeed and say nothing else. */
async function printed(...args: string[]): Promise<string[]> {
  const { code, out, err } = await run(args, s.env);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out.trimEnd().split("\n");
}

const ids = async (list: string): Promise<string[]> => {
  const { data } = await w.json<{ data: { id: string }[] }>(`/api/admin/${list}`);
  return data.map(({ id }) => id);
};

describe("list", () => {
  it("events: a table in the zone of the machine, newest first", async () => {
    const [dead, issue, checkout, paid] = await ids("events");
    expect(await printed("events", "list")).toEqual([
      "Received (Asia/Bangkok)  Id          Source  Type                        Status     Attempts  Seen again by a worker  Error",
      `2026-11-21 10:00:01      ${dead}  stripe  unreadable                  dead       1         0                       unreadable_body`,
      `2026-11-21 10:00:01      ${issue}  sentry  issue.created               processed  1         0`,
      `2026-11-21 10:00:01      ${checkout}  stripe  checkout.session.completed  processed  1         1`,
      `2026-11-21 10:00:00      ${paid}  stripe  payment_intent.succeeded    processed  1         0`,
    ]);
  });

  it("payments: amounts with their currency, times in UTC when asked", async () => {
    const [payment] = await ids("payments");
    expect(await printed("payments", "list", "--utc")).toEqual([
      "Updated (UTC)        Id          External id             State      Amount        Refunded  Disputed  User           Mode  Events",
      `2026-11-21 03:00:01  ${payment}  pi_sample_purchase_one  succeeded  THB 1,999.00                      user_sample_1  test  2`,
    ]);
  });

  it.each([
    [
      "dead-letters",
      /^Created .* +Status +Code +Event or notice +What +Deaths +Why +Updated/,
      /open +unreadable_body +evt_\w+ +stripe unreadable +1 +.*The body was signed/,
    ],
    [
      "entitlements",
      /Status +Starts \(Asia.Bangkok\) +Ends \(Asia.Bangkok\) +Mode +From$/,
      /user_sample_1 +pro-monthly +active +2026-11-21 10:00:\d\d +never +test +pi_/,
    ],
    [
      "incidents",
      /Severity +Status +Service +Title +Alerts +Signals +Has it$/,
      /P\d +open +shop .*… +1 +1$/,
    ],
    ["notifications", /Channel +Template +Recipient/, /slack +incident-raised +slack +pending$/],
    ["audit", /Action +Actor +Subject +Details +Event$/, /dead_letter.opened +source:stripe +ded_/],
  ])("%s", async (list, head, first) => {
    const lines = await printed(list, "list");
    expect(lines[0]).toMatch(head);
    expect(lines[1]).toMatch(first);
  });

  it("says so when there is nothing", async () => {
    expect(await printed("deployments", "list")).toEqual(["No deployments."]);
    expect(await printed("dead-letters", "list", "--status", "resolved")).toEqual([
      "No dead letters.",
    ]);
    expect(await printed("refusals")).toEqual(["No refusals."]);
    expect(await printed("audit", "list", "--action", "none")).toEqual(["No audit entries."]);
  });

  it("narrows by its filters", async () => {
    const lines = await printed("events", "list", "--source", "sentry", "--status", "processed");
    expect(lines).toHaveLength(2);
    const [payment] = await ids("payments");
    expect(await printed("audit", "list", "--subject", payment ?? "")).toHaveLength(3);
  });

  it("tells how to go on, goes on from there, and fetches all when asked", async () => {
    const first = await run(["events", "list", "--limit", "3"], s.env);
    const cursor = /--cursor (\S+),/.exec(first.err)?.[1] ?? "";
    expect(first.err).toBe(`There are more: --cursor ${cursor}, or --all.\n`);
    expect(await printed("events", "list", "--limit", "3", "--cursor", cursor)).toHaveLength(2);
    expect(await printed("events", "list", "--limit", "1", "--all")).toHaveLength(5);
  });

  it("prints with --json what the API answers, as one document", async () => {
    const [line, ...more] = await printed("events", "list", "--json", "--limit", "2");
    expect(more).toEqual([]);
    expect(JSON.parse(line ?? "")).toEqual(await w.json("/api/admin/events?limit=2"));
    const all = JSON.parse(
      (await printed("events", "list", "--json", "--all", "--limit", "1"))[0] ?? "",
    );
    expect(all.nextCursor).toBeNull();
    expect(all.data.map(({ id }: { id: string }) => id)).toEqual(await ids("events"));
  });
});

describe("show", () => {
  it("an event: its fields, then attempts, notifications and audit trail", async () => {
    const id = (await ids("events")).at(-1) ?? "";
    const lines = await printed("events", "show", id);
    const [payment] = await ids("payments");
    expect(lines.slice(0, 15)).toEqual([
      `id                ${id}`,
      "source            stripe",
      "type              payment_intent.succeeded",
      "eventKey          evt_sample_payment_succeeded_one",
      "status            processed",
      "requestId         req_msg_1",
      "occurredAt        2026-11-21 10:00:00 Asia/Bangkok",
      "receivedAt        2026-11-21 10:00:00 Asia/Bangkok",
      "processedAt       2026-11-21 10:00:00 Asia/Bangkok",
      "attempts          1",
      "duplicates        0",
      "error             –",
      "trace.runId       –",
      "trace.reasons     payment pi_sample_purchase_one is succeeded, as the event says; the first that is known of it",
      `trace.reasons     payment ${payment} goes from nothing to succeeded`,
    ]);
    for (const title of ["Attempts", "Notifications", "Audit trail"]) {
      expect(lines).toContain(title);
    }
    expect(lines.at(-1)).toMatch(/payment\.recorded +source:stripe +pay_/);
  });

  it("a payment: amount in words that need no counting of digits", async () => {
    const [payment] = await ids("payments");
    const lines = await printed("payments", "show", payment ?? "", "--utc");
    const width = "entitlement.revokedBecause".length;
    expect(lines).toContain(`${"amount".padEnd(width)}  THB 1,999.00`);
    expect(lines).toContain(`${"entitlement.status".padEnd(width)}  active`);
    expect(lines).toContain(`${"disputed".padEnd(width)}  THB 0.00`);
    expect(lines).toContain(`${"paidAt".padEnd(width)}  2026-11-21 03:00:00 UTC`);
    expect(lines).toEqual(expect.arrayContaining(["At the gateway", "Notifications"]));
    expect(lines.join("\n")).toMatch(/payment +pi_sample_purchase_one +succeeded +THB 1,999\.00/);
    expect(await printed("payments", "show", "pi_sample_purchase_one", "--utc")).toEqual(lines);
  });

  it("an audit trail: its times are no milliseconds", async () => {
    const [line] = (await printed("audit", "list", "--action", "entitlement.granted")).slice(1);
    expect(line).toContain("startsAt=2026-11-21 10:00:0");
  });

  it("a mail: its text line by line, its HTML only with --json", async () => {
    const [id] = await ids("notifications");
    const payload = { html: "<p>long</p>", text: "Hello\n\nTwo\u001b[2J" };
    await w.database.query("UPDATE notice SET payload = $1 WHERE id = $2", [payload, id]);
    const lines = await printed("notifications", "show", id ?? "");
    const at = lines.findIndex((line) => line.startsWith("payload.text"));
    expect(lines[at]).toMatch(/^payload\.text +Hello$/);
    expect(lines[at + 1]).toBe("");
    expect(lines[at + 2]).toMatch(/^ +Two·\[2J$/);
    expect(lines.join()).not.toContain("<p>");
    expect((await printed("notifications", "show", id ?? "", "--json"))[0]).toContain(
      "<p>long</p>",
    );
  });

  it("what is not there: a sentence, the request id, exit code 1", async () => {
    const { code, out, err } = await run(["events", "show", "evt_none"], s.env);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(
      /^There is no event evt_none\. \(request req_\d+\)\nSee `npx --no signalbox events list`\.\n$/,
    );
  });
});

describe("body", () => {
  it("is what the provider sent, byte for byte", async () => {
    const [dead] = await ids("events");
    expect(await run(["events", "body", dead ?? ""], s.env)).toEqual({
      code: 0,
      out: "{",
      err: "",
    });
    const { code, err } = await run(["events", "body", "evt_none"], s.env);
    expect(code).toBe(1);
    expect(err).toContain("There is no event evt_none.");
  });
});

describe("what providers wrote", () => {
  it("cannot colour the screen, move the cursor or break a line", async () => {
    const title = "\u001b[31mred\u001b[2J\nsecond\u202eline\u0007";
    await w.database.query("UPDATE incident SET title = $1", [title]);
    for (const args of [["list"], ["show", (await ids("incidents"))[0] ?? ""]]) {
      const { out } = await run(["incidents", ...args], s.env);
      expect(out).toContain("·[31mred·[2J second·line·");
      for (const raw of ["\u001b", "\u0007", "\u202e"]) expect(out).not.toContain(raw);
    }
  });
});

describe("colours", () => {
  const colorCode = "\u001b[";
  it("are for terminals: none in a pipe, not even in CI; FORCE_COLOR asks, NO_COLOR forbids", async () => {
    const colored = async (env: Record<string, string>) =>
      (await run(["events", "list"], { ...s.env, ...env })).out.includes(colorCode);
    expect(await colored({})).toBe(false);
    expect(await colored({ CI: "true" })).toBe(false);
    expect(await colored({ FORCE_COLOR: "1" })).toBe(true);
    expect(await colored({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
  });
});

describe("what was kept in milliseconds", () => {
  it("is read as times and lengths by a person: what a notice was made of", async () => {
    const { data } = await w.json<{ data: { id: string; template: string }[] }>(
      "/api/admin/notifications",
    );
    const raised = data.find(({ template }) => template === "incident-raised");
    const lines = await printed("notifications", "show", raised?.id ?? "");
    const of = (field: string) => lines.find((line) => line.startsWith(`data.${field} `));
    expect(of("openedAt")).toMatch(/ 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d Asia\/Bangkok$/);
    expect(of("lasted")).toMatch(/ (\d+ s|\d+ min|\d+ h( \d+ min)?|\d+ d( \d+ h)?)$/);
    expect(lines.join("\n")).not.toMatch(/^data\.\w+(At|Ms) +\d+$/m);
  });
});

describe("suppressions remove", () => {
  it("says that it stands no more, and what is sent from now on", async () => {
    await printed("suppressions", "add", "a@example.com", "--reason", "asked by phone");
    const lines = await printed("suppressions", "remove", "a@example.com", "--reason", "mended");
    expect(lines).toEqual([
      expect.stringMatching(
        /^Removed: manual \(since 2026-11-21 \d\d:\d\d:\d\d Asia\/Bangkok\)\.$/,
      ),
      "It is not suppressed: all mail is sent.",
    ]);
    const [none] = await printed("suppressions", "remove", "a@example.com", "--reason", "again");
    expect(none).toBe("It was not suppressed; nothing was done.");
  });
});
