import { describe, expect, it } from "vitest";
import { renderEmail } from "../../src/channels/resend/emails/render.js";
import { TEMPLATES } from "../../src/domain/notice.js";
import { FULL_INCIDENT, fullOf, INCIDENT, notice, PAYMENT } from "./notices.js";

const BROKEN = /undefined|null|NaN|Invalid Date|\[object|[{}]|\b[a-z]+[A-Z][a-z]+/;
const FRAME = { platformName: "Example" };
const LOCALES = ["th", "en-GB"];
const ODD_LOCALES = ["th_TH", "en", "en_US", "en ", "en-!", "ja", "", "not a locale"];

const textOf = async (...args: Parameters<typeof notice>) =>
  (await renderEmail(notice(...args), FRAME)).text;

describe("emails", () => {
  for (const template of TEMPLATES) {
    const odd = template.endsWith("-failed") ? ODD_LOCALES : [];
    for (const locale of [...LOCALES, ...odd]) {
      it(`renders ${template} for ${locale} without a gap, whether the data is full or bare`, async () => {
        const required = new Set([
          ...["amountMinor", "refundMinor", "currency", "incidentId", "stormId"],
          ...["messageEn", "titleEn"],
        ]);
        const full = fullOf(template);
        const bare = Object.fromEntries(Object.entries(full).filter(([key]) => required.has(key)));
        for (const data of [full, bare]) {
          const mail = await renderEmail(notice(template, { locale, data }), FRAME);
          const seen = mail.html.replace(/<style>[\s\S]*?<\/style>/g, "").replace(/<[^>]*>/g, " ");
          for (const part of [mail.subject, mail.text, seen]) expect(part).not.toMatch(BROKEN);
          expect(mail.html).toContain(
            `<html dir="ltr" lang="${locale.startsWith("th") ? "th" : "en"}">`,
          );
          expect(mail.html).not.toMatch(/<script|<img|src=/);
        }
      });
    }
  }

  it("says of an escalation only what also holds on its last step", async () => {
    const data = { ...FULL_INCIDENT, acknowledgedBy: null };
    const text = await textOf("incident-escalated", { locale: "th", data });
    expect(text).toContain("Acknowledge it so that nobody else is told.");
    expect(text).toContain("รับเรื่องนี้เพื่อให้ระบบไม่ต้องแจ้งผู้อื่นอีก");
  });

  it("asks nobody to acknowledge where there is no link for it, or somebody has it: it says who", async () => {
    const told = { ...FULL_INCIDENT, unansweredMinutes: null, ackUrl: null };
    const textWith = (acknowledgedBy: string | null) =>
      textOf("incident-escalated", { locale: "th", data: { ...told, acknowledgedBy } });
    const [nobody, anna, clicked] = await Promise.all(
      [null, "operator:anna", "link:slack"].map(textWith),
    );
    for (const text of [nobody, anna, clicked]) {
      expect(text).not.toContain("so that nobody else is told");
      expect(text).not.toContain("รับเรื่องนี้เพื่อ");
      expect(text).toContain("You will be told when it is resolved.");
    }
    expect(nobody).not.toContain("has it.");
    expect(anna).toContain("anna has it.");
    expect(anna).toContain("anna รับเรื่องนี้แล้ว");
    expect(clicked).toContain("Somebody (Slack) has it.");
    expect(clicked).toContain("ผู้ที่กดลิงก์ใน Slack รับเรื่องนี้แล้ว");
  });

  it("names in a list whoever has an incident, as a message of it does", async () => {
    const listed = (acknowledgedBy: string) => {
      const line = { id: "INC-1", severity: "P1", title: "Down", status: "acknowledged" };
      const incidents = JSON.stringify([{ ...line, acknowledgedBy }]);
      return textOf("incident-digest", { locale: "th", data: { count: 1, incidents } });
    };
    const clicked = await listed("link:slack");
    expect(clicked).toContain("Acknowledged: Somebody (Slack)");
    expect(clicked).toContain("รับเรื่องแล้ว: ผู้ที่กดลิงก์ใน Slack");
    expect(await listed("operator:anna")).toContain("Acknowledged: anna");
  });

  it("confirms a payment in Thai first and English second", async () => {
    const mail = await renderEmail(notice("payment-received", { locale: "th" }), FRAME);
    expect(mail.subject).toBe("ชำระเงินเรียบร้อยแล้ว ฿1,999.00 · Payment received");
    expect(mail.text).toMatchInlineSnapshot(`
      "Example

      ชำระเงินเรียบร้อยแล้ว

      สวัสดีคุณ Somchai Jaidee

      เราได้รับการชำระเงินของคุณเรียบร้อยแล้ว ขอขอบคุณ

      จำนวนเงิน: ฿1,999.00 (THB)
      แพ็กเกจ: ADVANCED
      วันที่ชำระเงิน: 20 พฤศจิกายน พ.ศ. 2568 เวลา 14:05 น. (เวลาไทย, GMT+7)
      หมายเลขอ้างอิง: pi_example_1

      โปรดเก็บอีเมลฉบับนี้ไว้เป็นหลักฐาน ไม่ต้องดำเนินการใด ๆ เพิ่มเติม

      อีเมลฉบับนี้ส่งโดยอัตโนมัติจาก Example

      ----------------------------------------

      Payment received

      Hello Somchai Jaidee,

      We have received your payment. Thank you.

      Amount: ฿1,999.00 (THB)
      Package: ADVANCED
      Paid on: 20 November 2025 at 14:05 (Thailand Time, GMT+7)
      Reference: pi_example_1

      There is nothing more to do. Please keep this message for your records.

      This message was sent automatically by Example.
      "
    `);
  });

  it("confirms a payment in English only", async () => {
    expect(await textOf("payment-received", { locale: "en-GB" })).toMatchInlineSnapshot(`
      "Example

      Payment received

      Hello Somchai Jaidee,

      We have received your payment. Thank you.

      Amount: ฿1,999.00 (THB)
      Package: ADVANCED
      Paid on: 20 November 2025 at 14:05 (Thailand Time, GMT+7)
      Reference: pi_example_1

      There is nothing more to do. Please keep this message for your records.

      This message was sent automatically by Example.
      "
    `);
  });

  it("tells a failed payment in Thai first and English second", async () => {
    const mail = await renderEmail(notice("payment-failed", { locale: "th" }), FRAME);
    expect(mail.subject).toBe("การชำระเงิน ฿1,999.00 ไม่สำเร็จ · Payment failed");
    expect(mail.text).toMatchInlineSnapshot(`
      "Example

      การชำระเงินไม่สำเร็จ

      สวัสดีคุณ Somchai Jaidee

      การชำระเงินจำนวน ฿1,999.00 ไม่สำเร็จ และเรายังไม่ได้รับเงินสำหรับรายการนี้

      ยอดเงินหรือวงเงินไม่เพียงพอ

      โปรดตรวจสอบยอดเงินหรือวงเงินแล้วลองอีกครั้ง หรือใช้บัตรหรือช่องทางชำระเงินอื่น

      จำนวนเงิน: ฿1,999.00 (THB)
      แพ็กเกจ: ADVANCED
      วันที่ทำรายการ: 20 พฤศจิกายน พ.ศ. 2568 เวลา 14:05 น. (เวลาไทย, GMT+7)
      หมายเลขอ้างอิง: pi_example_1

      ชำระเงินอีกครั้ง: https://shop.example/pay?order=77&again=1

      หากคุณชำระเงินสำเร็จแล้วหลังจากนี้ ไม่ต้องดำเนินการใด ๆ เพิ่มเติม

      อีเมลฉบับนี้ส่งโดยอัตโนมัติจาก Example

      ----------------------------------------

      Payment failed

      Hello Somchai Jaidee,

      Your payment of ฿1,999.00 did not go through, and we have not received any money for it.

      There was not enough money or credit on the card or account.

      Please check your balance and try again, or use another card or payment method.

      Amount: ฿1,999.00 (THB)
      Package: ADVANCED
      Tried on: 20 November 2025 at 14:05 (Thailand Time, GMT+7)
      Reference: pi_example_1

      Try again: https://shop.example/pay?order=77&again=1

      If you have paid since then, there is nothing more to do.

      This message was sent automatically by Example.
      "
    `);
  });

  it("tells an incident and its end", async () => {
    expect(await textOf("incident-raised")).toMatchInlineSnapshot(`
      "Example

      Incident

      Checkout answers 500

      Severity: P0
      Service: web
      Environment: production
      Kind: error
      Since: 20 November 2025 at 14:05 (Thailand Time, GMT+7)
      Incident id: inc_01EXAMPLE

      Open at the source: https://errors.example/issues/12?a=1&b=2

      You will be told when it is resolved.

      This message was sent automatically by Example.
      "
    `);
    expect(await textOf("incident-resolved", { locale: "th" })).toMatchInlineSnapshot(`
      "Example

      แก้ไขเหตุขัดข้องแล้ว

      Checkout answers 500

      เหตุสิ้นสุดแล้ว ใช้เวลา 1 ชั่วโมง 5 นาที

      ระดับความรุนแรง: P0
      บริการ: web
      สภาพแวดล้อม: production
      ประเภท: error
      ระยะเวลา: 1 ชั่วโมง 5 นาที
      แก้ไขเมื่อ: 20 พฤศจิกายน พ.ศ. 2568 เวลา 15:10 น. (เวลาไทย, GMT+7)
      แก้ไขโดย: Somsri
      รหัสเหตุ: inc_01EXAMPLE

      เปิดดูที่ต้นทาง: https://errors.example/issues/12?a=1&b=2

      หากเกิดขึ้นอีก เราจะแจ้งให้ทราบ

      อีเมลฉบับนี้ส่งโดยอัตโนมัติจาก Example

      ----------------------------------------

      Incident resolved

      Checkout answers 500

      It is over after 1 hour 5 minutes.

      Severity: P0
      Service: web
      Environment: production
      Kind: error
      Lasted: 1 hour 5 minutes
      Resolved on: 20 November 2025 at 15:10 (Thailand Time, GMT+7)
      Resolved by: Somsri
      Incident id: inc_01EXAMPLE

      Open at the source: https://errors.example/issues/12?a=1&b=2

      If it happens again, you will be told.

      This message was sent automatically by Example.
      "
    `);
  });

  it("says why in plain words for every kind of refusal, and never the code itself", async () => {
    const codes = {
      insufficient_funds: "not enough money",
      expired_card: "has expired",
      payment_attempt_expired: "time to pay ran out",
      incorrect_cvc: "details were not right",
      authentication_required: "asked you to confirm",
      card_velocity_exceeded: "over a limit",
      card_not_supported: "can't be used",
      processing_error: "just now",
      card_declined: "did not approve",
      stolen_card: "did not approve",
      never_heard_of: "could not be completed",
    };
    for (const [failureCode, words] of Object.entries(codes)) {
      const text = await textOf("payment-failed", { data: { ...PAYMENT, failureCode } });
      expect(text).toContain(words);
      expect(text).not.toContain(failureCode);
    }
  });

  it("writes amounts of currencies without and with three decimals", async () => {
    const yen = await textOf("payment-received", {
      data: { ...PAYMENT, amountMinor: 500, currency: "jpy" },
    });
    expect(yen).toContain("Amount: ¥500 (JPY)");
    const dinar = await textOf("payment-received", {
      data: { ...PAYMENT, amountMinor: 1_500, currency: "KWD" },
    });
    expect(dinar).toMatch(/Amount: KWD\s1\.500\n/);
  });

  it("uses UTC, and says so, where no zone is given", async () => {
    const { timeZone: _, ...data } = PAYMENT;
    expect(await textOf("payment-received", { data })).toContain("at 07:05 (UTC)");
  });

  it("escapes what people wrote", async () => {
    const title = `<img src=x onerror="alert(1)"> & 'more'`;
    const { html } = await renderEmail(
      notice("incident-raised", { data: { ...INCIDENT, title } }),
      FRAME,
    );
    expect(html).not.toContain("<img");
    expect(html).toContain("&lt;img src=x");
  });

  it("greets by no name that is an address in disguise", async () => {
    for (const userName of ["Win at evil.example now", "https://evil.example", "a@b.example"]) {
      const text = await textOf("payment-failed", { data: { ...PAYMENT, userName } });
      expect(text).toContain("Hello,\n");
      expect(text).not.toContain("evil");
    }
    const named = await textOf("payment-failed", {
      data: { ...PAYMENT, userName: "J. R. O'Neill-ณ" },
    });
    expect(named).toContain("Hello J. R. O'Neill-ณ,");
  });

  it("puts no second line into a subject", async () => {
    const data = { ...INCIDENT, title: "a\r\nBcc: x@example.com" };
    const { subject } = await renderEmail(notice("incident-raised", { data }), FRAME);
    expect(subject).toBe("[P0] Incident: a Bcc: x@example.com");
  });

  it("refuses to write about money that it was not told, naming the field", async () => {
    for (const [key, value] of [
      ["amountMinor", null],
      ["amountMinor", 1.5],
      ["currency", null],
    ] as const) {
      const rendered = renderEmail(
        notice("payment-received", { data: { ...PAYMENT, [key]: value } }),
        FRAME,
      );
      await expect(rendered).rejects.toThrow(`template payment-received lacks ${key}`);
    }
  });
});
