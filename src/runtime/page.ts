import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { readBytes } from "../domain/read-bytes.js";

/** When a page that could not do its work asks to be tried again. */
export const RETRY_AFTER_SECONDS = 30;

const STYLE =
  "body{max-width:34rem;margin:12vh auto;padding:0 1.25rem;font:1rem/1.65 'Sarabun','Noto Sans Thai',system-ui,sans-serif;color:#111827;background:#fff}h1{font-size:1.35rem}button{font:inherit;padding:.7rem 1.4rem;border:0;border-radius:6px;background:#1d4ed8;color:#fff}@media(prefers-color-scheme:dark){body{color:#e5e7eb;background:#111318}}";

/** The page's own style is let in by its hash; nothing else is loaded, and it posts only to where it came from. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`;

/** A page that a link in a message leads to: words, and a button at most. */
export interface Page {
  language: "en" | "th";
  platformName: string;
  title: string;
  /** A paragraph each. */
  text: readonly string[];
  /** A form that posts to this very address, token and all. */
  button: HtmlEscapedString | Promise<HtmlEscapedString> | "";
}

/** Nothing of it is kept by browsers or caches, framed, or found by searches. */
export async function pageAnswer(
  { language, platformName, title, text, button }: Page,
  { status, retryAfterSeconds }: { status: number; retryAfterSeconds?: number },
): Promise<Response> {
  const body = await html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · ${platformName}</title><style>${raw(STYLE)}</style></head>
<body><p>${platformName}</p><h1>${title}</h1>${text.map((line) => html`<p>${line}</p>`)}${button}</body></html>`;
  return new Response(String(body), {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "cache-control": "no-store",
      "x-robots-tag": "noindex",
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
    },
  });
}

const FORM_BYTES_MAX = 4 * 1024;

/** True for a form that says so: what a page's own button posts. A scanner that posts forms does not know it. */
export async function isPosted(request: Request, field: string, word: string): Promise<boolean> {
  const type = request.headers.get("content-type") ?? "";
  const body = await readBytes(request, FORM_BYTES_MAX);
  if (body === null) return false;
  try {
    const form = await new Response(body, { headers: { "content-type": type } }).formData();
    return form.get(field) === word;
  } catch {
    return false; // no form
  }
}
