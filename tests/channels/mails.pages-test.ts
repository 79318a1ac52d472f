import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openChromium, openPage } from "../../cli/chromium.js";
import { noticePreviews } from "../../src/admin/notice-previews.js";
import { renderEmail } from "../../src/channels/resend/emails/render.js";
import { previewMail } from "../../src/channels/resend/emails/samples.js";
import { TEMPLATES } from "../../src/domain/notice.js";
import { run, served } from "../cli/run.js";
import { missingGlyphsOf, overflowsOf, seenOn } from "../support/page-faults.js";
import { fullOf, notice } from "./notices.js";

const LOCALES = ["th", "en-GB"];
const WIDTHS_PX = [360, 640];
const FRAME = { platformName: "Mock Exam", timeZone: "Asia/Bangkok" };

/** What a reader must never see: a value that is none, a placeholder, a name from the code. */
const RAW = new RegExp(
  [
    "undefined|\\bnull\\b|NaN|Invalid Date|\\[object|[{}]|\\$\\{",
    "\\b[a-z]+[A-Z]\\w*",
    ...TEMPLATES,
  ].join("|"),
);

let browser: Browser;
/** One for all, shown one mail after another: to open one takes longer than to look at it. */
let page: Page;

// Without a browser nothing here can be known: this fails, and says what to install.
beforeAll(async () => {
  browser = await openChromium(process.env).catch((cause) => {
    throw new Error(`${cause.message} ${cause.next}`, { cause });
  });
  page = await openPage(browser, "", 640);
});
afterAll(() => browser?.close());

async function show(html: string, widthPx = 640): Promise<void> {
  await page.setViewportSize({ width: widthPx, height: 400 });
  await page.setContent(html);
}

/** Amounts, days and times as they stand in a text; each once. */
const numbersIn = (text: string): string[] => {
  const written = text.match(/(?:[฿$¥€£]|\b[A-Z]{3}\s)?\d(?:[\d.,:]*\d)?/gu) ?? [];
  return [...new Set(written.map((number) => number.replace(/\s/g, " ")))].sort();
};

const flat = (text: string): string => text.replace(/\s+/g, " ").trim();

describe("every mail in the browser", () => {
  for (const template of TEMPLATES) {
    for (const locale of LOCALES) {
      it(`${template} for ${locale} fits, has all letters, and says in text what it says in HTML`, async () => {
        const { html, text, subject } = await previewMail(template, locale, FRAME);
        await show(html);
        expect(await missingGlyphsOf(page)).toEqual([]);
        for (const widthPx of WIDTHS_PX) {
          await page.setViewportSize({ width: widthPx, height: 400 });
          expect(await overflowsOf(page)).toEqual([]);
          const picture = await page.screenshot({ fullPage: true });
          expect(picture.readUInt32BE(16)).toBe(widthPx); // IHDR's width: not one pixel more
        }
        const seen = await seenOn(page);
        for (const said of [seen, text, subject]) expect(said).not.toMatch(RAW);
        expect(numbersIn(seen)).toEqual(numbersIn(text.replace(/https?:\S+/g, "")));
        // Word for word, the large figure too: it stands in the rows, with its currency's code.
        const sentences = await page.locator("h1, h2, p, td.value, th.label, a").allInnerTexts();
        expect(sentences.length).toBeGreaterThan(5);
        for (const sentence of sentences) expect(flat(text)).toContain(flat(sentence));
      });
    }
  }
});

describe("whatever people and platforms are called", () => {
  const long = "Wolfeschlegelsteinhausenbergerdorff".repeat(2);
  const thai = "กรุงเทพมหานครอมรรัตนโกสินทร์มหินทรายุธยา".repeat(2);
  const cases = [
    ["one long word", { userName: long, packageRef: long.repeat(3), paymentExternalId: long }],
    ["Thai without blanks", { userName: thai, packageRef: thai, paymentExternalId: thai }],
    ["markup", { userName: "<b>&amp;\"Bob'", packageRef: "<script>alert(1)</script><img src=x>" }],
    ["turned writing", { userName: "\u202eevil", packageRef: "a\u0000b\u2066c" }],
    ["yen", { amountMinor: 1_234_567, refundMinor: 500, currency: "JPY" }],
    ["dinar", { amountMinor: 1_234_567, refundMinor: 1_500, currency: "KWD" }],
    ["large sums", { amountMinor: 9_007_199_254_740_991, refundMinor: 9_007_199_254_740_991 }],
  ] as const;
  for (const [name, data] of cases) {
    it(`${name}: fits a small telephone`, async () => {
      for (const template of ["payment-received", "refund-issued", "entitlement-expiring"] as const)
        for (const locale of LOCALES) {
          const about = notice(template, { locale, data: { ...fullOf(template), ...data } });
          const { html } = await renderEmail(about, { platformName: "Mock Exam" });
          await show(html, 360);
          expect(await overflowsOf(page)).toEqual([]);
        }
    });
  }
});

describe("the look itself", () => {
  it("finds what reaches out, and a letter that no font has", async () => {
    await show(`<body><p style="width:900px">wide</p></body>`);
    expect(await overflowsOf(page)).toContain("P reaches out of the window");
    await show("<body><p>odd \u0378 and \u{1fffd}</p></body>");
    expect(await missingGlyphsOf(page)).toEqual(["no font has U+0378", "no font has U+1fffd"]);
  });
});

describe("notices preview", () => {
  it("writes the picture beside the HTML and the text", async () => {
    const app = new Hono().route(
      "/api/admin/notices",
      noticePreviews({ previewNotice: (template, locale) => previewMail(template, locale, FRAME) }),
    );
    const [admin, folder] = [await served(app), mkdtempSync(join(tmpdir(), "signalbox-mails-"))];
    try {
      const args = ["notices", "preview", "refund-issued", "--locale", "th", "--out", folder];
      const { CHROMIUM_PATH = "" } = process.env;
      const ran = await run([...args, "--json"], { ...admin.env, CHROMIUM_PATH });
      expect(ran).toMatchObject({ code: 0, err: "" });
      const { files } = JSON.parse(ran.out).data;
      const picture = readFileSync(files.png);
      expect(picture.subarray(1, 4).toString()).toBe("PNG");
      expect([picture.readUInt32BE(16), picture.length > 10_000]).toEqual([640, true]);
      expect(readFileSync(files.text, "utf8")).toContain("คืนเงินบางส่วนแล้ว");
    } finally {
      await admin.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
