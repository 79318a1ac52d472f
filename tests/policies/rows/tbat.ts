import {
  afterwards,
  announced,
  approved,
  called,
  clocked,
  crossed,
  DOWN,
  instead,
  limits,
  maintained,
  promised,
  titled,
  told,
  type View,
  watched,
  withExam,
} from "../observe.js";
import { type Row, row } from "../row.js";
import * as shared from "./shared.js";

const PAYMENT_DOWN: View = {
  source: "monitor",
  kind: "payment",
  level: "fatal",
  title: "Payments",
};
const HIGH = titled("Exam code could not be generated");
const MEDIUM = titled("email delivery failed");
const LOW = titled("A label is cut off", "info");
const DAYS = "mon tue wed thu fri";

const alerting: Row[] = [
  row(
    "CRITICAL: system down, payment system down, database unavailable, data corruption",
    "P0 CRITICAL",
    (p) =>
      called(p, [
        DOWN,
        PAYMENT_DOWN,
        titled("Checkout: Stripe cannot be reached", "fatal"),
        crossed("not-healthy"),
        crossed("availability-critical"),
        crossed("database-down"),
        titled("PrismaError: Can't reach database server", "fatal"),
        titled("Data corruption in exam results"),
      ]),
  ),
  row(
    "HIGH: payment issue, exam code generation, PDF upload, auth; also a lag, a bad deployment, low availability",
    "P1 HIGH",
    (p) =>
      called(p, [
        { kind: "payment", title: "A payment of stripe is a dead letter" },
        titled("PaymentError: card could not be charged"),
        crossed("payment-success"),
        HIGH,
        titled("PDF upload failed"),
        titled("Authentication failed for all users"),
        { source: "monitor", kind: "lag", title: "Events wait" },
        crossed("availability"),
        crossed("error-rate"),
        crossed("slow-critical"),
        { kind: "deployment", source: "monitor", tags: { check: "health" } },
        titled("Something new broke", "fatal"),
      ]),
  ),
  row(
    "MEDIUM: email delivery, slow queries, analytics, degraded performance; also a certificate",
    "P2 MEDIUM",
    (p) =>
      called(p, [
        MEDIUM,
        titled("Slow DB Query", "info"),
        titled("Analytics event lost", "warning"),
        crossed("slow"),
        crossed("slow-exam"),
        { ...DOWN, title: "Site: Slow response" },
        { kind: "certificate", level: "warning", title: "Certificate expires soon" },
        { source: "vercel", kind: "deployment", title: "Deployment of web to production failed" },
        titled("Something else broke"),
      ]),
  ),
  row("Severity 4: cosmetic; previews", "P3 LOW", (p) =>
    called(p, [
      LOW,
      { source: "vercel", kind: "deployment", level: "warning", environment: "preview" },
    ]),
  ),
  row(
    "CRITICAL: page at once, escalate after 5 min, to technical lead + project manager + on-call; PagerDuty and Slack",
    "0: on-call by pagerduty, slack; " +
      "5: technical-lead, project-manager, on-call by pagerduty, slack, email; " +
      "20: technical-lead, project-manager, on-call by pagerduty, slack, email",
    (p) => told(p, DOWN, 34),
  ),
  row(
    "CRITICAL: the first word, and the first response within 15 min",
    "told in 0 min; answered in 15 min",
    (p) => promised(p, DOWN),
  ),
  row(
    "HIGH: within 15 min, escalate after 30 min, to technical lead + on-call; PagerDuty and Slack",
    "0: on-call by pagerduty, slack; 30: technical-lead, on-call by pagerduty, slack, email",
    (p) => told(p, HIGH, 600),
  ),
  row("HIGH: within 15 min", "told in 15 min; answered in 15 min", (p) => promised(p, HIGH)),
  row(
    "MEDIUM: within 1 h, escalate after 4 h, to technical lead; Slack, no PagerDuty; in the daily digest",
    "15: on-call by slack; 255: technical-lead by slack, email; the day's mail",
    (p) => told(p, MEDIUM, 1_000),
  ),
  row("MEDIUM: within 1 h", "told in 60 min; answered in 60 min", (p) => promised(p, MEDIUM)),
  row("LOW: Slack, and in the daily digest", "0: on-call by slack; the day's mail", (p) =>
    told(p, LOW, 1_000),
  ),
  row(
    "LOW: the next business day",
    "told in - min; next business day, by 2026-11-25 18:00 (Asia/Bangkok)",
    (p) => promised(p, LOW),
  ),
  row(
    "A channel that is down is replaced: CRITICAL",
    "pagerduty: sms, email; slack: sms, email | pagerduty: sms; slack: sms; email: sms",
    (p) => instead(p, DOWN),
  ),
  row(
    "A channel that is down is replaced: HIGH",
    "pagerduty: sms, email; slack: sms, email | pagerduty: sms; slack: sms; email: sms",
    (p) => instead(p, HIGH),
  ),
  row(
    "A channel that is down is replaced: MEDIUM and LOW",
    "slack: email | slack: -; email: -; slack: email",
    (p) => `${instead(p, MEDIUM)}; ${instead(p, LOW)}`,
  ),
  row(
    "Incident clock: acknowledge in 5, first response 15, users within 30 then every 15, executives after 30",
    "5: acknowledge; 15: first_response; 28: users; 30: executive by email; 43: users; 58: users",
    (p) => clocked(p, DOWN, 60),
  ),
  row(
    "HIGH runs by the same clock; MEDIUM and LOW by none",
    "5: acknowledge; 15: first_response; nothing; nothing",
    (p) => `${clocked(p, HIGH, 20)}; ${clocked(p, MEDIUM, 60)}; ${clocked(p, LOW, 60)}`,
  ),
  row(
    "Resolution told within 2 h; root cause in 24 h, documents in 48 h, prevention in a week, each a dated task",
    "0: resolved; 0: tasks; 15: users_resolved; root-cause by technical-lead in 24 h; " +
      "documents by technical-lead in 48 h; prevention by project-manager in 168 h",
    (p) => afterwards(p, DOWN),
  ),
  row(
    "The word to users that it is over waits for no flap past 2 h",
    "118: users_resolved",
    (p) => {
      const slow = { ...p, grouping: { ...p.grouping, flapMinutes: 600 } };
      return afterwards(slow, DOWN)
        .split("; ")
        .filter((line) => line.includes("users_"))
        .join();
    },
  ),
  row(
    "Nothing is watched after recovery",
    "0 looks; ends after 0 min; 1",
    (p) => `${watched(p, DOWN)}; ${p.recovery.checkEveryMinutes}`,
  ),
];

const measures: Row[] = [
  row(
    "Payment success under 90 % for 5 minutes (target > 95 %)",
    "payment_success_percent < 90 for 5 min of 5+; over at 95 for 5 min",
    (p) => limits(p, "payment-success"),
  ),
  row(
    "p95 above its target by 50 %: target 200 ms",
    "latency_p95_ms > 300 for 5 min of 20+; over at 200 for 5 min; normal",
    (p) => limits(p, "slow"),
  ),
  row(
    "p95 above its target by 50 %: exam day 500 ms",
    "latency_p95_ms > 750 for 5 min of 20+; over at 500 for 5 min; exam",
    (p) => limits(p, "slow-exam"),
  ),
  row("p95 critical at 1 s", "latency_p95_ms > 1000 for 5 min of 20+; over at 750 for 5 min", (p) =>
    limits(p, "slow-critical"),
  ),
  row(
    "Errors above 1 % for 5 min",
    "error_rate_percent > 1 for 5 min of 20+; over at 0.5 for 5 min",
    (p) => limits(p, "error-rate"),
  ),
  row(
    "Not healthy; no database",
    "healthy < 1 for 1 min of 1+; over at 1 for 2 min; database_up < 1 for 1 min of 1+; over at 1 for 2 min",
    (p) => `${limits(p, "not-healthy")}; ${limits(p, "database-down")}`,
  ),
  shared.withoutDatabase("P0 CRITICAL: 0: on-call by pagerduty, slack"),
  shared.uptime(
    "Availability under 99.5 %; targets 99.9 %, in exams 99.95 %; critical 99.0 %",
    "99.9 % over 30 d (exam 99.95, alert 99.5, critical 99); shown for 7, 30, 90 d; detected in 5 min, over in 240 min",
  ),
  shared.targets(
    "Response: target 200 ms, exam 500 ms, critical 1 s; errors: normal 0.1 %, exam 0.5 %",
    [
      "response-p95-ms",
      "response-p95-exam-ms",
      "response-p95-critical-ms",
      "error-rate-percent",
      "error-rate-exam-percent",
    ],
    "200, 500, 1000, 0.1, 0.5",
  ),
  shared.targets(
    "Webhook p95 under 2 s with 20 at once; end to end under 3 s; over 99.5 % processed; success over 95 %",
    [
      "webhook-p95-ms",
      "webhook-at-once",
      "end-to-end-ms",
      "processed-percent",
      "payment-success-percent",
    ],
    "2000, 20, 3000, 99.5, 95",
  ),
  shared.targets(
    "Critical mail within 5 min; 20 recipients within 2 min; 30 s each",
    ["critical-mail-minutes", "mail-batch-recipients", "mail-batch-minutes", "mail-each-seconds"],
    "5, 20, 2, 30",
  ),
  shared.targets(
    "Lock timeout under 5 s; at most 10 pooled connections",
    ["lock-timeout-seconds", "database-pool-max"],
    "5, 10",
  ),
  shared.targets(
    "Hold within 2 min; users told within 2 h; 20 users now, 300 planned",
    ["hold-source-minutes", "tell-affected-users-minutes", "users-now", "users-planned"],
    "2, 120, 20, 300",
  ),
];

const calendar: Row[] = [
  row(
    "Lockdown 20 September to 10 October 2568 B.E., Bangkok's days",
    "- otherwise otherwise -",
    (p) =>
      approved(p, [
        "2025-09-19T23:59:59+07:00",
        "2025-09-20T00:00:00+07:00",
        "2025-10-10T23:59:59+07:00",
        "2025-10-11T00:00:00+07:00",
      ]),
  ),
  row(
    "Lockdown: a production deployment in it is an incident; so is one close to an exam",
    "P1 HIGH",
    (p) =>
      called(p, [
        { source: "monitor", kind: "deployment", tags: { lockdown: "exam-2568" } },
        { source: "monitor", kind: "deployment", tags: { approval: "cto" } },
      ]),
  ),
  shared.labels(
    "security, payment, emergency; else: No deployment in the lockdown but a security or payment fix, with its label",
  ),
  row(
    "Exam: from 6 h before pre-approved, within 2 h the CTO, during it an executive",
    "- pre-approved pre-approved cto cto executive executive -",
    (p) =>
      approved(withExam(p, "2026-12-06T09:00:00+07:00", "2026-12-06T12:00:00+07:00"), [
        "2026-12-06T02:59:59+07:00",
        "2026-12-06T03:00:00+07:00",
        "2026-12-06T06:59:59+07:00",
        "2026-12-06T07:00:00+07:00",
        "2026-12-06T08:59:59+07:00",
        "2026-12-06T09:00:00+07:00",
        "2026-12-06T11:59:59+07:00",
        "2026-12-06T12:00:00+07:00",
      ]),
  ),
  row("Maintenance every Sunday 02:00-04:00 in Bangkok", "- weekly weekly - -", (p) =>
    maintained(p, [
      "2026-11-15T01:59:59+07:00",
      "2026-11-15T02:00:00+07:00",
      "2026-11-15T03:59:59+07:00",
      "2026-11-15T04:00:00+07:00",
      "2026-11-16T02:30:00+07:00",
    ]),
  ),
  row("First Sunday of the month 02:00-06:00", "- weekly monthly monthly -", (p) =>
    maintained(p, [
      "2026-12-06T01:59:59+07:00",
      "2026-12-06T02:00:00+07:00",
      "2026-12-06T04:00:00+07:00",
      "2026-12-06T05:59:59+07:00",
      "2026-12-06T06:00:00+07:00",
    ]),
  ),
  row(
    "Notice: none, 48 h for the month's, a week for the quarter's",
    "weekly 2027-01-03 02:00 for 2 h: -; monthly 2027-01-03 02:00 for 4 h: 48; quarterly 2027-01-03 02:00 for 4 h: 168",
    (p) => announced(p, "2027-01-02T12:00:00Z", "2027-01-03T12:00:00Z"),
  ),
  row(
    "Support: answers in 2 h; exam week 15 min; off hours 1 h for system down",
    "120 min; 15 min; 60 min",
    ({ support: s }) =>
      `${s?.answerWithinMinutes} min; ${s?.inExamWeekWithinMinutes} min; ${s?.offHoursSystemDownWithinMinutes} min`,
  ),
  shared.businessHours(
    "2026-11-20T20:00:00+07:00",
    `${DAYS}: 2026-11-23 08:00 (Asia/Bangkok) to 2026-11-23 18:00 (Asia/Bangkok)`,
  ),
  shared.digest(
    "2026-11-24T09:00:00+07:00",
    "2026-11-23T01:00:00.000Z to 2026-11-24T01:00:00.000Z; technical-lead by email; payments, alerts",
  ),
];

export const tbatRows: readonly Row[] = [
  shared.payments(
    "Asia/Bangkok Asia/Bangkok THB th ADVANCED: 6; revoke keep revoke keep at_period_end; grace 7 d, warned 14, 3 d before",
  ),
  ...alerting,
  ...measures,
  ...calendar,
  shared.deployments(
    "Rollback in under 2 min, then: app loads, endpoints answer, database connects, login works",
    "health, smoke of /api/health / /api/health /login after 30 s, every 15 s for 60 s; back in 2 min",
  ),
  shared.targets("A rollback takes under 2 min", ["rollback-seconds"], "120"),
  shared.dispute(
    "P2 MEDIUM: 15: on-call by slack; 255: technical-lead by slack, email; the day's mail",
  ),
  shared.grouping("service=web; 60 min; 15 min"),
  shared.storm("10 in 5 min"),
  shared.monitors("2 1000 14"),
  shared.lag("5 min; 5 times its usual gap; every 15 min"),
  shared.retention(
    "Nothing is said of how long things are kept; events' bytes for as long as metrics are shown",
    "logs kept, errors kept, audit kept, bodies 90",
  ),
  shared.objectives("240 min, 60 min"),
  shared.budget("- USD: 80 %, 95 %, 110 %"),
  shared.messages(
    "ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก / System is being fixed. We apologize for the inconvenience. | " +
      "ระบบกำลังปรับปรุง กรุณารอสักครู่ / System under maintenance | " +
      "การชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง / Payments are not possible for the moment. Please try again later.",
  ),
];
