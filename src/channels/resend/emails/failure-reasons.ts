import type { Language } from "../../../domain/notice.js";

/** Why a payment failed, and what the person can do, each one sentence. */
export type FailureReason = Readonly<Record<Language, { why: string; what: string }>>;

const reason = (
  th: readonly [why: string, what: string],
  en: readonly [why: string, what: string],
): FailureReason => ({ th: { why: th[0], what: th[1] }, en: { why: en[0], what: en[1] } });

const DECLINED = reason(
  ["ธนาคารไม่อนุมัติรายการนี้", "โปรดสอบถามธนาคารของคุณ หรือใช้บัตรหรือช่องทางชำระเงินอื่น"],
  [
    "The bank did not approve the payment.",
    "Please ask your bank for the reason, or use another card or payment method.",
  ],
);

const UNKNOWN = reason(
  ["ไม่สามารถดำเนินการชำระเงินได้", "โปรดลองอีกครั้ง หรือใช้บัตรหรือช่องทางชำระเงินอื่น"],
  [
    "The payment could not be completed.",
    "Please try again, or use another card or payment method.",
  ],
);

/**
 * The first pattern that the code holds gives the reason. A card reported lost or stolen is told as
 * any other refusal: the reader may not be its owner.
 */
const REASONS: readonly (readonly [pattern: RegExp, reason: FailureReason])[] = [
  [
    /insufficient/,
    reason(
      ["ยอดเงินหรือวงเงินไม่เพียงพอ", "โปรดตรวจสอบยอดเงินหรือวงเงินแล้วลองอีกครั้ง หรือใช้บัตรหรือช่องทางชำระเงินอื่น"],
      [
        "There was not enough money or credit on the card or account.",
        "Please check your balance and try again, or use another card or payment method.",
      ],
    ),
  ],
  [
    /expired_card|card_expired/,
    reason(
      ["บัตรหมดอายุแล้ว", "โปรดใช้บัตรที่ยังไม่หมดอายุ"],
      ["The card has expired.", "Please use a card that is still valid."],
    ),
  ],
  [
    /expired|timed?_?out/,
    reason(
      ["หมดเวลาชำระเงินก่อนที่รายการจะเสร็จสมบูรณ์", "โปรดเริ่มทำรายการใหม่และชำระเงินภายในเวลาที่กำหนด"],
      [
        "The time to pay ran out before the payment was completed.",
        "Please start again and finish the payment in the time that is shown.",
      ],
    ),
  ],
  [
    /(incorrect|invalid)_(number|cvc|cvv|expiry|zip|pin|address)/,
    reason(
      ["ข้อมูลบัตรไม่ถูกต้อง", "โปรดตรวจสอบหมายเลขบัตร วันหมดอายุ และรหัสความปลอดภัย แล้วลองอีกครั้ง"],
      [
        "Some of the card's details were not right.",
        "Please check the number, the expiry date and the security code, and try again.",
      ],
    ),
  ],
  [
    /authenticat/,
    reason(
      [
        "การยืนยันตัวตนกับธนาคารไม่สำเร็จ",
        "โปรดลองอีกครั้ง และยืนยันรายการในแอปของธนาคารหรือด้วยรหัสที่ธนาคารส่งให้",
      ],
      [
        "Your bank asked you to confirm the payment, and that was not completed.",
        "Please try again, and confirm it in your bank's app or with the code that the bank sends.",
      ],
    ),
  ],
  [
    /velocity|limit|too_large/,
    reason(
      ["รายการนี้เกินวงเงินหรือจำนวนครั้งที่ธนาคารกำหนด", "โปรดติดต่อธนาคารของคุณ หรือใช้บัตรหรือช่องทางชำระเงินอื่น"],
      [
        "The payment goes over a limit that the bank has set.",
        "Please ask your bank about the limit, or use another card or payment method.",
      ],
    ),
  ],
  [
    /not_supported|not_permitted|not_allowed/,
    reason(
      ["บัตรนี้ใช้กับการชำระเงินประเภทนี้ไม่ได้", "โปรดใช้บัตรหรือช่องทางชำระเงินอื่น"],
      [
        "The card can't be used for this kind of payment.",
        "Please use another card or payment method.",
      ],
    ),
  ],
  [
    /processing|not_available|try_again|reenter/,
    reason(
      ["ระบบของธนาคารไม่สามารถดำเนินการได้ในขณะนี้", "โปรดรอสักครู่แล้วลองอีกครั้ง"],
      [
        "The bank could not process the payment just now.",
        "Please wait a few minutes and try again.",
      ],
    ),
  ],
  [/declin|honor|lost|stolen|fraud|pickup|restricted|refer/, DECLINED],
];

/** Words for a code of the payment provider; a code that nobody foresaw gets the plainest ones. */
export function failureReason(code: string | null): FailureReason {
  const lower = (code ?? "").toLowerCase();
  return REASONS.find(([pattern]) => pattern.test(lower))?.[1] ?? UNKNOWN;
}
