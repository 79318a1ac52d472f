import { Hono } from "hono";
import { html } from "hono/html";
import { Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { Log } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import { openUnsubscribeToken, type UnsubscribeLink } from "../operations/unsubscribe.js";
import { isPosted, type Page, pageAnswer, RETRY_AFTER_SECONDS } from "./page.js";

export interface UnsubscribeDeps {
  platformName: string;
  secrets: readonly Secret[];
  unsubscribe(link: UnsubscribeLink): Promise<void>;
  ids: Ids;
  log: Log;
}

/** What a mail program posts for one click, and what our own button posts. @see https://www.rfc-editor.org/rfc/rfc8058 */
const FIELD = "List-Unsubscribe";
const ONE_CLICK = "One-Click";

type Kind = "ask" | "done" | "bad" | "later";
type Words = Readonly<Record<Kind, { title: string; text: string }>> & { button: string };

const ENGLISH: Words = {
  button: "Unsubscribe",
  ask: {
    title: "Stop these messages?",
    text: "You will no longer get reminders and announcements. Messages about your payments, your access and incidents still come.",
  },
  done: {
    title: "You are unsubscribed",
    text: "Reminders and announcements no longer come to this address. Messages about your payments, your access and incidents still do.",
  },
  bad: {
    title: "This link does not work",
    text: "It is not whole, or no longer good. Nothing was changed. Use the link of a newer message.",
  },
  later: {
    title: "This did not work just now",
    text: "Nothing was changed. Please try again in a minute.",
  },
};
const THAI: Words = {
  button: "ยกเลิกการรับ",
  ask: {
    title: "ยกเลิกการรับอีเมลประเภทนี้?",
    text: "คุณจะไม่ได้รับอีเมลแจ้งเตือนล่วงหน้าและประกาศอีก แต่ยังคงได้รับอีเมลเกี่ยวกับการชำระเงิน สิทธิ์การใช้งาน และเหตุขัดข้อง",
  },
  done: {
    title: "ยกเลิกการรับแล้ว",
    text: "อีเมลแจ้งเตือนล่วงหน้าและประกาศจะไม่ส่งถึงที่อยู่นี้อีก แต่อีเมลเกี่ยวกับการชำระเงิน สิทธิ์การใช้งาน และเหตุขัดข้องยังคงส่งตามปกติ",
  },
  bad: {
    title: "ลิงก์นี้ใช้ไม่ได้",
    text: "ลิงก์ไม่สมบูรณ์หรือใช้ไม่ได้แล้ว ไม่มีการเปลี่ยนแปลงใด ๆ โปรดใช้ลิงก์จากอีเมลฉบับใหม่กว่า",
  },
  later: {
    title: "ดำเนินการไม่สำเร็จในขณะนี้",
    text: "ไม่มีการเปลี่ยนแปลงใด ๆ โปรดลองอีกครั้งในอีกสักครู่",
  },
};

const STATUS_OF: Readonly<Record<Kind, 200 | 400 | 503>> = {
  ask: 200,
  done: 200,
  bad: 400,
  later: 503,
};

/**
 * Where a mail's link to unsubscribe leads. GET only shows a button, because scanners of mail follow links;
 * POST with `List-Unsubscribe=One-Click` does it, for the button and for mail programs, which show nothing.
 */
export function unsubscribeRoutes(deps: UnsubscribeDeps): Hono {
  const routes = new Hono();
  const answer = (kind: Kind, link: UnsubscribeLink | null): Promise<Response> =>
    pageAnswer(pageOf(kind, link, deps.platformName), {
      status: STATUS_OF[kind],
      ...(kind === "later" ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
    });
  // Vercel's own address of the function, and the one that mails have, which is rewritten to it.
  for (const path of ["/unsubscribe", "/api/unsubscribe"]) {
    routes.get(path, (c) => {
      const link = openUnsubscribeToken(c.req.query("token") ?? "", deps.secrets);
      return answer(link === null ? "bad" : "ask", link);
    });
    routes.post(path, async (c) => {
      const link = openUnsubscribeToken(c.req.query("token") ?? "", deps.secrets);
      if (link === null || !(await isPosted(c.req.raw, FIELD, ONE_CLICK)))
        return answer("bad", link);
      return answer(await act(link, deps), link);
    });
  }
  return routes;
}

async function act(link: UnsubscribeLink, deps: UnsubscribeDeps): Promise<Kind> {
  const requestId = deps.ids.next("request");
  try {
    await deps.unsubscribe(link);
    deps.log.info("recipient.unsubscribed", { requestId });
    return "done";
  } catch (error) {
    if (!(error instanceof Transient)) throw error;
    deps.log.warn("unsubscribe.failed", { requestId, code: error.code });
    return "later";
  }
}

function pageOf(kind: Kind, link: UnsubscribeLink | null, platformName: string): Page {
  const language = link?.locale.toLowerCase().startsWith("th") === true ? "th" : "en";
  const words = language === "th" ? THAI : ENGLISH;
  const { title, text } = words[kind];
  // The form posts to this very address, token and all.
  const button =
    kind === "ask"
      ? html`<form method="post"><input type="hidden" name="${FIELD}" value="${ONE_CLICK}"><button>${words.button}</button></form>`
      : "";
  return { language, platformName, title, text: [text], button } as const;
}
