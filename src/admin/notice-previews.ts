import { Hono } from "hono";
import { z } from "zod";
import { Permanent } from "../domain/errors.js";
import { MAIL_LANGUAGES, type NoticeData, TEMPLATES, type Template } from "../domain/notice.js";
import { parsed } from "./requests.js";

/** A mail as its reader would get it, made of invented data. */
export interface NoticePreview {
  subject: string;
  html: string;
  text: string;
  data: NoticeData;
}

export interface PreviewDeps {
  /** Renders the template's sample; stores and sends nothing. */
  previewNotice(template: Template, locale: string): Promise<NoticePreview>;
}

const unwritten = `mails are written in ${MAIL_LANGUAGES.join(" and ")} (with any region, such as en-GB); a reader of another language gets English`;
const isWritten = (tag: string): boolean =>
  MAIL_LANGUAGES.some((language) => tag.toLowerCase().split(/[-_]/)[0] === language);

export const previewQuery = z.strictObject({
  locale: z
    .string()
    .regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/, "must be a language tag, such as th or en-GB")
    .refine((tag) => isWritten(tag), { error: unwritten })
    .default("en")
    .meta({
      description: `The reader's language, with or without a region: ${MAIL_LANGUAGES.join(", ")}`,
    }),
});

export const noticePreview = z.object({
  template: z.enum(TEMPLATES),
  locale: z.string(),
  subject: z.string(),
  html: z.string(),
  text: z.string().meta({ description: "The plain part of the same mail" }),
  data: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .meta({ description: "The invented data that it was made of" }),
});

/** What a template looks like, for people who write or check it; to be mounted at `/notices`. */
export function noticePreviews({ previewNotice }: PreviewDeps): Hono {
  const app = new Hono();
  app.get("/preview/:template", async (c) => {
    const name = c.req.param("template");
    const template = TEMPLATES.find((known) => known === name);
    if (template === undefined) {
      const detail = `There is no such template. Templates: ${TEMPLATES.join(", ")}.`;
      throw new Permanent("not_found", { detail });
    }
    const { locale } = parsed(previewQuery, c.req.query());
    const { subject, html, text, data } = await previewNotice(template, locale);
    return c.json({
      data: noticePreview.parse({ template, locale, subject, html, text, data }),
    });
  });
  return app;
}
