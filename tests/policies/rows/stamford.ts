import {
  afterwards,
  called,
  clocked,
  crossed,
  DOWN,
  instead,
  limits,
  promised,
  titled,
  told,
  type View,
  watched,
} from "../observe.js";
import { type Row, row } from "../row.js";
import * as shared from "./shared.js";

const HIGH = crossed("not-healthy");
const MEDIUM = crossed("slow");
const LOW: View = { source: "monitor", kind: "metric", level: "info", title: "Few parkings today" };

const alerting: Row[] = [
  row(
    "critical: system outage, payment processing failed; a budget that is far exceeded",
    "P0 critical",
    (p) =>
      called(p, [
        DOWN,
        { kind: "payment", title: "Payment processing failed" },
        titled("StripeError: payment could not be made"),
        crossed("payment-failures"),
        crossed("database-down"),
        crossed("cost-emergency"),
        titled("Unhandled exception", "fatal"),
        { kind: "security", level: "warning" },
      ]),
  ),
  row("high: health check failed; a failed maintenance; 95 % of the budget", "P1 high", (p) =>
    called(p, [
      HIGH,
      crossed("cost-critical"),
      { source: "monitor", kind: "maintenance", title: "Maintenance failed" },
      { source: "monitor", kind: "deployment", tags: { check: "health" } },
      { source: "monitor", kind: "payment", tags: { check: "reconciliation" } },
      titled("Something broke"),
    ]),
  ),
  row("medium: performance degradation; 80 % of the budget", "P2 medium", (p) =>
    called(p, [
      MEDIUM,
      crossed("error-rate"),
      crossed("database-connections"),
      crossed("cost-warning"),
      { ...DOWN, title: "Site: Slow response" },
      { ...DOWN, kind: "certificate", level: "warning", title: "Certificate" },
      titled("Retrying", "warning"),
    ]),
  ),
  row("low: business metric under expectation", "P3 low", (p) =>
    called(p, [
      LOW,
      titled("A label is cut off", "info"),
      { kind: "deployment", level: "warning", environment: "preview" },
    ]),
  ),
  row(
    "PagerDuty for critical; escalation after 15 min",
    "0: on-call by pagerduty, slack; 15: on-call, operations-manager by pagerduty, slack, email; " +
      "30: on-call, operations-manager by pagerduty, slack, email",
    (p) => told(p, DOWN, 44),
  ),
  row(
    "Slack for warnings; escalation after 15 min: high",
    "0: on-call by slack; 15: on-call, operations-manager by slack, email; the day's mail",
    (p) => told(p, HIGH, 1_000),
  ),
  row("Slack for warnings: medium", "0: on-call by slack; the day's mail", (p) =>
    told(p, MEDIUM, 1_000),
  ),
  row("Email for daily reports: low", "the day's mail", (p) => told(p, LOW, 1_000)),
  row(
    "How soon each is answered",
    "told in 0 min; answered in 0 min | told in 15 min; answered in 15 min | told in 60 min; answered in 60 min | " +
      "told in - min; next business day, by 2026-11-25 17:00 (America/New_York)",
    (p) => [DOWN, HIGH, MEDIUM, LOW].map((view) => promised(p, view)).join(" | "),
  ),
  row(
    "The response time is held to 15 min: critical and high",
    "15: acknowledge; 15: acknowledge; nothing; nothing",
    (p) => [DOWN, HIGH, MEDIUM, LOW].map((view) => clocked(p, view, 120)).join("; "),
  ),
  row(
    "A channel that is down is replaced",
    "pagerduty: sms, email; slack: sms, email | pagerduty: sms; slack: sms; email: sms || " +
      "slack: email | slack: -; email: - || slack: email",
    (p) => [DOWN, HIGH, MEDIUM].map((view) => instead(p, view)).join(" || "),
  ),
  row(
    "The end is told at once; nothing is watched after it",
    "0: resolved; 0 looks; ends after 0 min; 1",
    (p) => `${afterwards(p, DOWN)}; ${watched(p, DOWN)}; ${p.recovery.checkEveryMinutes}`,
  ),
];

const measures: Row[] = [
  row("Response > 2 s", "latency_p95_ms > 2000 for 5 min of 20+; over at 1500 for 5 min", (p) =>
    limits(p, "slow"),
  ),
  row("Errors > 1 %", "error_rate_percent > 1 for 5 min of 20+; over at 0.5 for 5 min", (p) =>
    limits(p, "error-rate"),
  ),
  row(
    "Database connections > 80 %",
    "database_connections_percent > 80 for 5 min of 1+; over at 70 for 5 min",
    (p) => limits(p, "database-connections"),
  ),
  row(
    "Payment failures > 5 %",
    "payment_success_percent < 95 for 5 min of 20+; over at 97 for 5 min",
    (p) => limits(p, "payment-failures"),
  ),
  row(
    "Health check failed; no database",
    "healthy < 1 for 1 min of 1+; over at 1 for 2 min; database_up < 1 for 1 min of 1+; over at 1 for 2 min",
    (p) => `${limits(p, "not-healthy")}; ${limits(p, "database-down")}`,
  ),
  shared.withoutDatabase("P0 critical: 0: on-call by pagerduty, slack"),
  shared.budget("500 USD: 80 %, 95 %, 110 %"),
  row("Budget: warn at 80 %", "cost_percent > 80 for 1 min of 1+; over at 75 for 60 min", (p) =>
    limits(p, "cost-warning"),
  ),
  row("Budget: critical at 95 %", "cost_percent > 95 for 1 min of 1+; over at 90 for 60 min", (p) =>
    limits(p, "cost-critical"),
  ),
  row(
    "Budget: emergency at 110 %",
    "cost_percent > 110 for 1 min of 1+; over at 105 for 60 min",
    (p) => limits(p, "cost-emergency"),
  ),
];

export const stamfordRows: readonly Row[] = [
  shared.payments(
    "America/New_York America/New_York USD en standard: forever; revoke keep revoke keep at_period_end; grace 7 d, warned 14, 3 d before",
  ),
  ...alerting,
  ...measures,
  shared.digest(
    "2026-11-24T09:00:00-05:00",
    "2026-11-23T12:00:00.000Z to 2026-11-24T12:00:00.000Z; operations-manager, on-call by email; " +
      "health, performance, security, payments, infrastructure, alerts",
  ),
  shared.deployments(
    "Deployment finished is posted to the status page",
    "health, smoke of /api/health / after 30 s, every 30 s for 120 s; back in 5 min; told to the status page",
  ),
  shared.retention(
    "Audit entries older than 90 days are cleaned up; events' bytes are kept for as long as metrics are shown",
    "logs kept, errors kept, audit 90, bodies 90",
  ),
  shared.targets(
    "1,000 requests a minute a client; bodies up to 4 MiB",
    ["requests-per-minute-of-a-client", "body-mib-max"],
    "1000, 4",
  ),
  shared.targets(
    "Growth: 500 payments a day in year 1, 25,000 in year 5, 5,000 users at once",
    ["payments-a-day-year-1", "payments-a-day-year-5", "users-at-once"],
    "500, 25000, 5000",
  ),
  shared.objectives("240 min, 15 min"),
  shared.uptime(
    "Uptime is shown; nothing is said of its target",
    "99.5 % over 30 d (exam -, alert -, critical -); shown for 7, 30, 90 d; detected in - min, over in - min",
  ),
  shared.monitors("2 2000 -"),
  shared.dispute("P2 medium: 0: on-call by slack; the day's mail"),
  shared.grouping("service=web; 60 min; 15 min"),
  shared.storm("10 in 5 min"),
  shared.businessHours(
    "2026-11-20T20:00:00-05:00",
    "mon tue wed thu fri: 2026-11-23 09:00 (America/New_York) to 2026-11-23 17:00 (America/New_York)",
  ),
  shared.noMaintenance,
  shared.labels("security, hotfix; else: The operations manager approves"),
  shared.lag("5 min; 5 times its usual gap; every 15 min"),
  shared.messages(
    "We are working on it. We apologize for the inconvenience. / ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก | " +
      "System under maintenance. Please wait a moment. / ระบบกำลังปรับปรุง กรุณารอสักครู่ | " +
      "Payments are not possible for the moment. Please try again later. / การชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง",
  ),
];
