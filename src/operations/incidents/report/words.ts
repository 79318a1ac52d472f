import { placeText } from "../../../channels/wording.js";
import type { Template } from "../../../domain/notice.js";
import type { DURATIONS } from "./durations.js";

type DurationName = (typeof DURATIONS)[number];

/** What both documents say, in one language. What sources and people wrote stays as they wrote it. */
export interface ReportWords {
  notice: string;
  review: string;
  heads: Readonly<
    Record<
      | "summary"
      | "impact"
      | "actions"
      | "next"
      | "channel"
      | "timeline"
      | "durations"
      | "rootCause"
      | "factors"
      | "resolution"
      | "lessons"
      | "items",
      string
    >
  >;
  fields: Readonly<
    Record<
      "id" | "severity" | "detected" | "status" | "service" | "began" | "ended" | "who",
      string
    >
  >;
  columns: Readonly<
    Record<
      | "at"
      | "what"
      | "who"
      | "took"
      | "wanted"
      | "kept"
      | "channel"
      | "recipient"
      | "state"
      | "action"
      | "owner"
      | "due"
      | "priority",
      string
    >
  >;
  durations: Readonly<Record<DurationName, string>>;
  priority: Readonly<Record<"P0" | "P1" | "P2" | "P3", string>>;
  yes: string;
  no: string;
  none: string;
  notYet: string;
  before: string;
  nobodyYet: string;
  done: string;
  open: string;
  /** What only people know, and who that is. */
  fillIn(who: string, what: string): string;
  ask: Readonly<Record<"impact" | "eta" | "rootCause" | "factors" | "lessons" | "item", string>>;
  statusOpen(since: string): string;
  statusAcknowledged(who: string, at: string): string;
  statusResolved(at: string, who: string): string;
  byItself: string;
  summary(o: { at: string; service: string; title: string; sources: string }): string;
  counts(alerts: number, signals: number): string;
  lasted(took: string, isOver: boolean): string;
  reopened(times: number): string;
  suspect(what: string): string;
  goBack(what: string): string;
  nextUpdate(at: string): string;
  taskDue(title: string, who: string, due: string): string;
  notTold: string;
  usersTold(people: number, what: string): string;
  noticeTold(channel: string, what: string, to: string): string;
  alertBegan(source: string, title: string): string;
  alertEnded(source: string, title: string): string;
  late(what: string): string;
  notDelivered(channel: string, to: string, code: string): string;
  templates: Readonly<Partial<Record<Template, string>>>;
  /** Told by the same template for another reason, by the beginning of the clock's step. */
  steps: Readonly<Record<string, string>>;
  byLink(channel: string): string;
}

const en: ReportWords = {
  notice: "Incident notice",
  review: "Post-incident review",
  heads: {
    summary: "Summary",
    impact: "Impact",
    actions: "Actions taken",
    next: "Next steps",
    channel: "Who was told",
    timeline: "Timeline",
    durations: "How long it took",
    rootCause: "Root cause",
    factors: "Contributing factors",
    resolution: "Resolution",
    lessons: "Lessons",
    items: "Action items",
  },
  fields: {
    id: "Incident",
    severity: "Severity",
    detected: "Detected",
    status: "Status",
    service: "Service",
    began: "Began",
    ended: "Ended",
    who: "Has it",
  },
  columns: {
    at: "At",
    what: "What",
    who: "Who",
    took: "Took",
    wanted: "Wanted within",
    kept: "Kept",
    channel: "Channel",
    recipient: "To",
    state: "State",
    action: "Action",
    owner: "Owner",
    due: "Due",
    priority: "Priority",
  },
  durations: {
    detect: "From the first symptom until it was known here",
    acknowledge: "From then until somebody had it",
    first_response: "From then until the first response",
    tell_users: "From then until users were told",
    recover: "From the first symptom until it was over",
    resolution_notice: "From its end until that was told",
  },
  priority: { P0: "High", P1: "High", P2: "Medium", P3: "Low" },
  yes: "yes",
  no: "no",
  none: "None.",
  notYet: "not yet",
  before: "acknowledged at its source before it was told here",
  nobodyYet: "nobody yet",
  done: "done",
  open: "open",
  fillIn: (who, what) => `**[To be filled in by ${who}: ${what}]**`,
  ask: {
    impact: "how many users were hit, and what they could not do",
    eta: "when it is expected to be over",
    rootCause: "what caused it, and how that was proven",
    factors: "what made it possible, or worse",
    lessons: "what went well, what did not, and where we were lucky",
    item: "what is to be done so that it does not come again",
  },
  statusOpen: (since) => `Open since ${since}; nobody has acknowledged it`,
  statusAcknowledged: (who, at) => `Acknowledged by ${who} at ${at}`,
  statusResolved: (at, who) => `Resolved at ${at} (${who})`,
  byItself: "its alerts were over",
  summary: ({ at, service, title, sources }) =>
    `On ${at}, ${sources} told of trouble: ${title}${placeText(title, service)}.`,
  counts: (alerts, signals) =>
    `${alerts} ${alerts === 1 ? "alert" : "alerts"}, ${signals} ${signals === 1 ? "signal" : "signals"}.`,
  lasted: (took, isOver) => (isOver ? `It lasted ${took}.` : `It has lasted ${took} until now.`),
  reopened: (times) =>
    `It came back ${times} ${times === 1 ? "time" : "times"} after it had ended.`,
  suspect: (what) => `Shortly before it began this was deployed: ${what}.`,
  goBack: (what) => `If that deployment is the cause: go back to ${what}.`,
  nextUpdate: (at) => `Users are told again at ${at} at the latest.`,
  taskDue: (title, who, due) => `${title}: ${who}, due ${due}.`,
  notTold: "Nobody was told by a message.",
  usersTold: (people, what) => `${people} ${people === 1 ? "subscriber" : "subscribers"}: ${what}`,
  noticeTold: (channel, what, to) => `${what}, by ${channel} to ${to}`,
  alertBegan: (source, title) => `${source}: ${title}`,
  alertEnded: (source, title) => `${source} says that it is over: ${title}`,
  late: (what) => `${what} took longer than the policy wants.`,
  notDelivered: (channel, to, code) =>
    `A message by ${channel} to ${to} did not get through (${code}).`,
  templates: {
    "incident-raised": "told that it began",
    "incident-escalated": "told because nobody had answered",
    "incident-acknowledged": "told that somebody has it",
    "incident-reopened": "told that it came back",
    "incident-resolved": "told that it is over",
    "incident-storm": "told with others at once",
    "user-incident": "told of the trouble",
    "user-update": "told how it stands",
    "user-resolved": "told that it is over",
  },
  steps: { executives: "told because it lasted", task_due: "reminded of a task that was due" },
  byLink: (channel) => `whoever used the link in ${channel}`,
};

const th: ReportWords = {
  notice: "ประกาศเหตุขัดข้อง",
  review: "รายงานทบทวนหลังเหตุขัดข้อง",
  heads: {
    summary: "สรุป",
    impact: "ผลกระทบ",
    actions: "สิ่งที่ดำเนินการแล้ว",
    next: "ขั้นตอนต่อไป",
    channel: "ผู้ที่ได้รับแจ้ง",
    timeline: "ลำดับเหตุการณ์",
    durations: "ระยะเวลาที่ใช้",
    rootCause: "สาเหตุที่แท้จริง",
    factors: "ปัจจัยที่มีส่วน",
    resolution: "การแก้ไข",
    lessons: "บทเรียน",
    items: "งานที่ต้องทำ",
  },
  fields: {
    id: "เหตุขัดข้อง",
    severity: "ระดับความรุนแรง",
    detected: "ตรวจพบเมื่อ",
    status: "สถานะ",
    service: "บริการ",
    began: "เริ่มเมื่อ",
    ended: "สิ้นสุดเมื่อ",
    who: "ผู้รับผิดชอบ",
  },
  columns: {
    at: "เวลา",
    what: "เหตุการณ์",
    who: "โดย",
    took: "ใช้เวลา",
    wanted: "กำหนดภายใน",
    kept: "ทันกำหนด",
    channel: "ช่องทาง",
    recipient: "ถึง",
    state: "สถานะ",
    action: "งาน",
    owner: "ผู้รับผิดชอบ",
    due: "กำหนดเสร็จ",
    priority: "ลำดับความสำคัญ",
  },
  durations: {
    detect: "จากอาการแรกจนระบบทราบ",
    acknowledge: "จากนั้นจนมีผู้รับเรื่อง",
    first_response: "จากนั้นจนมีการตอบสนองครั้งแรก",
    tell_users: "จากนั้นจนแจ้งผู้ใช้",
    recover: "จากอาการแรกจนเหตุสิ้นสุด",
    resolution_notice: "จากเหตุสิ้นสุดจนแจ้งว่าสิ้นสุดแล้ว",
  },
  priority: { P0: "สูง", P1: "สูง", P2: "กลาง", P3: "ต่ำ" },
  yes: "ใช่",
  no: "ไม่",
  none: "ไม่มี",
  notYet: "ยังไม่เกิดขึ้น",
  before: "มีผู้รับเรื่องที่ต้นทางก่อนที่ระบบจะได้รับแจ้ง",
  nobodyYet: "ยังไม่มีผู้รับเรื่อง",
  done: "เสร็จแล้ว",
  open: "ยังไม่เสร็จ",
  fillIn: (who, what) => `**[โปรดกรอกโดย ${who}: ${what}]**`,
  ask: {
    impact: "มีผู้ใช้ได้รับผลกระทบกี่คน และทำอะไรไม่ได้บ้าง",
    eta: "คาดว่าจะสิ้นสุดเมื่อใด",
    rootCause: "อะไรคือสาเหตุ และพิสูจน์อย่างไร",
    factors: "อะไรทำให้เกิดขึ้นได้ หรือทำให้แย่ลง",
    lessons: "อะไรทำได้ดี อะไรทำได้ไม่ดี และเราโชคดีตรงไหน",
    item: "ต้องทำอะไรเพื่อไม่ให้เกิดขึ้นอีก",
  },
  statusOpen: (since) => `เปิดอยู่ตั้งแต่ ${since} ยังไม่มีผู้รับเรื่อง`,
  statusAcknowledged: (who, at) => `${who} รับเรื่องแล้วเมื่อ ${at}`,
  statusResolved: (at, who) => `สิ้นสุดแล้วเมื่อ ${at} (${who})`,
  byItself: "การแจ้งเตือนทั้งหมดสิ้นสุดแล้ว",
  summary: ({ at, service, title, sources }) =>
    `เมื่อ ${at} ${sources} แจ้งเหตุขัดข้อง: ${title}${placeText(title, service)}`,
  counts: (alerts, signals) => `การแจ้งเตือน ${alerts} รายการ สัญญาณ ${signals} ครั้ง`,
  lasted: (took, isOver) => (isOver ? `กินเวลา ${took}` : `กินเวลาแล้ว ${took} จนถึงขณะนี้`),
  reopened: (times) => `กลับมาเกิดซ้ำ ${times} ครั้งหลังจากสิ้นสุดไปแล้ว`,
  suspect: (what) => `มีการนำขึ้นระบบไม่นานก่อนเกิดเหตุ: ${what}`,
  goBack: (what) => `หากการนำขึ้นระบบนั้นเป็นสาเหตุ ให้ย้อนกลับไปยัง ${what}`,
  nextUpdate: (at) => `จะแจ้งผู้ใช้อีกครั้งไม่เกิน ${at}`,
  taskDue: (title, who, due) => `${title}: ${who} กำหนดเสร็จ ${due}`,
  notTold: "ยังไม่มีการส่งข้อความแจ้งผู้ใด",
  usersTold: (people, what) => `ผู้ติดตาม ${people} ราย: ${what}`,
  noticeTold: (channel, what, to) => `${what} ทาง ${channel} ถึง ${to}`,
  alertBegan: (source, title) => `${source}: ${title}`,
  alertEnded: (source, title) => `${source} แจ้งว่าสิ้นสุดแล้ว: ${title}`,
  late: (what) => `${what} นานกว่าที่กำหนด`,
  notDelivered: (channel, to, code) => `ข้อความทาง ${channel} ถึง ${to} ส่งไม่สำเร็จ (${code})`,
  templates: {
    "incident-raised": "แจ้งว่าเริ่มเกิดเหตุ",
    "incident-escalated": "แจ้งเพราะยังไม่มีผู้ตอบรับ",
    "incident-acknowledged": "แจ้งว่ามีผู้รับเรื่องแล้ว",
    "incident-reopened": "แจ้งว่ากลับมาเกิดซ้ำ",
    "incident-resolved": "แจ้งว่าสิ้นสุดแล้ว",
    "incident-storm": "แจ้งรวมกับเหตุอื่น",
    "user-incident": "แจ้งเหตุขัดข้อง",
    "user-update": "แจ้งความคืบหน้า",
    "user-resolved": "แจ้งว่าสิ้นสุดแล้ว",
  },
  steps: { executives: "แจ้งเพราะเหตุยังไม่สิ้นสุด", task_due: "เตือนงานที่ถึงกำหนด" },
  byLink: (channel) => `ผู้ที่กดลิงก์ใน ${channel}`,
};

export const REPORT_LOCALES = ["en", "th"] as const;
export type ReportLocale = (typeof REPORT_LOCALES)[number];
export const REPORT_WORDS: Readonly<Record<ReportLocale, ReportWords>> = { en, th };
