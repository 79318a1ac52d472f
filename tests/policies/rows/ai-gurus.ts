import {
  afterwards,
  called,
  clocked,
  crossed,
  DOWN,
  instead,
  limits,
  promised,
  signal,
  titled,
  told,
  type View,
  watched,
} from "../observe.js";
import { type Row, row } from "../row.js";
import * as shared from "./shared.js";

const MAJOR = titled("TypeError in lesson player");
const CERTIFICATE: View = { ...DOWN, kind: "certificate", level: "warning", title: "Certificate" };
const BACKUP: View = { ...DOWN, kind: "backup", level: "error", title: "Nightly backup" };
const SLOW_MONITOR: View = { ...DOWN, title: "Site: Response time over 5 s" };
const MINOR = titled("A picture is missing", "warning");

const alerting: Row[] = [
  row("P0: site down, data-loss risk, critical exception (auth, data loss)", "P0 P0", (p) =>
    called(p, [
      DOWN,
      crossed("not-healthy"),
      crossed("database-down"),
      titled("Possible data loss in course progress"),
      titled("Authentication service throws"),
      titled("Unhandled exception", "fatal"),
      { kind: "security", level: "warning" },
    ]),
  ),
  row("P1: major feature broken; error spike; a deployment whose checks fail", "P1 P1", (p) =>
    called(p, [
      MAJOR,
      crossed("error-spike"),
      { source: "monitor", kind: "deployment", tags: { check: "health" } },
      { source: "vercel", kind: "deployment", title: "Deployment to production failed" },
    ]),
  ),
  row("P2: minor issue", "P2 P2", (p) => called(p, [MINOR])),
  row("P3: cosmetic; previews", "P3 P3", (p) =>
    called(p, [
      titled("A label is cut off", "info"),
      { kind: "deployment", level: "warning", environment: "preview" },
    ]),
  ),
  row(
    "P0 at once by Slack + SMS + email",
    "0: on-call by sms, email, slack; 15: on-call by sms, email, slack",
    (p) => told(p, DOWN, 20),
  ),
  row("P0: immediate", "told in 0 min; answered in 0 min", (p) => promised(p, DOWN)),
  row("P1 within 1 h by Slack + email", "0: on-call by slack, email", (p) => told(p, MAJOR, 2_000)),
  row("P1: 1 h", "told in 60 min; answered in 60 min", (p) => promised(p, MAJOR)),
  row(
    "P2 and P3 in a daily digest",
    "the day's mail; the day's mail",
    (p) => `${told(p, MINOR, 2_000)}; ${told(p, titled("x", "info"), 2_000)}`,
  ),
  row(
    "P2: 4 h; P3: next business day",
    "told in - min; answered in 240 min; told in - min; next business day, by 2026-11-25 17:00 (UTC)",
    (p) => `${promised(p, MINOR)}; ${promised(p, titled("x", "info"))}`,
  ),
  row(
    "Error spike, ten times the normal rate: Slack + email within 1 h",
    "0: on-call by slack, email; told in 60 min; answered in 60 min",
    (p) => `${told(p, crossed("error-spike"), 2_000)}; ${promised(p, crossed("error-spike"))}`,
  ),
  row(
    "Error spike: ten times",
    "error_spike_times > 10 for 1 min of 1+; over at 5 for 10 min",
    (p) => limits(p, "error-spike"),
  ),
  row(
    "Slow: Slack within 4 h",
    "30: on-call by slack; told in 240 min; answered in 240 min",
    (p) => `${told(p, crossed("slow"), 2_000)}; ${promised(p, crossed("slow"))}`,
  ),
  row("Slow: p95 over 5 s", "latency_p95_ms > 5000 for 5 min of 5+; over at 4000 for 5 min", (p) =>
    limits(p, "slow"),
  ),
  row(
    "Better Stack, Slow (> 5 s): email + Slack",
    "P2 P2 by slow-monitor; 0: on-call by email, slack; told in 240 min; answered in 240 min",
    (p) =>
      `${called(p, [SLOW_MONITOR])}; ${told(p, SLOW_MONITOR, 2_000)}; ${promised(p, SLOW_MONITOR)}`,
  ),
  row("Better Stack, Recovery at once", "0: resolved", (p) => afterwards(p, DOWN)),
  row(
    "Certificate expiring in under 14 days: by email",
    "P2 P2 by certificate; 0: on-call by email; told in - min; answered in 240 min",
    (p) =>
      `${called(p, [CERTIFICATE])}; ${told(p, CERTIFICATE, 2_000)}; ${promised(p, CERTIFICATE)}`,
  ),
  row(
    "Daily backup incomplete: by email, within 4 h",
    "P2 P2 by backup; 60: on-call by email; told in 240 min; answered in 240 min",
    (p) => `${called(p, [BACKUP])}; ${told(p, BACKUP, 2_000)}; ${promised(p, BACKUP)}`,
  ),
  row(
    "A channel that is down is replaced",
    "sms: pagerduty; email: pagerduty; slack: pagerduty | slack: sms; email: sms | email: sms; slack: sms | slack: email | email: slack | email: slack",
    (p) =>
      [DOWN, MAJOR, SLOW_MONITOR, crossed("slow"), BACKUP, CERTIFICATE]
        .map((view) => instead(p, signal(view)))
        .join(" | "),
  ),
  row(
    "No clocks beside; nothing is watched after recovery",
    "nothing; 0 looks; ends after 0 min; 1",
    (p) => `${clocked(p, DOWN, 120)}; ${watched(p, DOWN)}; ${p.recovery.checkEveryMinutes}`,
  ),
  row(
    "Down: two failed checks running; no database likewise",
    "healthy < 1 for 2 min of 1+; over at 1 for 2 min; database_up < 1 for 2 min of 1+; over at 1 for 2 min",
    (p) => `${limits(p, "not-healthy")}; ${limits(p, "database-down")}`,
  ),
  shared.withoutDatabase("P0 P0: 0: on-call by sms, email, slack"),
];

export const aiGurusRows: readonly Row[] = [
  shared.payments(
    "UTC UTC USD en standard: forever; revoke keep revoke keep at_period_end; grace 7 d, warned 14, 3 d before",
  ),
  ...alerting,
  shared.monitors("2 5000 14"),
  shared.uptime(
    "Uptime 99.5 % over a rolling 7 days, shown for 30 and 90; detected under 5 min, recovered under 1 h",
    "99.5 % over 7 d (exam -, alert -, critical -); shown for 7, 30, 90 d; detected in 5 min, over in 60 min",
  ),
  shared.deployments(
    "After a production deployment: health, an error-tracking test event, monitor green; rollback within 5 min",
    "health, error_tracking, monitor of /api/health/db / after 30 s, every 30 s for 120 s; back in 5 min",
  ),
  shared.retention(
    "Logs 30 days, errors 90 days, audit kept; events' bytes for as long as metrics are shown",
    "logs 30, errors 90, audit kept, bodies 90",
  ),
  shared.targets(
    "1 to 10 users; traces at 10 %",
    ["users-min", "users-max", "traces-percent"],
    "1, 10, 10",
  ),
  shared.dispute("P2 P2: the day's mail"),
  shared.grouping("service=web; 60 min; 15 min"),
  shared.storm("10 in 5 min"),
  shared.digest(
    "2026-11-24T09:00:00Z",
    "2026-11-23T08:00:00.000Z to 2026-11-24T08:00:00.000Z; on-call by email; alerts",
  ),
  shared.businessHours(
    "2026-11-20T20:00:00Z",
    "mon tue wed thu fri: 2026-11-23 09:00 (UTC) to 2026-11-23 17:00 (UTC)",
  ),
  shared.noMaintenance,
  shared.labels("security, hotfix; else: Whoever is on call approves"),
  shared.lag("5 min; 5 times its usual gap; every 15 min"),
  shared.objectives("- min, - min"),
  shared.budget("- USD: 80 %, 95 %, 110 %"),
  shared.messages(
    "We are working on it. We apologize for the inconvenience. / ระบบกำลังได้รับการแก้ไข เราขออภัยในความไม่สะดวก | " +
      "System under maintenance. Please wait a moment. / ระบบกำลังปรับปรุง กรุณารอสักครู่ | " +
      "Payments are not possible for the moment. Please try again later. / การชำระเงินชั่วคราวไม่สามารถทำได้ กรุณาลองใหม่ในภายหลัง",
  ),
];
