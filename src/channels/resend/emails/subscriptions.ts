import { instantIn, type NoticeContent, textIn } from "../../notice-data.js";
import type { EmailContent } from "./content.js";
import { customerMail, LABELS } from "./customer-mail.js";
import { failureReason } from "./failure-reasons.js";
import { pricePer, SUBSCRIPTION_WORDS } from "./subscription-words.js";

/** Tells a person what they have subscribed to, what it costs where that is fixed, and when it is charged next. */
export function subscriptionStarted(notice: NoticeContent): EmailContent {
  // A price in tiers, or by a meter, is not known before the bill. What is there and no amount is still refused.
  const hasPrice = (notice.data.amountMinor ?? null) !== null;
  return customerMail(notice, "good", (reading) => {
    const { language, moneyWithCode, time, day, packageName, reference } = reading;
    const [words, labels] = [SUBSCRIPTION_WORDS[language], LABELS[language]];
    const { title, body, trial, trialEnds, at, closing } = words.started;
    const trialEndsOn = day("trialEndsAt");
    return {
      title,
      paragraphs: [body(packageName), trialEndsOn === null ? null : trial(trialEndsOn)],
      rows: [
        [labels.item, packageName],
        [words.price, hasPrice ? pricePer(moneyWithCode(), notice, language) : null],
        [at, time("startedAt")],
        [trialEnds, time("trialEndsAt")],
        [words.next, time("renewsAt")],
        [labels.reference, reference],
      ],
      closing,
    };
  });
}

/** Tells a person that another period was paid. */
export function subscriptionRenewed(notice: NoticeContent): EmailContent {
  return customerMail(notice, "good", (reading) => {
    const { language, money, moneyWithCode, time, packageName, reference } = reading;
    const [words, labels] = [SUBSCRIPTION_WORDS[language], LABELS[language]];
    const { title, subject, body, at, closing } = words.renewed;
    return {
      title,
      subject: subject(money()),
      highlight: money(),
      paragraphs: [body(money())],
      rows: [
        [labels.item, packageName],
        [labels.amount, moneyWithCode()],
        [at, time("renewedAt")],
        [words.next, time("renewsAt")],
        [labels.reference, reference],
      ],
      closing,
    };
  });
}

/** Tells a person that a period could not be charged: why, what to do, and what happens otherwise. */
export function subscriptionPaymentFailing(notice: NoticeContent): EmailContent {
  const code = textIn(notice.data, "failureCode");
  return customerMail(notice, "attention", (reading) => {
    const { language, money, moneyWithCode, time, day, packageName, reference } = reading;
    const labels = LABELS[language];
    const { title, subject, body, what, again, until, at, nextTry, button, closing } =
      SUBSCRIPTION_WORDS[language].failing;
    const [againOn, endsOn] = [day("nextAttemptAt"), day("entitlementEndsAt")];
    return {
      title,
      subject: subject(money()),
      paragraphs: [
        body(money()),
        code === null ? null : failureReason(code)[language].why,
        what,
        sentences(againOn && again(againOn), endsOn && until(endsOn)),
      ],
      rows: [
        [labels.amount, moneyWithCode()],
        [labels.item, packageName],
        [at, time("failedAt")],
        [nextTry, time("nextAttemptAt")],
        [labels.until, time("entitlementEndsAt")],
        [labels.reference, reference],
      ],
      action: { label: button, key: "updateUrl" },
      closing,
    };
  });
}

/** Tells a person that their subscription is canceled, and until when they may still use it. */
export function subscriptionCanceled(notice: NoticeContent): EmailContent {
  const endsAt = instantIn(notice.data, "endsAt");
  const canceledAt = instantIn(notice.data, "canceledAt") ?? notice.createdAt;
  const runsOn = endsAt !== null && endsAt > canceledAt;
  return customerMail(notice, "attention", (reading) => {
    const { language, time, day, packageName, reference } = reading;
    const labels = LABELS[language];
    const { title, body, until, ended, at, endedAt, closing } =
      SUBSCRIPTION_WORDS[language].canceled;
    return {
      title,
      paragraphs: [body(packageName), runsOn ? until(day("endsAt") ?? "") : ended],
      rows: [
        [labels.item, packageName],
        [at, time("canceledAt")],
        [runsOn ? labels.until : endedAt, time("endsAt")],
        [labels.reference, reference],
      ],
      closing,
    };
  });
}

/** What belongs together in one paragraph; null where nothing is said. */
function sentences(...said: (string | null)[]): string | null {
  return said.filter((sentence) => sentence !== null).join(" ") || null;
}
