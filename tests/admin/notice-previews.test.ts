import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TEMPLATES } from "../../src/domain/notice.js";
import { ADMIN_TOKEN, type AdminWorld, adminWorld } from "./world.js";

let w: AdminWorld;

beforeAll(async () => {
  w = await adminWorld();
});
afterAll(() => w.close());

interface Preview {
  data: {
    template: string;
    locale: string;
    subject: string;
    html: string;
    text: string;
    data: Record<string, unknown>;
  };
}

const preview = (path: string) => w.json<Preview>(`/api/admin/notices/preview/${path}`);

describe("GET /notices/preview/{template}", () => {
  it("shows every template in both languages, with the data that it was made of", async () => {
    for (const template of TEMPLATES) {
      const [thai, english] = await Promise.all([
        preview(`${template}?locale=th`),
        preview(`${template}?locale=en-GB`),
      ]);
      expect(thai.data).toMatchObject({ template, locale: "th" });
      expect(thai.data.html).toContain('lang="th"');
      expect(thai.data.text).toMatch(/\p{Script=Thai}/u);
      expect(english.data.html).toContain('<html dir="ltr" lang="en">');
      expect(english.data.text).not.toMatch(/\p{Script=Thai}/u);
      expect(english.data.data).toMatchObject({ timeZone: "Asia/Bangkok" });
    }
  });

  it("takes English where no language is asked for, and sends nothing", async () => {
    const { data } = await preview("payment-received");
    expect(data.locale).toBe("en");
    expect(data.subject).toBe("Payment received: ฿1,999.00");
    const kept = await w.json<{ data: unknown[] }>("/api/admin/notifications");
    expect(kept.data).toEqual([]);
  });

  it("names the templates to whoever asks for another", async () => {
    const answer = await w.ask("/api/admin/notices/preview/payment_received");
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      code: "not_found",
      detail: expect.stringContaining("payment-received, payment-failed"),
    });
  });

  it("refuses a locale that is none, and strangers", async () => {
    const path = "/api/admin/notices/preview/payment-received";
    const odd = await w.ask(`${path}?locale=%3Cscript%3E`);
    expect([odd.status, await odd.json()]).toMatchObject([400, { code: "invalid_request" }]);
    const other = await w.ask(`${path}?locale=xx`);
    expect([other.status, await other.json()]).toMatchObject([
      400,
      {
        code: "invalid_request",
        detail: expect.stringContaining("mails are written in en and th"),
      },
    ]);
    const headers = { authorization: `Bearer not-${ADMIN_TOKEN}` };
    expect((await w.ask(path, { headers })).status).toBe(401);
  });
});
