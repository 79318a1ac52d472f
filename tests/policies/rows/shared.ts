import { signalWithoutDatabase } from "../../../src/operations/watch/without-database.js";
import { monthsOf } from "../../../src/policy/payments.js";
import {
  announced,
  at,
  businessDay,
  called,
  digested,
  grouped,
  maintained,
  told,
  written,
} from "../observe.js";
import { type Row, row } from "../row.js";

/** What each platform has, with the numbers that it has there. */
export function payments(expected: string): Row {
  return row(
    "Payments: zone, currency and language; what one payment gives, and what takes it away",
    expected,
    ({ payments: p, timeZone }) =>
      `${timeZone} ${p.timeZone} ${p.currency} ${p.defaultLocale} ${p.defaultPackage}: ` +
      `${monthsOf(p.defaultPackage, p) ?? "forever"}; ${p.fullRefund} ${p.partialRefund} ` +
      `${p.lostDispute} ${p.openDispute} ${p.canceledSubscription}; ` +
      `grace ${p.graceDays} d, warned ${p.warnDays.join(", ")} d before`,
  );
}

/** Past the incidents, which need the database: by the route that the policy has for just that. */
export const withoutDatabase = (expected: string): Row =>
  row("Our own database is down: told as what is worst, at once", expected, (policy) => {
    const gone = { policy, environment: "production" };
    const view = signalWithoutDatabase(at("2026-11-24T09:30:00Z"), gone);
    return `${called(policy, [view])}: ${told(policy, view, 1)}`;
  });

export const dispute = (expected: string): Row =>
  row(
    "A payment is disputed, or its card's issuer suspects fraud: somebody hears of it, and users are not locked out",
    expected,
    (p) => {
      const each = [{ dispute: "needs_response" }, { fraud: "actionable" }].map((tags) => {
        const view = { source: "stripe", kind: "payment", level: "warning", tags } as const;
        return `${called(p, [view])}: ${told(p, view, 1_000)}`;
      });
      return [...new Set(each)].join(" | "); // one when they are told alike
    },
  );

export const grouping = (expected: string): Row =>
  row(
    "One outage is one incident, whoever speaks of it; flaps are held together",
    expected,
    grouped,
  );

export const storm = (expected: string): Row =>
  row(
    "More incidents than this in so many minutes are one summary",
    expected,
    ({ storm: s }) => `${s.incidents} in ${s.minutes} min`,
  );

export const digest = (moment: string, expected: string): Row =>
  row(`The daily mail (as of ${moment})`, expected, (policy) => digested(policy, moment));

export const businessHours = (friday: string, expected: string): Row =>
  row(
    `Next business day after ${friday}`,
    expected,
    (policy) => `${policy.businessHours.days.join(" ")}: ${businessDay(policy, friday)}`,
  );

export const noMaintenance: Row = row(
  "No recurring maintenance",
  "- none",
  (policy) =>
    `${maintained(policy, ["2026-11-22T02:30:00Z"])} ${announced(policy, "2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z")}`,
);

export const deployments = (requirement: string, expected: string): Row =>
  row(
    requirement,
    expected,
    ({ deployments: d }) =>
      `${d.checks.join(", ")} of ${d.healthPath} ${d.smokePaths.join(" ")} after ${d.afterSeconds} s, ` +
      `every ${d.everySeconds} s for ${d.forSeconds} s; back in ${d.rollbackWithinMinutes} min` +
      `${d.tellStatusPage ? "; told to the status page" : ""}`,
  );

export const monitors = (expected: string): Row =>
  row(
    "How the monitors are to be set: failed checks, ms, days of a certificate",
    expected,
    ({ monitors: m }) =>
      `${m.downAfterFailedChecks ?? "-"} ${m.slowAfterMs ?? "-"} ${m.certificateDays ?? "-"}`,
  );

export const uptime = (requirement: string, expected: string): Row =>
  row(
    requirement,
    expected,
    ({ uptime: u }) =>
      `${u.targetPercent} % over ${u.targetDays} d (exam ${u.examTargetPercent ?? "-"}, alert ${u.alertBelowPercent ?? "-"}, ` +
      `critical ${u.criticalPercent ?? "-"}); shown for ${u.showDays.join(", ")} d; ` +
      `detected in ${u.detectWithinMinutes ?? "-"} min, over in ${u.recoverWithinMinutes ?? "-"} min`,
  );

export const lag = (expected: string): Row =>
  row(
    "Our own work: the oldest event, a source's silence, the canary",
    expected,
    ({ lag: l }) =>
      `${l.oldestEventMinutes} min; ${l.silentTimesUsual} times its usual gap; every ${l.canaryEveryMinutes ?? "-"} min`,
  );

export const retention = (requirement: string, expected: string): Row =>
  row(
    requirement,
    expected,
    ({ retention: r }) =>
      `logs ${r.logDays ?? "kept"}, errors ${r.errorDays ?? "kept"}, audit ${r.auditDays ?? "kept"}, ` +
      `bodies ${r.bodyDays ?? "kept"}`,
  );

export const objectives = (expected: string): Row =>
  row(
    "RTO and RPO",
    expected,
    ({ recoveryObjectives: o }) => `${o.rtoMinutes ?? "-"} min, ${o.rpoMinutes ?? "-"} min`,
  );

export const budget = (expected: string): Row =>
  row(
    "Cost budget: warn, critical, emergency",
    expected,
    ({ budgets: b }) =>
      `${b.costUsdPerMonth ?? "-"} USD: ${b.warnPercent} %, ${b.criticalPercent} %, ${b.emergencyPercent} %`,
  );

export const targets = (requirement: string, names: readonly string[], expected: string): Row =>
  row(requirement, expected, (policy) => {
    const known = names.map((name) => policy.targets[name] ?? "-");
    return written(known).slice(1, -1);
  });

export const messages = (expected: string): Row =>
  row(
    "What users read, in the platform's order of languages",
    expected,
    ({ messages: m, languages }) =>
      [m.fixing, m.maintenance, m.paymentsPaused]
        .map((words) => languages.map((language) => words[language] ?? "-").join(" / "))
        .join(" | "),
  );

export const labels = (expected: string): Row =>
  row(
    "What lets a deployment through a lockdown",
    expected,
    ({ lockdown }) => `${lockdown.emergencyLabels.join(", ")}; else: ${lockdown.otherwise.en}`,
  );
