import { describe, expect, it } from "vitest";
import { renderEmail } from "../../src/channels/resend/emails/render.js";
import { isTransactional, type NoticeData, TEMPLATES } from "../../src/domain/notice.js";
import { AT, fullOf, notice } from "./notices.js";

const DAY_MS = 86_400_000;
const FRAME = { platformName: "Example" };

type Mail = (typeof TEMPLATES)[number];

async function mailOf(template: Mail, locale: string, data: NoticeData = {}) {
  const about = notice(template, { locale, data: { ...fullOf(template), ...data } });
  return renderEmail(about, FRAME);
}

/** The text part for a Thai reader, who gets both languages. */
const textOf = async (template: Mail, data: NoticeData = {}) =>
  (await mailOf(template, "th", data)).text;

describe("what a customer is told", () => {
  it("of a payment: until when they have what they paid for", async () => {
    const data = { entitlementEndsAt: Date.UTC(2026, 4, 20, 7, 5) };
    const text = await textOf("payment-received", data);
    expect(text).toContain("คุณใช้แพ็กเกจ ADVANCED ได้ถึงวันที่ 20 พฤษภาคม พ.ศ. 2569\n");
    expect(text).toContain("ใช้ได้ถึง: 20 พฤษภาคม พ.ศ. 2569 เวลา 14:05 น. (เวลาไทย, GMT+7)");
    expect(text).toContain("You can use the ADVANCED package until 20 May 2026.");
    const unnamed = await textOf("payment-received", { ...data, packageRef: null });
    expect(unnamed).toContain("คุณใช้แพ็กเกจนี้ได้ถึงวันที่ 20 พฤษภาคม พ.ศ. 2569");
    expect(unnamed).toContain("You can use your package until 20 May 2026.");
  });

  it("of a payment that waits for them: what to do, and until when", async () => {
    const { subject, text } = await mailOf("payment-action-required", "th", { actionBy: AT });
    expect(subject).toBe("โปรดยืนยันการชำระเงิน ฿1,999.00 · Please confirm your payment");
    expect(text).toContain("โปรดยืนยันภายใน: 20 พฤศจิกายน พ.ศ. 2568 เวลา 14:05 น. (เวลาไทย, GMT+7)");
    expect(text).toContain("Confirm payment: https://shop.example/checkout/confirm");
  });

  it.each([
    [
      "all of it",
      { refundMinor: 199_900, full: true },
      "เราได้คืนเงินเต็มจำนวน ฿1,999.00 ให้คุณแล้ว",
      "We have refunded the full amount of ฿1,999.00.",
    ],
    [
      "the rest of it",
      { refundMinor: 49_900, full: true },
      "เราได้คืนเงินส่วนที่เหลือ ฿499.00 ให้คุณแล้ว",
      "We have refunded the remaining ฿499.00. Together with what was refunded before, that is all of the ฿1,999.00 that you paid.",
    ],
    [
      "a part of it",
      { refundMinor: 50_000, full: false },
      "เราได้คืนเงิน ฿500.00 จากยอดที่ชำระ ฿1,999.00 ให้คุณแล้ว",
      "We have refunded ฿500.00 of the ฿1,999.00 that you paid.",
    ],
  ])("of a refund: %s", async (_, data, thai, english) => {
    const text = await textOf("refund-issued", data);
    expect(text).toContain(thai);
    expect(text).toContain(english);
    expect(text).toContain("5 ถึง 10 วันทำการ");
  });

  it("of a refund in a currency without decimals, and with three", async () => {
    const yen = await textOf("refund-issued", {
      currency: "JPY",
      amountMinor: 1_999,
      refundMinor: 500,
    });
    expect(yen).toContain("We have refunded ¥500 of the ¥1,999 that you paid.");
    const dinar = await textOf("refund-issued", {
      currency: "KWD",
      amountMinor: 1_999,
      refundMinor: 500,
    });
    expect(dinar).toContain("We have refunded KWD 0.500 of the KWD 1.999 that you paid.");
  });

  it("of a refund that failed: why where it is known, and that the money is not lost", async () => {
    const gone = await textOf("refund-failed", { failureCode: "expired_or_canceled_card" });
    expect(gone).toContain("has expired or was canceled");
    const unknown = await textOf("refund-failed", { failureCode: "unknown" });
    expect(unknown).not.toContain("has expired");
    for (const text of [gone, unknown]) expect(text).toContain("The money is still yours.");
  });

  it("of a correction: what changed for them", async () => {
    const of = (data: NoticeData) => textOf("payment-corrected", data);
    expect(await of({ correction: "refunded", refundMinor: 50_000 })).toContain(
      "We have refunded ฿500.00 to you.",
    );
    expect(await of({ correction: "refunded" })).toContain("We have refunded ฿1,999.00 to you.");
    const ends = { entitlementEndsAt: AT };
    expect(await of({ correction: "granted", ...ends })).toContain(
      "You can use the ADVANCED package now, until 20 November 2025.",
    );
    const open = { entitlementEndsAt: null };
    expect(await of({ correction: "granted", ...open })).toContain("คุณใช้แพ็กเกจ ADVANCED ได้แล้ว\n");
    expect(await of({ correction: "revoked" })).toContain(
      "We have withdrawn the ADVANCED package, because it was given",
    );
    expect(await of({ correction: "canceled" })).toContain("nothing will be charged for it.");
    const newer = await of({ correction: "something_newer" });
    expect(newer).toContain("We apologize for the inconvenience.");
    expect(newer).not.toContain("something_newer");
  });
});

describe("what a subscriber is told", () => {
  it.each([
    ["month", 1, "฿299.00 (THB) ต่อเดือน", "฿299.00 (THB) a month"],
    ["year", null, "฿299.00 (THB) ต่อปี", "฿299.00 (THB) a year"],
    ["month", 3, "฿299.00 (THB) ทุก 3 เดือน", "฿299.00 (THB) every 3 months"],
    ["fortnight", 1, "ค่าบริการ: ฿299.00 (THB)\n", "Price: ฿299.00 (THB)\n"],
  ])("the price per period: %s × %s", async (interval, intervalCount, thai, english) => {
    const text = await textOf("subscription-started", { interval, intervalCount });
    expect(text).toContain(thai);
    expect(text).toContain(english);
  });

  it("no price where only its use will tell it", async () => {
    for (const none of [{ amountMinor: null }, { amountMinor: null, currency: null }]) {
      const text = await textOf("subscription-started", none);
      expect(text).toContain("Your free trial runs until");
      expect(text).not.toMatch(/Price|ค่าบริการ:/);
    }
  });

  it("a trial only where there is one", async () => {
    expect(await textOf("subscription-started")).toContain("Your free trial runs until");
    const paid = await textOf("subscription-started", { trialEndsAt: null });
    expect(paid).not.toMatch(/trial|ทดลอง/);
  });

  it("of a payment that fails: why, when it is tried again, and what happens otherwise", async () => {
    const text = await textOf("subscription-payment-failing", {
      nextAttemptAt: AT + 3 * DAY_MS,
      entitlementEndsAt: AT + 7 * DAY_MS,
    });
    expect(text).toContain("The card has expired.");
    expect(text).toContain(
      "We will try again on 23 November 2025. If no payment arrives, you can use your package until 27 November 2025.",
    );
    const last = { nextAttemptAt: null, entitlementEndsAt: null, failureCode: null };
    const bare = await textOf("subscription-payment-failing", last);
    expect(bare).not.toMatch(/try again|until|expired/);
  });

  it("of its end: whether they may still use it", async () => {
    const later = { canceledAt: AT, endsAt: AT + 30 * DAY_MS };
    expect(await textOf("subscription-canceled", later)).toContain(
      "You can still use it until 20 December 2025, and nothing more will be charged.",
    );
    for (const ended of [
      { canceledAt: AT, endsAt: AT },
      { canceledAt: null, endsAt: null },
    ]) {
      const text = await textOf("subscription-canceled", ended);
      expect(text).toContain("It has ended, and nothing more will be charged.");
      expect(text).toContain("สิทธิ์การใช้งานสิ้นสุดแล้ว");
    }
  });
});

describe("what every customer is told", () => {
  it("of an outage of payments: the platform's own sentences", async () => {
    const { subject, text } = await mailOf("payments-paused", "th");
    expect(subject).toBe("ระงับการชำระเงินชั่วคราว · Payments are paused");
    expect(text).toContain("\nการชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง\n");
    expect(text).toContain("\nระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก\n");
    expect(text).toContain("\nSystem is being fixed. We apologize for the inconvenience.\n");
  });

  it("of a package that ends, and that has ended", async () => {
    const ending = await mailOf("entitlement-expiring", "th", { endsAt: AT });
    expect(ending.text).toContain("แพ็กเกจ ADVANCED ของคุณจะหมดอายุในวันที่ 20 พฤศจิกายน พ.ศ. 2568");
    const ended = await mailOf("entitlement-expired", "en", { endedAt: AT });
    expect(ended.text).toContain("Your ADVANCED package ended on 20 November 2025.");
  });

  it("how to unsubscribe, on the mails that one may do without", async () => {
    const unsubscribeUrl = "https://hooks.example/unsubscribe?to=1&as=2";
    const { html, text } = await renderEmail(notice("payments-paused", { locale: "th" }), {
      ...FRAME,
      unsubscribeUrl,
    });
    expect(text).toContain(`ยกเลิกการรับอีเมลประเภทนี้: ${unsubscribeUrl}`);
    expect(text).toContain(`Unsubscribe from messages like this: ${unsubscribeUrl}`);
    expect(html).toContain(`href="${unsubscribeUrl.replace("&", "&amp;")}"`);
    const without = await mailOf("payments-paused", "th");
    expect(without.text + without.html).not.toMatch(/nsubscribe|ยกเลิกการรับ/);
    expect(TEMPLATES.filter((template) => !isTransactional(template))).toEqual([
      "entitlement-expiring",
      "payments-paused",
      "payments-resumed",
      "user-incident",
      "user-update",
      "user-resolved",
      "user-maintenance",
    ]);
  });

  it("a way to get help, where no other button is", async () => {
    const supportUrl = "https://shop.example/help";
    expect(await textOf("payment-received", { supportUrl })).toContain(`Contact us: ${supportUrl}`);
    const failed = await textOf("payment-failed", { supportUrl });
    expect(failed).not.toContain(supportUrl);
    expect(await textOf("payment-received", { supportUrl: "javascript:alert(1)" })).not.toContain(
      "Contact us",
    );
  });

  it("its title once, so that a mail program shows the subject", async () => {
    const { html } = await mailOf("payment-received", "th");
    expect(html.match(/<title>/g)).toHaveLength(1);
  });
});
