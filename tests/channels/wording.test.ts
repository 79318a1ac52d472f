import { describe, expect, it } from "vitest";
import { clip, instantIn, moneyText, textIn, urlIn } from "../../src/channels/notice-data.js";
import {
  dayText,
  durationText,
  knownLocale,
  placeText,
  timeText,
} from "../../src/channels/wording.js";
import { AT } from "./notices.js";

describe("wording", () => {
  it("writes a time as the reader does, with its zone", () => {
    expect(timeText(AT, "th-TH", "Asia/Bangkok")).toBe(
      "20 พฤศจิกายน พ.ศ. 2568 เวลา 14:05 น. (เวลาไทย, GMT+7)",
    );
    expect(timeText(AT, "en-GB", "UTC")).toBe("20 November 2025 at 07:05 (UTC)");
    expect(timeText(AT, "en-US", "America/New_York")).toBe(
      "November 20, 2025 at 2:05 AM (ET, GMT-5)",
    );
  });

  it("writes one moment alike in a mail and at Slack, whose readers' English is of no region", () => {
    expect(timeText(AT, "en", "UTC")).toBe(timeText(AT, "en-GB", "UTC"));
    expect(dayText(AT, "en", "UTC")).toBe(dayText(AT, "en-GB", "UTC"));
  });

  it("names the service after a title that does not begin with it", () => {
    expect(placeText("Status 502", "shop", "production")).toBe(" (shop, production)");
    expect(placeText("Shop: Status 502", "shop", "production")).toBe(" (production)");
    expect(placeText("Shop: Status 502", "shop")).toBe("");
    expect(placeText("Shopping is slow", "shop")).toBe(" (shop)");
    expect(placeText("Status 502", null)).toBe("");
  });

  it("falls back to English and UTC where a webhook brought nonsense", () => {
    expect(timeText(AT, "not a locale", "Mars/Olympus")).toBe("20 November 2025 at 07:05 (UTC)");
  });

  it("mends a locale that is only written otherwise", () => {
    expect(["en_US", " th ", "EN-gb", "en-!", "the rest"].map(knownLocale)).toEqual([
      "en-US",
      "th",
      "en-GB",
      "en",
      "en",
    ]);
  });

  it("says a duration by its two largest units", () => {
    expect(durationText(0, "en")).toBe("1 second");
    expect(durationText(59_000, "en")).toBe("59 seconds");
    expect(durationText(60_000, "en")).toBe("1 minute");
    expect(durationText(3_900_000, "th")).toBe("1 ชั่วโมง 5 นาที");
    expect(durationText(2 * 86_400_000 + 59_000, "en")).toBe("2 days");
    expect(durationText(90_061_000, "en")).toBe("1 day 1 hour");
  });

  it("reads text as one printable line", () => {
    expect(textIn({ a: " a\r\nb\u0000\u202ec " }, "a")).toBe("a b c");
    expect(textIn({ a: "  " }, "a")).toBeNull();
    expect(textIn({}, "a")).toBeNull();
  });

  it("reads no moment beyond the calendar", () => {
    expect(instantIn({ a: 8.65e15 }, "a")).toBeNull();
    expect(instantIn({ a: Number.NaN }, "a")).toBeNull();
    expect(instantIn({ a: AT }, "a")).toBe(AT);
  });

  it("reads only links of the web", () => {
    expect(urlIn({ a: "https://example.com/a b" }, "a")).toBe("https://example.com/a%20b");
    for (const a of [
      "javascript:alert(1)",
      "data:text/html,x",
      "nonsense",
      `https://e.example/${"x".repeat(600)}`,
    ]) {
      expect(urlIn({ a }, "a")).toBeNull();
    }
  });

  it("cuts text between characters and shows that it did", () => {
    expect(clip("abcdef", 6)).toBe("abcdef");
    expect(clip("abcdefg", 6)).toBe("abcde…");
    expect(clip("😀😀😀", 4)).toBe("😀…");
  });

  it("writes an amount of a currency that Intl refuses plainly", () => {
    expect(moneyText({ amountMinor: 1_999, currency: "TOKENS" }, "en")).toBe("19.99 TOKENS");
    expect(moneyText({ amountMinor: 500, currency: "JPY" }, "en")).toBe("¥500");
  });
});
