import type { IncidentEntry } from "../../../domain/incident.js";
import type { Template } from "../../../domain/notice.js";
import type { IncidentReport } from "../../../store/incident-report.js";
import type { ReportLocale } from "./words.js";

type Thai = readonly [RegExp, string];

/** How the parts of a sentence are called that stand in several of them. */
const PARTS: readonly Thai[] = [
  [/, since nobody has answered for (\d+) min$/, " เพราะยังไม่มีผู้ตอบรับเป็นเวลา $1 นาที"],
  [/: it lasts longer than (\d+) min$/, " เพราะเหตุกินเวลานานกว่า $1 นาที"],
  [/ instead$/, " แทน"],
  [/ already$/, " แล้ว"],
  [/ to (\d+) people$/, " ถึง $1 คน"],
  [/^that somebody has it$/, "ว่ามีผู้รับเรื่องแล้ว"],
  [/^that it has come back$/, "ว่ากลับมาเกิดซ้ำ"],
  [/^that it is over$/, "ว่าสิ้นสุดแล้ว"],
  [/^, as (.+): what somebody has is over$/, " ในระดับ $1 เพราะเรื่องเดิมที่มีผู้รับไว้สิ้นสุดแล้ว"],
  [/^, which makes it (.+)$/, " จึงเป็นระดับ $1"],
  [/^; it is over already$/, " และสิ้นสุดไปแล้ว"],
  [/^there is no other way left$/, "ไม่มีช่องทางอื่นแล้ว"],
];

/** What we write into a timeline ourselves, whole; what stands in brackets of the pattern is others' and stays as it is. */
const SENTENCES: readonly Thai[] = [
  [/^opened as (.+?) by (\S+): (.+)$/, "เปิดเหตุในระดับ $1 จาก $2: $3"],
  [/^becomes (.+?): (.+)$/, "เลื่อนเป็นระดับ $1: $2"],
  [/^reopened by (\S+): (.+) \((\d+)\. time\)$/, "เปิดเหตุอีกครั้งโดย $1: $2 (ครั้งที่ $3)"],
  [/^reopened by (\S+)$/, "เปิดเหตุอีกครั้งโดย $1"],
  [/^reopened by (\S+?): (.+)$/, "เปิดเหตุอีกครั้งโดย $1: $2"],
  [/^acknowledged at (\S+)$/, "มีผู้รับเรื่องที่ $1"],
  [/^acknowledged by the link in a message by (\S+)$/, "รับเรื่องจากลิงก์ในข้อความทาง $1"],
  [/^acknowledged by (\S+?): (.+)$/, "$1 รับเรื่องแล้ว: $2"],
  [/^acknowledged by (\S+)$/, "$1 รับเรื่องแล้ว"],
  [/^taken over by (\S+?): (.+)$/, "$1 รับช่วงต่อ: $2"],
  [/^taken over by (\S+)$/, "$1 รับช่วงต่อ"],
  [
    /^resolved: nothing was heard of it for longer than (\d+) min$/,
    "สิ้นสุด: ไม่มีสัญญาณอีกนานกว่า $1 นาที",
  ],
  [
    /^resolved: it stayed good for as long as the policy watches$/,
    "สิ้นสุด: ปกติดีตลอดช่วงที่เฝ้าดูตามนโยบาย",
  ],
  [/^resolved by (\S+?): (.+)$/, "สิ้นสุดโดย $1: $2"],
  [/^resolved by (\S+)$/, "สิ้นสุดโดย $1"],
  [/^(.+) is over; something else of it is not$/, "$1 สิ้นสุดแล้ว แต่ยังมีส่วนอื่นของเหตุที่ยังไม่สิ้นสุด"],
  [
    /^all of it is over; watched for (\d+) min before it ends$/,
    "ทั้งหมดสิ้นสุดแล้ว จะเฝ้าดูอีก $1 นาทีก่อนปิดเหตุ",
  ],
  [
    /^watched for (\d+) of (\d+) min: nothing of it is open$/,
    "เฝ้าดูแล้ว $1 จาก $2 นาที: ไม่มีส่วนใดเปิดอยู่",
  ],
  [
    /^it had ended before its beginning came: nobody is told of it$/,
    "เหตุสิ้นสุดก่อนที่จะได้รับแจ้งว่าเริ่ม จึงไม่แจ้งผู้ใด",
  ],
  [/^(.+) \((\S+)\) joins(|, .+|; .+)$/, "$1 ($2) รวมอยู่ในเหตุนี้{3}"],
  [
    /^told with the storm's summary: (\d+) incidents in (\d+) min$/,
    "แจ้งรวมในสรุปของเหตุจำนวนมาก: $1 เหตุใน $2 นาที",
  ],
  [/^(.+) told with the storm's summary$/, "แจ้ง $1 รวมในสรุปของเหตุจำนวนมาก"],
  [/^told of the storm: that somebody has each incident$/, "แจ้งว่าทุกเหตุที่แจ้งรวมกันมีผู้รับเรื่องแล้ว"],
  [/^told of the storm: that all incidents are over$/, "แจ้งว่าทุกเหตุที่แจ้งรวมกันสิ้นสุดแล้ว"],
  [
    /^nobody has acknowledged it within (\d+) min, as was promised$/,
    "ไม่มีผู้รับเรื่องภายใน $1 นาทีตามที่กำหนด",
  ],
  [/^nobody has answered within (\d+) min, as was promised$/, "ไม่มีผู้ตอบสนองภายใน $1 นาทีตามที่กำหนด"],
  [/^users are told how it stands$/, "แจ้งความคืบหน้าแก่ผู้ใช้"],
  [
    /^users are told that it is over when all of the storm is$/,
    "จะแจ้งผู้ใช้ว่าสิ้นสุดเมื่อทุกเหตุที่แจ้งรวมกันสิ้นสุด",
  ],
  [/^users are told that it is over$/, "แจ้งผู้ใช้ว่าสิ้นสุดแล้ว"],
  [/^users are told$/, "แจ้งผู้ใช้แล้ว"],
  [/^told by (.+?) (that .+)$/, "แจ้งทาง $1 {2}"],
  [/^(\d+) tasks are owed after it$/, "มีงานที่ต้องทำหลังเหตุ $1 งาน"],
  [/^due, and not done: (.+)$/, "ถึงกำหนดแล้วแต่ยังไม่เสร็จ: $1"],
  [
    /^(\S+) could not be reached \((.+)\): told by (.+?)( to \d+ people)?( instead| already)$/,
    "ติดต่อทาง $1 ไม่ได้ ($2): แจ้งทาง $3{4}{5}",
  ],
  [
    /^(\S+) could not be reached \((.+)\): (there is no other way left)$/,
    "ติดต่อทาง $1 ไม่ได้ ($2): {3}",
  ],
  [/^(.+) told by (.+?)(, since nobody .+|: it lasts .+|)$/, "แจ้ง $1 ทาง $2{3}"],
];

/** The sentences of a decision stand one after the other in one entry. */
const REASONS: readonly Thai[] = [
  [/(\S+) calls it (\S+), which counts as (\S+) here\./g, "$1 เรียกว่า $2 ซึ่งนับเป็น $3 ที่นี่"],
  [
    /Rule `([^`]+)` \((.+?)\) makes it (P\d), which this platform calls ([^.]+)\./g,
    "กฎ `$1` ($2) จัดเป็น $3 ซึ่งแพลตฟอร์มนี้เรียกว่า $4",
  ],
  [/Rule `([^`]+)` \((.+?)\) makes it (P\d)\./g, "กฎ `$1` ($2) จัดเป็น $3"],
  [/`([^`]+)` is the service ([^.]+)\./g, "`$1` คือบริการ $2"],
  [
    /The rule has a route of its own, `([^`]+)`, instead of (\S+)'s `([^`]+)`\./g,
    "กฎนี้ใช้เส้นทางแจ้ง `$1` แทน `$3` ของ $2",
  ],
  [/Route `([^`]+)` keeps it and tells nobody\./g, "เส้นทาง `$1` เก็บไว้โดยไม่แจ้งผู้ใด"],
  [/Route `([^`]+)` tells it with the day's mail\./g, "เส้นทาง `$1` แจ้งในอีเมลประจำวัน"],
  [/Route `([^`]+)` tells at once: /g, "เส้นทาง `$1` แจ้งทันที: "],
  [
    /Route `([^`]+)` tells after (\d+) min, unless it is over by then: /g,
    "เส้นทาง `$1` แจ้งหลัง $2 นาทีหากยังไม่สิ้นสุด: ",
  ],
  [/after (\d+) min without an answer /g, "หากไม่มีผู้ตอบรับใน $1 นาที "],
  [
    / by ((?:pagerduty|slack|email|sms|, )*(?:pagerduty|slack|email|sms)) and (pagerduty|slack|email|sms)/g,
    " ทาง $1 และ $2",
  ],
  [/ by (pagerduty|slack|email|sms)/g, " ทาง $1"],
  [/ and (?=[^;:.]* ทาง )/g, " และ "],
  [/ It is in the day's mail as well\./g, " และอยู่ในอีเมลประจำวันด้วย"],
];

/** A timeline's sentence for a reader of the locale: ours in their language, what sources and people wrote as they wrote it. */
export function entryText(
  { kind, text }: Pick<IncidentEntry, "kind" | "text">,
  locale: ReportLocale,
): string {
  if (locale === "en" || kind === "note") return text;
  const whole = translated(text, SENTENCES) ?? text;
  return kind === "decision" || whole !== text ? reasonsIn(whole) : whole;
}

function translated(text: string, table: readonly Thai[]): string | null {
  for (const [pattern, thai] of table) {
    const found = pattern.exec(text);
    if (found === null) continue;
    const part = (nth: string): string => found[Number(nth)] ?? "";
    return thai.replace(/\$(\d)|\{(\d)\}/g, (_all, own: string, ours: string) =>
      own === undefined ? (translated(part(ours), PARTS) ?? part(ours)) : part(own),
    );
  }
  return null;
}

const reasonsIn = (text: string): string =>
  REASONS.reduce((said, [pattern, thai]) => said.replace(pattern, thai), text).replace(/\.$/, "");

/** What only says that a message left, which stands in the timeline as what it told and to whom. */
const TELLS = /(^| )told by /;
/** The same of users: by the template of the messages. */
const TELLS_USERS: Readonly<Partial<Record<string, Template>>> = {
  "users are told": "user-incident",
  "users are told that it is over": "user-resolved",
};

/** The timeline's entries beside its messages. That a way failed, and what took its place, no message says. */
export function entriesBeside({ entries, notices, users }: IncidentReport): IncidentEntry[] {
  const left = new Set(notices.map(({ createdAt }) => createdAt));
  const toUsers = new Set(users.map(({ template }) => template));
  return entries.filter(({ kind, text, at }) => {
    if (kind !== "step" || text.includes(" could not be reached ")) return true;
    const template = TELLS_USERS[text];
    return template === undefined ? !(TELLS.test(text) && left.has(at)) : !toUsers.has(template);
  });
}
