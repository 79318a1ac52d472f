import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { ask } from "../api.js";
import { openChromium, pictureOf } from "../chromium.js";
import { Failure, usage } from "../failure.js";
import { type CommonOptions, common, contextOf, wholeNumber } from "../options.js";
import { clean } from "../output.js";

interface PreviewOptions extends CommonOptions {
  locale: string;
  out: string;
  width: number;
}

interface Preview {
  subject: string;
  html: string;
  text: string;
}

/** They become file names. */
const NAME = /^[A-Za-z0-9_-]{1,80}$/;
const WIDTH_PX = 640;

/** `notices preview`: a mail of invented data as files that a person can look at. */
export function addNotices(program: Command): void {
  const notices = program.command("notices").description("what mails to customers look like");
  common(notices.command("preview <template>"))
    .description("write a mail as HTML, text and picture, of invented data; nothing is sent")
    .option("--locale <tag>", "the reader's language", "en")
    .option("--out <folder>", "where to write them", ".")
    .option("--width <px>", "of the picture", wholeNumber(240, 2_000), WIDTH_PX)
    .action(async (template: string, options: PreviewOptions) => {
      const { locale, out, width } = options;
      for (const name of [template, locale]) {
        if (!NAME.test(name)) throw usage(`"${name}" is neither a template nor a language.`);
      }
      const { target, screen } = contextOf(options);
      const query = new URLSearchParams({ locale });
      const { data } = await ask<{ data: Preview }>(
        target,
        `/notices/preview/${template}?${query}`,
      );
      const file = (ending: string): string =>
        resolve(join(out, `${template}.${locale}.${ending}`));
      const files = { html: file("html"), text: file("txt"), png: file("png") };
      write(out, [
        [files.html, data.html],
        [files.text, data.text],
      ]);
      if (options.json !== true) {
        screen.out(clean(data.subject));
        screen.out(`${files.html}\n${files.text}`);
      }
      const browser = await openChromium(process.env);
      try {
        write(out, [[files.png, await pictureOf(browser, data.html, width)]]);
      } finally {
        await browser.close();
      }
      screen.out(
        options.json === true
          ? JSON.stringify({ data: { template, locale, subject: data.subject, files } })
          : files.png,
      );
    });
}

function write(folder: string, files: [path: string, content: string | Uint8Array][]): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [path, content] of files) writeFileSync(path, content);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new Failure(
      `The files can't be written to ${resolve(folder)} (${code ?? message}).`,
      "Choose another folder with --out.",
      { cause },
    );
  }
}
