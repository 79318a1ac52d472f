/** One line that stays one, wherever it stands: what others wrote must not become a table, a link or a tag. */
export const plain = (text: string): string =>
  text
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .replace(/[\\|`[\]]/g, "\\$&")
    .replaceAll("<", "&lt;");

export const heading = (level: 1 | 2, text: string): string => `${"#".repeat(level)} ${text}`;

/** Cells are taken as they are: `plain` what others wrote. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

export const list = (items: readonly string[]): string =>
  items.map((item) => `- ${item}`).join("\n");

/** Blocks with a blank line between them, and a line's end at the end. */
export const page = (blocks: readonly string[]): string => `${blocks.join("\n\n")}\n`;
