import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAIL_LOCALES, MAILS_FOLDER, mailPages } from "../../scripts/mails.js";
import { TEMPLATES } from "../../src/domain/notice.js";

const names = TEMPLATES.flatMap((template) =>
  MAIL_LOCALES.map((locale) => `${template}.${locale}`),
);

describe("docs/mails", () => {
  it("has a picture of every mail in both languages, small, and no other", () => {
    const pictures = readdirSync(MAILS_FOLDER).filter((file) => file.endsWith(".png"));
    expect(pictures.sort()).toEqual(names.map((name) => `${name}.png`).sort());
    for (const picture of pictures) {
      const bytes = readFileSync(join(MAILS_FOLDER, picture));
      expect(bytes.subarray(1, 4).toString()).toBe("PNG");
      expect([picture, bytes.readUInt32BE(16)]).toEqual([picture, 640]);
      expect([picture, bytes.length < 80_000]).toEqual([picture, true]);
    }
  });

  it("shows the mails as they are now (else: npm run mails)", async () => {
    const { readme, taken } = await mailPages();
    expect(JSON.parse(readFileSync(join(MAILS_FOLDER, "taken.json"), "utf8"))).toEqual(taken);
    expect(readFileSync(join(MAILS_FOLDER, "README.md"), "utf8")).toBe(readme);
    for (const name of names) expect(readme).toContain(`src="${name}.png"`);
  });
});
