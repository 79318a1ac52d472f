import { incidentIdOf } from "../../../src/domain/incident.js";
import {
  afterwards,
  at,
  called,
  clocked,
  crossed,
  DOWN,
  instead,
  limits,
  promised,
  titled,
  told,
  watched,
} from "../observe.js";
import { type Row, row } from "../row.js";
import * as shared from "./shared.js";

const HIGH = titled("Authentication fails");
const MEDIUM = titled("One chapter is not shown");
const LOW = titled("A label is cut off", "info");

const alerting: Row[] = [
  row(
    "Incident ids INC-YYYYMMDD-HHMM, Manila's clock",
    "INC-20261124-1730 INC-20261124-1730-2",
    (p) =>
      [null, "INC-20261124-1730"]
        .map((last) => incidentIdOf(at("2026-11-24T09:30:00Z"), p.timeZone, last))
        .join(" "),
  ),
  row("Critical: service completely down, data loss", "P0 Critical", (p) =>
    called(p, [
      DOWN,
      crossed("not-healthy"),
      crossed("database-down"),
      titled("Data loss in answers"),
      { kind: "security", level: "warning" },
    ]),
  ),
  row(
    "High: auth failure, AI service down; also a bad deployment, and errors over 5 %",
    "P1 High",
    (p) =>
      called(p, [
        HIGH,
        titled("AI service does not answer"),
        { ...DOWN, service: "ai-tutor" },
        { service: "tutor-ai", title: "TimeoutError" },
        crossed("error-rate"),
        { source: "monitor", kind: "deployment", tags: { check: "health" } },
        titled("Unhandled exception", "fatal"),
      ]),
  ),
  row("Medium: slow, partial failure", "P2 Medium", (p) =>
    called(p, [
      MEDIUM,
      crossed("slow"),
      crossed("availability"),
      { ...DOWN, title: "Site: Slow response" },
      { ...DOWN, kind: "certificate", level: "warning", title: "Certificate" },
      { source: "vercel", kind: "deployment", title: "Deployment to production failed" },
    ]),
  ),
  row("Low: cosmetic; previews", "P3 Low", (p) =>
    called(p, [LOW, { kind: "deployment", level: "warning", environment: "preview" }]),
  ),
  row("Critical: answered in 15 min", "told in 0 min; answered in 15 min", (p) =>
    promised(p, DOWN),
  ),
  row("High: answered in 1 h", "told in 15 min; answered in 60 min", (p) => promised(p, HIGH)),
  row("Medium: answered in 4 h", "told in 60 min; answered in 240 min", (p) => promised(p, MEDIUM)),
  row(
    "Low: next business day",
    "told in - min; next business day, by 2026-11-25 18:00 (Asia/Manila)",
    (p) => promised(p, LOW),
  ),
  row(
    "Critical: told at once, and past its 15 min to the technical lead as well",
    "0: on-call by sms, slack, email; 15: on-call, technical-lead by sms, slack, email; 30: on-call, technical-lead by sms, slack, email",
    (p) => told(p, DOWN, 44),
  ),
  row(
    "High: told at once, and past its hour to the technical lead as well",
    "0: on-call by slack, email; 60: on-call, technical-lead by slack, email",
    (p) => told(p, HIGH, 1_000),
  ),
  row("Medium: Slack, and the day's mail", "0: on-call by slack; the day's mail", (p) =>
    told(p, MEDIUM, 1_000),
  ),
  row("Low: the day's mail", "the day's mail", (p) => told(p, LOW, 1_000)),
  row(
    "A channel that is down is replaced",
    "sms: pagerduty; slack: pagerduty; email: pagerduty | sms: pagerduty; slack: pagerduty; email: pagerduty; " +
      "slack: sms; email: sms | slack: sms; email: sms; slack: email",
    (p) => [DOWN, HIGH, MEDIUM].map((view) => instead(p, view)).join("; "),
  ),
  row(
    "After recovery, watch for 30 minutes, a check a minute, before the incident may be closed",
    "30 looks; ends after 30 min",
    (p) => watched(p, DOWN),
  ),
  row(
    "No clocks beside; the end is told at once",
    "nothing; 0: resolved",
    (p) => `${clocked(p, DOWN, 120)}; ${afterwards(p, DOWN)}`,
  ),
];

export const brainbytesRows: readonly Row[] = [
  shared.payments(
    "Asia/Manila Asia/Manila PHP en standard: forever; revoke keep revoke keep at_period_end; grace 7 d, warned 14, 3 d before",
  ),
  ...alerting,
  row("Response over 1 s", "latency_p95_ms > 1000 for 5 min of 20+; over at 800 for 5 min", (p) =>
    limits(p, "slow"),
  ),
  row("Errors over 5 %", "error_rate_percent > 5 for 1 min of 20+; over at 2 for 5 min", (p) =>
    limits(p, "error-rate"),
  ),
  row("Not healthy", "healthy < 1 for 1 min of 1+; over at 1 for 2 min", (p) =>
    limits(p, "not-healthy"),
  ),
  row("No database", "database_up < 1 for 1 min of 1+; over at 1 for 2 min", (p) =>
    limits(p, "database-down"),
  ),
  shared.withoutDatabase("P0 Critical: 0: on-call by sms, slack, email"),
  shared.uptime(
    "Uptime under 99.5 %",
    "99.5 % over 30 d (exam -, alert 99.5, critical -); shown for 7, 30, 90 d; detected in - min, over in - min",
  ),
  shared.deployments(
    "Roll back when GET /health fails for 60 s after a deployment",
    "health of /health / after 0 s, every 10 s for 60 s; back in 5 min",
  ),
  shared.targets(
    "Load: 10/s for 60 s, 20/s for 120 s, 5/s for 60 s",
    [
      "load-warm-up-per-second",
      "load-warm-up-seconds",
      "load-peak-per-second",
      "load-peak-seconds",
      "load-cool-down-per-second",
      "load-cool-down-seconds",
    ],
    "10, 60, 20, 120, 5, 60",
  ),
  shared.targets(
    "Load: under 500 ms, over 100 requests/s, under 1 % errors",
    ["load-response-ms", "load-throughput-per-second", "load-error-rate-percent"],
    "500, 100, 1",
  ),
  shared.monitors("1 1000 -"),
  shared.dispute("P2 Medium: 0: on-call by slack; the day's mail"),
  shared.grouping("service=web; 60 min; 15 min"),
  shared.storm("10 in 5 min"),
  shared.digest(
    "2026-11-24T09:00:00+08:00",
    "2026-11-23T00:00:00.000Z to 2026-11-24T00:00:00.000Z; on-call by email; alerts",
  ),
  shared.businessHours(
    "2026-11-20T20:00:00+08:00",
    "mon tue wed thu fri: 2026-11-23 09:00 (Asia/Manila) to 2026-11-23 18:00 (Asia/Manila)",
  ),
  shared.noMaintenance,
  shared.labels("security, hotfix; else: The technical lead approves"),
  shared.lag("5 min; 5 times its usual gap; every 15 min"),
  shared.retention(
    "Nothing is said of how long things are kept; events' bytes for as long as metrics are shown",
    "logs kept, errors kept, audit kept, bodies 90",
  ),
  shared.objectives("- min, - min"),
  shared.budget("- USD: 80 %, 95 %, 110 %"),
  shared.messages(
    "We are working on it. We apologize for the inconvenience. / ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก | " +
      "System under maintenance. Please wait a moment. / ระบบกำลังปรับปรุง กรุณารอสักครู่ | " +
      "Payments are not possible for the moment. Please try again later. / การชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง",
  ),
];
