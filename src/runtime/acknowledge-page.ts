import { Hono } from "hono";
import { html } from "hono/html";
import { personOf } from "../channels/people.js";
import { placeText, timeText } from "../channels/wording.js";
import { type AppError, Permanent, Transient } from "../domain/errors.js";
import type { Ids } from "../domain/ids.js";
import type { Incident } from "../domain/incident.js";
import type { Log } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import type { Clock, Instant } from "../domain/time.js";
import { type AckLink, openAckToken } from "../operations/incidents/ack-link.js";
import type { LinkOutcome } from "../operations/incidents/act.js";
import { languageOnCall } from "../policy/recipients.js";
import type { Policy } from "../policy/schema.js";
import { isPosted, type Page, pageAnswer, RETRY_AFTER_SECONDS } from "./page.js";

export interface AcknowledgeDeps {
  platformName: string;
  secrets: readonly Secret[];
  clock: Clock;
  ids: Ids;
  log: Log;
  policy: Policy;
  /** @throws Permanent `not_found`; Transient */
  readIncident(id: string): Promise<Incident>;
  acknowledgeByLink(link: AckLink): Promise<{ outcome: LinkOutcome; incident: Incident }>;
}

type Kind = "ask" | LinkOutcome | "expired" | "bad" | "gone" | "later";

/** What our own button posts. */
const FIELD = "acknowledge";
const WORD = "yes";

const STATUS_OF: Readonly<Record<Kind, number>> = {
  ask: 200,
  acknowledged: 200,
  before: 200,
  used: 200,
  over: 200,
  expired: 410,
  bad: 400,
  gone: 404,
  later: 503,
};

/**
 * Where the link in a page's message leads. GET only shows what it is about and a button, because scanners of mail
 * follow links; POST by that button acknowledges, once for each link.
 */
export function acknowledgeRoutes(deps: AcknowledgeDeps): Hono {
  const routes = new Hono();
  const open = (token: string | undefined) =>
    openAckToken(token ?? "", deps.secrets, deps.clock.now());
  // Vercel's own address of the function, and the one that messages have, which is rewritten to it.
  for (const path of ["/acknowledge", "/api/acknowledge"]) {
    routes.get(path, async (c) => {
      const opened = open(c.req.query("token"));
      if (opened.kind !== "good") return answer(opened.kind, null, deps);
      return safely(deps, async () => {
        const incident = await deps.readIncident(opened.link.incidentId);
        const isOver = incident.status === "resolved";
        const kind = isOver ? "over" : incident.status === "acknowledged" ? "before" : "ask";
        return answer(kind, incident, deps);
      });
    });
    routes.post(path, async (c) => {
      const opened = open(c.req.query("token"));
      if (opened.kind !== "good") return answer(opened.kind, null, deps);
      if (!(await isPosted(c.req.raw, FIELD, WORD))) return answer("bad", null, deps);
      return safely(deps, async () => {
        const { outcome, incident } = await deps.acknowledgeByLink(opened.link);
        const requestId = deps.ids.next("request");
        deps.log.info("incident.ack_link", { requestId, incidentId: incident.id, outcome });
        return answer(outcome, incident, deps);
      });
    });
  }
  return routes;
}

async function safely(deps: AcknowledgeDeps, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Permanent && error.code === "not_found") return answer("gone", null, deps);
    if (!(error instanceof Transient)) throw error;
    const requestId = deps.ids.next("request");
    deps.log.warn("acknowledge.failed", { requestId, code: (error satisfies AppError).code });
    return answer("later", null, deps);
  }
}

function answer(kind: Kind, incident: Incident | null, deps: AcknowledgeDeps): Promise<Response> {
  return pageAnswer(pageOf(kind, incident, deps), {
    status: STATUS_OF[kind],
    ...(kind === "later" ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
  });
}

function pageOf(kind: Kind, incident: Incident | null, deps: AcknowledgeDeps): Page {
  const { platformName, policy } = deps;
  const language = languageOnCall(policy);
  const words = language === "th" ? THAI : ENGLISH;
  const { title, text } = words[kind](
    incident === null ? NOTHING : factsOf(incident, language, policy),
  );
  const button =
    kind === "ask"
      ? html`<form method="post"><input type="hidden" name="${FIELD}" value="${WORD}"><button>${words.button}</button></form>`
      : "";
  const about = incident === null ? [] : [aboutOf(incident, policy)];
  return { language, platformName, title, text: [...about, text], button };
}

const aboutOf = ({ id, severity, title, service }: Incident, { severities }: Policy): string =>
  `${id} · ${severities[severity].name} · ${title}${placeText(title, service)}`;

interface Facts {
  /** Empty where nobody did it: it has recovered. */
  by: string;
  at: string;
}
const NOTHING: Facts = { by: "", at: "" };

function factsOf(incident: Incident, language: "en" | "th", { timeZone }: Policy): Facts {
  const { status, acknowledgedAt, acknowledgedBy, resolvedAt, resolvedBy } = incident;
  const isOver = status === "resolved";
  const actor = isOver ? resolvedBy : acknowledgedBy;
  const by = actor === null ? "" : (personOf(actor)?.[language] ?? "");
  const at: Instant | null = isOver ? resolvedAt : acknowledgedAt;
  const locale = language === "th" ? "th-TH" : "en-GB";
  return { by, at: at === null ? "" : timeText(at, locale, timeZone) };
}

type Words = Readonly<Record<Kind, (facts: Facts) => { title: string; text: string }>> & {
  button: string;
};

const ENGLISH: Words = {
  button: "I have it",
  ask: () => ({
    title: "Acknowledge this incident?",
    text: "With the button you say that you are on it. Nobody else is paged for it from then on; it stays open until it is over.",
  }),
  acknowledged: ({ at }) => ({
    title: "It is yours",
    text: `Acknowledged on ${at}. Nobody else is paged for it. It stays open until its source says that it is over, or a person does.`,
  }),
  before: ({ by, at }) => ({
    title: "Somebody has it already",
    text: `Acknowledged by ${by} on ${at}. Nothing was changed.`,
  }),
  used: ({ by, at }) => ({
    title: "This link was used before",
    text: `${by === "" ? "" : `The last word was by ${by} on ${at}. `}Nothing was changed. If it has come back, use the link of the newest message.`,
  }),
  over: ({ by, at }) => ({
    title: "It is over",
    text: `${by === "" ? "It recovered by itself" : `Ended by ${by}`} on ${at}. There is nothing to acknowledge.`,
  }),
  expired: () => ({
    title: "This link is too old",
    text: "A link is good for 24 hours. Nothing was changed. Use the link of the newest message, or: npx --no signalbox incidents ack INC-…",
  }),
  bad: () => ({
    title: "This link does not work",
    text: "It is not whole, or was not made here. Nothing was changed. Use the link of the newest message, or: npx --no signalbox incidents ack INC-…",
  }),
  gone: () => ({
    title: "This incident is kept no more",
    text: "Nothing was changed.",
  }),
  later: () => ({
    title: "This did not work just now",
    text: "Nothing was changed, and paging goes on. Please try again in a minute.",
  }),
};
const THAI: Words = {
  button: "ฉันรับเรื่องนี้",
  ask: () => ({
    title: "รับทราบเหตุขัดข้องนี้?",
    text: "เมื่อกดปุ่ม หมายความว่าคุณกำลังดูแลเรื่องนี้ ระบบจะหยุดเรียกผู้อื่น และเหตุจะยังเปิดอยู่จนกว่าจะสิ้นสุด",
  }),
  acknowledged: ({ at }) => ({
    title: "คุณรับเรื่องนี้แล้ว",
    text: `รับทราบเมื่อ ${at} ระบบจะไม่เรียกผู้อื่นอีก เหตุจะยังเปิดอยู่จนกว่าแหล่งข้อมูลหรือผู้ดูแลจะแจ้งว่าสิ้นสุด`,
  }),
  before: ({ by, at }) => ({
    title: "มีผู้รับเรื่องนี้แล้ว",
    text: `รับทราบโดย ${by} เมื่อ ${at} ไม่มีการเปลี่ยนแปลงใด ๆ`,
  }),
  used: ({ by, at }) => ({
    title: "ลิงก์นี้ถูกใช้ไปแล้ว",
    text: `${by === "" ? "" : `ล่าสุดโดย ${by} เมื่อ ${at} `}ไม่มีการเปลี่ยนแปลงใด ๆ หากเหตุเกิดซ้ำ โปรดใช้ลิงก์จากข้อความล่าสุด`,
  }),
  over: ({ by, at }) => ({
    title: "เหตุนี้สิ้นสุดแล้ว",
    text: `${by === "" ? "เหตุนี้กลับมาเป็นปกติเอง" : `สิ้นสุดโดย ${by}`} เมื่อ ${at} ไม่มีสิ่งที่ต้องรับทราบ`,
  }),
  expired: () => ({
    title: "ลิงก์นี้หมดอายุแล้ว",
    text: "ลิงก์ใช้ได้ 24 ชั่วโมง ไม่มีการเปลี่ยนแปลงใด ๆ โปรดใช้ลิงก์จากข้อความล่าสุด หรือคำสั่ง npx --no signalbox incidents ack INC-…",
  }),
  bad: () => ({
    title: "ลิงก์นี้ใช้ไม่ได้",
    text: "ลิงก์ไม่สมบูรณ์หรือไม่ได้สร้างจากระบบนี้ ไม่มีการเปลี่ยนแปลงใด ๆ โปรดใช้ลิงก์จากข้อความล่าสุด หรือคำสั่ง npx --no signalbox incidents ack INC-…",
  }),
  gone: () => ({ title: "ไม่มีเหตุนี้ในระบบแล้ว", text: "ไม่มีการเปลี่ยนแปลงใด ๆ" }),
  later: () => ({
    title: "ดำเนินการไม่สำเร็จในขณะนี้",
    text: "ไม่มีการเปลี่ยนแปลงใด ๆ และระบบยังเรียกผู้ดูแลต่อไป โปรดลองอีกครั้งในอีกสักครู่",
  }),
};
