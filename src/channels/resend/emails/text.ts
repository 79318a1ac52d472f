import type { EmailContent, EmailPart, EmailTable } from "./content.js";
import { sentBy, unsubscribeLabel } from "./layout-words.js";

interface Frame {
  platformName: string;
  unsubscribeUrl?: string | undefined;
}

const RULE = "-".repeat(40);

/** The text part, written from the content itself: a converter from HTML would shout the headings. */
export function textOf(content: EmailContent, frame: Frame): string {
  const parts = content.parts.map((part) => `${lines(part, frame)}\n`);
  const text = `${frame.platformName}\n\n${parts.join(`\n${RULE}\n\n`)}`;
  return text.replaceAll("\u00a0", " "); // where lines break is the reader's business here
}

function lines(part: EmailPart, { platformName, unsubscribeUrl }: Frame): string {
  const rows = part.rows.map(({ label, value }) => `${label}: ${value}`);
  return [
    part.title,
    ...part.paragraphs,
    ...(rows.length === 0 ? [] : [rows.join("\n")]),
    ...part.tables.map(tableLines),
    ...[part.action, ...part.links].flatMap((link) =>
      link === null ? [] : [`${link.label}: ${link.url}`],
    ),
    part.closing,
    sentBy(part.language, platformName),
    ...(unsubscribeUrl === undefined
      ? []
      : [`${unsubscribeLabel(part.language)}: ${unsubscribeUrl}`]),
  ].join("\n\n");
}

/** `Title`, then a line for each row: with columns named, the cells are one sentence; else a label and its value. */
function tableLines({ title, head, rows }: EmailTable): string {
  const between = head.length === 0 ? ": " : " | ";
  return [title, ...rows.map((cells) => cells.join(between))].join("\n");
}
