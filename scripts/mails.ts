// npm run mails: takes the pictures in docs/mails/ anew, and writes the page that shows them.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { previewMail } from "../src/channels/resend/emails/samples.js";
import { isTransactional, TEMPLATES } from "../src/domain/notice.js";

export const MAILS_FOLDER = resolve(import.meta.dirname, "../docs/mails");
export const MAIL_LOCALES = ["th", "en-GB"] as const;
const FRAME = { platformName: "TBAT Mock Exam", timeZone: "Asia/Bangkok" };
const WIDTH_PX = 640;

type Template = (typeof TEMPLATES)[number];

/** When each is sent, for the reader of the page. */
const WHEN: Readonly<Record<Template, string>> = {
  "payment-received": "A payment has come in.",
  "payment-failed": "A payment did not go through.",
  "payment-action-required": "The bank asks the customer to confirm.",
  "refund-issued": "Money goes back: all of it, the rest of it, or a part (as here).",
  "refund-failed": "A refund came back from the bank.",
  "subscription-started": "A subscription began, here with a free trial.",
  "subscription-renewed": "A further period was paid.",
  "subscription-payment-failing": "A further period could not be charged.",
  "subscription-canceled": "A subscription was canceled, here with time left.",
  "entitlement-expiring": "What was paid for will end.",
  "entitlement-expired": "What was paid for has ended.",
  "payments-paused": "Payments are held.",
  "payments-resumed": "Payments are released.",
  "payment-corrected":
    "A correction was applied after a rollback, here a package that was missing.",
  "incident-raised": "To the people on call: something broke.",
  "incident-escalated":
    "To the people on call: nobody has answered, here by mail because Slack was down.",
  "incident-acknowledged": "To the people on call: somebody has taken it on.",
  "incident-reopened": "To the people on call: it has begun again.",
  "incident-resolved": "To the people on call: it works again.",
  "incident-storm": "To the people on call: too many incidents at once to tell each.",
  "incident-digest":
    "To the roles that the policy names, once a day where there is anything to tell.",
  "user-incident": "To subscribers: something does not work.",
  "user-update": "To subscribers, while it lasts, as often as the policy says.",
  "user-resolved": "To subscribers: it works again.",
  "user-maintenance": "To subscribers: a maintenance is planned, has begun, is over.",
};

const nameOf = (template: Template, locale: string): string => `${template}.${locale}`;

/** What the folder must hold besides its pictures: the page, and of what each picture was taken. */
export async function mailPages(): Promise<{ readme: string; taken: Record<string, string> }> {
  const taken: Record<string, string> = {};
  const sections: string[] = [];
  for (const template of TEMPLATES) {
    const cells: string[] = [];
    const subjects: string[] = [];
    for (const locale of MAIL_LOCALES) {
      const { html, text, subject } = await previewMail(template, locale, FRAME);
      const name = nameOf(template, locale);
      taken[name] = createHash("sha256").update(html).update(text).digest("hex");
      subjects.push(subject);
      cells.push(`<img src="${name}.png" width="400" alt="${subject}">`);
    }
    const kind = isTransactional(template) ? "" : " With a way to unsubscribe.";
    sections.push(
      [
        `## \`${template}\``,
        `${WHEN[template]}${kind}`,
        `| ${subjects.join(" | ")} |\n| --- | --- |\n| ${cells.join(" | ")} |`,
      ].join("\n\n"),
    );
  }
  const head = [
    "<!-- Written by `npm run mails`. Change the templates, not this page. -->",
    "# Mails to customers",
    "Each as its reader gets it, of invented data: Thai readers get Thai first and English second, everybody else English. " +
      "The subject stands over the picture. To see one with your own platform's name: " +
      "`npx --no signalbox notices preview payment-received --locale th`. What data each needs: `src/domain/notice-templates.ts`.",
  ];
  return { readme: `${[...head, ...sections].join("\n\n")}\n`, taken };
}

async function main(): Promise<void> {
  const { default: sharp } = await import("sharp");
  const { openChromium, pictureOf } = await import("../cli/chromium.js");
  const { readme, taken } = await mailPages();
  mkdirSync(MAILS_FOLDER, { recursive: true });
  const browser = await openChromium(process.env);
  try {
    for (const template of TEMPLATES) {
      for (const locale of MAIL_LOCALES) {
        const { html } = await previewMail(template, locale, FRAME);
        const picture = await pictureOf(browser, html, WIDTH_PX);
        // Flat colours and grey letters: 64 colours lose nothing that an eye can see.
        const small = await sharp(picture)
          .png({ palette: true, colours: 64, dither: 0, effort: 10 })
          .toBuffer();
        const file = join(MAILS_FOLDER, `${nameOf(template, locale)}.png`);
        writeFileSync(file, small);
        process.stdout.write(`${file} (${Math.ceil(small.length / 1_000)} kB)\n`);
      }
    }
  } finally {
    await browser.close();
  }
  writeFileSync(join(MAILS_FOLDER, "README.md"), readme);
  writeFileSync(join(MAILS_FOLDER, "taken.json"), `${JSON.stringify(taken, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
