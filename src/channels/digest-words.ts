import type { Language } from "../domain/notice.js";
import type { DigestFigure, DigestSection } from "../domain/notice-templates.js";

type Sections = Readonly<Record<DigestSection["section"], string>>;

interface DigestWords {
  title: string;
  /** How many incidents were left for the summary; of the others of the day people were told at once. */
  count(left: number, toldAtOnce: number): string;
  more(n: number): string;
  sections: Sections;
}

/** What the day's summary is called, and its parts. */
export const DIGEST_WORDS: Readonly<Record<Language, DigestWords>> = {
  en: {
    title: "Daily summary",
    count(left, toldAtOnce) {
      const incidents = left === 1 ? "One incident" : `${left} incidents`;
      if (toldAtOnce === 0) return `${left === 0 ? "No incidents" : incidents} in this time.`;
      const [one, many] = left === 0 ? ["incident", "incidents"] : ["other", "others"];
      const told = toldAtOnce === 1 ? `one ${one} was` : `${toldAtOnce} ${many} were`;
      const first =
        left === 0 ? "Nothing was left for this summary" : `${incidents} in this summary`;
      return `${first}; ${told} told at once.`;
    },
    more: (n) => `… and ${n} more.`,
    sections: {
      health: "System health",
      performance: "Performance",
      security: "Security",
      payments: "Payments",
      infrastructure: "Infrastructure",
      alerts: "Alerts",
    },
  },
  th: {
    title: "สรุปประจำวัน",
    count(left, toldAtOnce) {
      if (toldAtOnce === 0) {
        return left === 0 ? "ไม่มีเหตุขัดข้องในช่วงนี้" : `เหตุขัดข้องในช่วงนี้ ${left} เหตุ`;
      }
      return left === 0
        ? `ไม่มีเหตุขัดข้องที่รอสรุปในรอบนี้ แต่มี ${toldAtOnce} เหตุที่ได้แจ้งทันทีไปแล้ว`
        : `เหตุขัดข้องในสรุปนี้ ${left} เหตุ และมีอีก ${toldAtOnce} เหตุที่ได้แจ้งทันทีไปแล้ว`;
    },
    more: (n) => `… และอีก ${n} เหตุ`,
    sections: {
      health: "สถานะระบบ",
      performance: "ประสิทธิภาพ",
      security: "ความปลอดภัย",
      payments: "การชำระเงิน",
      infrastructure: "โครงสร้างพื้นฐาน",
      alerts: "การแจ้งเตือน",
    },
  },
};

/** Every figure that a digest may carry, by its key. A key without words is shown as it is, spaces for underscores. */
const FIGURES: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  healthy_percent: { en: "Healthy", th: "ระบบทำงานปกติ" },
  database_up_percent: { en: "Database reachable", th: "เชื่อมต่อฐานข้อมูลได้" },
  latency_avg_ms: { en: "Average response", th: "เวลาตอบสนองเฉลี่ย" },
  latency_p95_ms: { en: "Slowest minute's p95", th: "p95 ในนาทีที่ช้าที่สุด" },
  error_rate_percent: { en: "Error rate", th: "อัตราข้อผิดพลาด" },
  payment_success_percent: { en: "Payment success", th: "ชำระเงินสำเร็จ" },
  keys_created: { en: "Keys created", th: "กุญแจที่สร้างใหม่" },
  keys_revoked: { en: "Keys revoked", th: "กุญแจที่ถูกเพิกถอน" },
  security_incidents: { en: "Security incidents", th: "เหตุด้านความปลอดภัย" },
  payments_created: { en: "Payments created", th: "รายการชำระเงินใหม่" },
  payments_completed: { en: "Payments completed", th: "ชำระเงินสำเร็จ" },
  payments_failed: { en: "Payments failed", th: "ชำระเงินไม่สำเร็จ" },
  revenue: { en: "Revenue", th: "รายได้" },
  average_payment: { en: "Average payment", th: "ยอดเฉลี่ยต่อรายการ" },
  database_connections_percent: { en: "Database connections, highest", th: "การเชื่อมต่อฐานข้อมูลสูงสุด" },
  memory_percent: { en: "Memory, highest", th: "หน่วยความจำสูงสุด" },
  queue_age_s: { en: "Longest wait in the queue", th: "รอในคิวนานที่สุด" },
  cache_hits_percent: { en: "Cache hits", th: "อัตราการใช้แคช" },
  dead_letters: { en: "Dead letters waiting", th: "ข้อความที่ส่งไม่สำเร็จและรออยู่" },
  alerts_raised: { en: "Alerts", th: "การแจ้งเตือน" },
  alerts_open: { en: "Alerts still open", th: "การแจ้งเตือนที่ยังไม่จบ" },
  events_processed: { en: "Events processed", th: "เหตุการณ์ที่ประมวลผล" },
};

export function figureLabel({ key, label }: DigestFigure, language: Language): string {
  const name = FIGURES[key]?.[language] ?? key.replaceAll("_", " ");
  return label === undefined ? name : `${name} (${label})`;
}
