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
  watched,
} from "../observe.js";
import { type Row, row } from "../row.js";
import * as shared from "./shared.js";

const P1 = titled("Something broke");
const P2 = titled("Cache is inconsistent", "warning");
const P3 = titled("A label is cut off", "info");

const alerting: Row[] = [
  row("P0: complete outage, data corruption or loss, security breach", "P0 P0", (p) =>
    called(p, [
      DOWN,
      crossed("not-healthy"),
      titled("Data corruption in orders"),
      { kind: "security", level: "warning" },
      titled("Unhandled exception", "fatal"),
    ]),
  ),
  row("P1: significant degradation, partial outage, auth failures", "P1 P1", (p) =>
    called(p, [
      P1,
      crossed("error-rate"),
      titled("Login fails for all users"),
      titled("Authentication token is refused", "fatal"),
      { source: "monitor", kind: "deployment", tags: { check: "health" } },
      { source: "vercel", kind: "deployment", title: "Deployment to production failed" },
    ]),
  ),
  row("P2: minor performance, non-critical failure, cache inconsistency", "P2 P2", (p) =>
    called(p, [
      P2,
      crossed("slow"),
      crossed("memory"),
      { ...DOWN, title: "Site: Slow response" },
      { ...DOWN, title: "Site: Response time over 1 s" },
      { ...DOWN, kind: "certificate", level: "warning", title: "Certificate" },
    ]),
  ),
  row("P3: cosmetic, docs; previews", "P3 P3", (p) =>
    called(p, [P3, { kind: "deployment", level: "warning", environment: "preview" }]),
  ),
  row(
    "Not healthy, once: SMS + email + Slack, escalate 5 min",
    "P0 P0; 0: on-call by sms, email, slack; 5: on-call, technical-lead by sms, email, slack; " +
      "20: on-call, technical-lead by sms, email, slack",
    (p) => `${called(p, [crossed("not-healthy")])}; ${told(p, crossed("not-healthy"), 34)}`,
  ),
  row("Not healthy, once", "healthy < 1 for 1 min of 1+; over at 1 for 2 min", (p) =>
    limits(p, "not-healthy"),
  ),
  row(
    "Errors > 5 % for 2 min: email + Slack, escalate 10 min",
    "0: on-call by email, slack; 10: on-call, technical-lead by email, slack",
    (p) => told(p, crossed("error-rate"), 1_000),
  ),
  row(
    "Errors > 5 % for 2 min",
    "error_rate_percent > 5 for 2 min of 20+; over at 4 for 5 min",
    (p) => limits(p, "error-rate"),
  ),
  row(
    "No database connection, once: SMS + email + Slack, escalate 2 min",
    "P0 P0 by database; 0: on-call by sms, email, slack; 2: on-call, technical-lead by sms, email, slack; " +
      "17: on-call, technical-lead by sms, email, slack",
    (p) => `${called(p, [crossed("database-down")])}; ${told(p, crossed("database-down"), 31)}`,
  ),
  shared.withoutDatabase("P0 P0 by database: 0: on-call by sms, email, slack"),
  row("No database connection, once", "database_up < 1 for 1 min of 1+; over at 1 for 2 min", (p) =>
    limits(p, "database-down"),
  ),
  row(
    "Response > 1 s for 5 min, or as a monitor has it: email + Slack",
    "0: on-call by email, slack; the day's mail | 0: on-call by email, slack; the day's mail",
    (p) =>
      [crossed("slow"), { ...DOWN, title: "Site: Slow response" }]
        .map((view) => told(p, view, 1_000))
        .join(" | "),
  ),
  row(
    "Response > 1 s for 5 min",
    "latency_avg_ms > 1000 for 5 min of 20+; over at 800 for 5 min",
    (p) => limits(p, "slow"),
  ),
  row(
    "Cache hits < 70 % for 10 min: email",
    "P2 P2 by cache; 0: on-call by email; the day's mail",
    (p) => `${called(p, [crossed("cache-hits")])}; ${told(p, crossed("cache-hits"), 1_000)}`,
  ),
  row(
    "Cache hits < 70 % for 10 min",
    "cache_hits_percent < 70 for 10 min of 20+; over at 75 for 10 min",
    (p) => limits(p, "cache-hits"),
  ),
  row("Memory > 80 % for 5 min: email + Slack", "0: on-call by email, slack; the day's mail", (p) =>
    told(p, crossed("memory"), 1_000),
  ),
  row("Memory > 80 % for 5 min", "memory_percent > 80 for 5 min of 1+; over at 75 for 5 min", (p) =>
    limits(p, "memory"),
  ),
  row(
    "P0: immediate",
    "told in 0 min; answered in 0 min; told in 0 min; answered in 0 min",
    (p) => `${promised(p, DOWN)}; ${promised(p, crossed("database-down"))}`,
  ),
  row("P1: 15 min", "told in 15 min; answered in 15 min", (p) => promised(p, P1)),
  row(
    "P2: 1 h",
    "told in 60 min; answered in 60 min; told in 60 min; answered in 60 min",
    (p) => `${promised(p, P2)}; ${promised(p, crossed("cache-hits"))}`,
  ),
  row(
    "P3: next business day, with the day's mail",
    "told in - min; next business day, by 2026-11-25 17:00 (UTC); the day's mail",
    (p) => `${promised(p, P3)}; ${told(p, P3, 1_000)}`,
  ),
  row(
    "A channel that is down is replaced",
    "sms: pagerduty; email: pagerduty; slack: pagerduty | sms: pagerduty; email: pagerduty; slack: pagerduty || " +
      "sms: pagerduty; email: pagerduty; slack: pagerduty | sms: pagerduty; email: pagerduty; slack: pagerduty || " +
      "email: sms; slack: sms | email: sms; slack: sms || email: sms; slack: sms || email: slack",
    (p) =>
      [DOWN, crossed("database-down"), P1, P2, crossed("cache-hits")]
        .map((view) => instead(p, view))
        .join(" || "),
  ),
  row(
    "No clocks beside; the end is told at once, and nothing is watched after it",
    "nothing; 0: resolved; 0 looks; ends after 0 min; 1",
    (p) =>
      `${clocked(p, DOWN, 120)}; ${afterwards(p, DOWN)}; ${watched(p, DOWN)}; ${p.recovery.checkEveryMinutes}`,
  ),
];

export const runbookRows: readonly Row[] = [
  shared.payments(
    "UTC UTC USD en standard: forever; revoke keep revoke keep at_period_end; grace 7 d, warned 14, 3 d before",
  ),
  ...alerting,
  shared.targets(
    "Good morning check: response under 500 ms, errors under 1 %, cache hits over 80 %, connections under 80 %",
    [
      "morning-response-avg-ms",
      "morning-error-rate-percent",
      "morning-cache-hits-percent",
      "morning-database-connections-percent",
    ],
    "500, 1, 80, 80",
  ),
  shared.targets(
    "Security reviews: tokens unused for 30 days, admins not seen for 90, failed log-ins of 30",
    ["unused-token-days", "unseen-admin-days", "failed-log-in-days"],
    "30, 90, 30",
  ),
  shared.deployments(
    "After a deployment: healthy, and the page answers",
    "health, smoke of /api/health / after 30 s, every 30 s for 120 s; back in 5 min",
  ),
  shared.uptime(
    "Uptime is shown; nothing is said of its target",
    "99.5 % over 30 d (exam -, alert -, critical -); shown for 7, 30, 90 d; detected in - min, over in - min",
  ),
  shared.monitors("1 1000 -"),
  shared.retention(
    "Logs and errors; events' bytes for as long as metrics are shown",
    "logs 30, errors 90, audit kept, bodies 90",
  ),
  shared.dispute("P2 P2: 0: on-call by email, slack; the day's mail"),
  shared.grouping("service=web; 60 min; 15 min"),
  shared.storm("10 in 5 min"),
  shared.digest(
    "2026-11-24T09:00:00Z",
    "2026-11-23T08:00:00.000Z to 2026-11-24T08:00:00.000Z; on-call by email; health, performance, alerts",
  ),
  shared.businessHours(
    "2026-11-20T20:00:00Z",
    "mon tue wed thu fri: 2026-11-23 09:00 (UTC) to 2026-11-23 17:00 (UTC)",
  ),
  shared.noMaintenance,
  shared.labels("security, hotfix; else: The technical lead approves"),
  shared.lag("5 min; 5 times its usual gap; every 15 min"),
  shared.objectives("- min, - min"),
  shared.budget("- USD: 80 %, 95 %, 110 %"),
  shared.messages(
    "We are working on it. We apologize for the inconvenience. / ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก | " +
      "System under maintenance. Please wait a moment. / ระบบกำลังปรับปรุง กรุณารอสักครู่ | " +
      "Payments are not possible for the moment. Please try again later. / การชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง",
  ),
];
