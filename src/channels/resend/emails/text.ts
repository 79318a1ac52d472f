import type { EmailContent, EmailPart } from "./content.js";
import { sentBy } from "./layout-words.js";

const RULE = "-".repeat(40);

/** The text part, written from the content itself: a converter from HTML would shout the headings. */
export function textOf(content: EmailContent, platformName: string): string {
  const parts = content.parts.map((part) => `${lines(part, platformName)}\n`);
  return `${platformName}\n\n${parts.join(`\n${RULE}\n\n`)}`;
}

function lines(part: EmailPart, platformName: string): string {
  const rows = part.rows.map(({ label, value }) => `${label}: ${value}`);
  return [
    part.title,
    ...part.paragraphs,
    rows.join("\n"),
    ...(part.action === null ? [] : [`${part.action.label}: ${part.action.url}`]),
    part.closing,
    sentBy(part.language, platformName),
  ].join("\n\n");
}
