import { z } from "zod";
import { SIGNAL_KINDS, SIGNAL_LEVELS } from "../domain/facts.js";
import { METRICS } from "../domain/metric.js";
import { CHANNELS } from "../domain/notice.js";
import { BODY_DAYS_MIN } from "../domain/retention.js";
import { SEVERITIES } from "../domain/severity.js";
import { paymentPolicy } from "./payments.js";

const name = z.string().min(1).max(80);
/** Lower-case words with dashes: what other parts of the policy, and tags, refer to. */
const id = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "an id is lower-case words joined by dashes");
const minutes = z
  .number()
  .min(0)
  .max(60 * 24 * 366);
const percent = z.number().min(0).max(1_000);
/** `02:00`, on the clock of the policy's zone. */
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of day is HH:MM");
/** ISO 8601 with an offset: a moment, wherever it is read. */
const moment = z.iso.datetime({ offset: true });
const date = z.iso.date();
const weekday = z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
const timeZone = z.string().refine(isTimeZone, "an IANA zone, such as Asia/Bangkok");
const severity = z.enum(SEVERITIES);
/** A channel that reaches people by name; the platform's own application and its status page do not. */
const channel = z.enum(CHANNELS).exclude(["platform", "status_page"]);
/** English always; other languages where the platform writes them. */
const words = z.object({ en: z.string().min(1) }).catchall(z.string().min(1));

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/**
 * What a rule looks at. Each line that is there must hold, and of a line's words one must. `*` stands for any
 * characters; case does not matter. A rule without lines takes every signal.
 */
export const match = z.strictObject({
  source: z.array(name).min(1).optional(),
  kind: z.array(z.enum(SIGNAL_KINDS)).min(1).optional(),
  level: z.array(z.enum(SIGNAL_LEVELS)).min(1).optional(),
  service: z.array(name).min(1).optional(),
  environment: z.array(name).min(1).optional(),
  /** By a tag's name: its values. */
  tags: z.record(z.string(), z.array(name).min(1)).optional(),
  /** Found anywhere in the title. */
  text: z.array(name).min(1).optional(),
});

/** The first rule that matches sets the severity. */
export const severityRule = z.strictObject({
  id,
  when: match,
  severity,
  /** Where what it is asks for another way than its severity's own. */
  route: id.optional(),
  /** For people: what the rule is for. */
  because: name,
});

/** What happens when nobody has acknowledged for so long: who is told, by which ways. */
export const step = z.strictObject({
  afterMinutes: minutes,
  roles: z.array(id).min(1),
  channels: z.array(channel).min(1),
});

/** How people hear of an incident. */
export const route = z.strictObject({
  /**
   * `immediate`: at once. `delayed`: after `holdMinutes`, and not at all when it ends within them.
   * `digest`: with the day's mail only. `record`: kept, told to nobody.
   */
  deliver: z.enum(["immediate", "delayed", "digest", "record"]),
  holdMinutes: minutes.default(0),
  /** What the platform promises: the first word leaves within this. */
  withinMinutes: minutes.nullable().default(null),
  /** In the order of their time; the first at 0. An acknowledgement ends them. */
  steps: z.array(step).default([]),
  /** The last step again while nobody answers. */
  repeatMinutes: minutes.nullable().default(null),
  /** Where a channel is down or refuses: the next of these that the step has not used. */
  fallback: z.array(channel).default([]),
  /** Told in the day's mail as well. */
  inDigest: z.boolean().default(false),
});

/** What a severity is called here, and how soon somebody answers. */
export const severityPolicy = z.strictObject({
  name,
  meaning: name.max(200),
  respond: z.union(
    [
      z.literal("immediate"),
      z.strictObject({ withinMinutes: minutes }),
      z.literal("next_business_day"),
    ],
    "immediate, next_business_day, or a number of `withinMinutes`",
  ),
  route: id,
});

/** A clock of an incident of these severities, in minutes since it opened. Null: the platform has none. */
export const clocks = z.strictObject({
  severities: z.array(severity).min(1),
  acknowledgeWithinMinutes: minutes.nullable(),
  firstResponseWithinMinutes: minutes.nullable(),
  tellUsersWithinMinutes: minutes.nullable(),
  tellUsersEveryMinutes: minutes.nullable(),
  tellExecutivesAfterMinutes: minutes.nullable(),
  executives: z.strictObject({ roles: z.array(id), channels: z.array(channel) }),
  /** From its end to the word that it is over. */
  resolutionNoticeWithinMinutes: minutes.nullable(),
  /** What is owed after it, due from its end. */
  tasks: z.array(z.strictObject({ id, title: words, dueAfterHours: z.number().min(0), role: id })),
});

export const maintenanceWindow = z.strictObject({
  id,
  title: words,
  every: z.enum(["week", "month", "quarter"]),
  weekday,
  from: timeOfDay,
  to: timeOfDay,
  /** How long before its begin users are told; null: they are not. */
  noticeHours: z.number().min(0).nullable(),
});

/** Who may let a deployment through, or roll one back, around an exam. The first whose time it is holds. */
const approval = z.strictObject({
  id,
  /** From so many hours before its begin… */
  fromHoursBefore: z.number().min(0),
  /** …until so many; null: until its end. */
  untilHoursBefore: z.number().min(0).nullable(),
  rule: words,
  role: id.nullable(),
});

export const threshold = z.strictObject({
  id,
  metric: z.enum(METRICS),
  /** Raised past this, in the metric's unit, for so long. */
  above: z.number().optional(),
  below: z.number().optional(),
  forMinutes: minutes,
  /** It is over only when it has been on the good side of this for so long: what hovers does not flap. */
  clear: z.number(),
  clearForMinutes: minutes,
  /** Under so many observations in the time nothing is concluded. */
  samplesMin: z.number().int().min(1).default(1),
  /** `exam`: while an exam lasts only; `normal`: while none does. */
  during: z.enum(["always", "exam", "normal"]).default("always"),
  because: name,
});

export const policySchema = z.strictObject({
  name,
  title: name,
  timeZone,
  /** The first is what users read first. */
  languages: z.array(z.enum(["en", "th"])).min(1),
  payments: paymentPolicy,
  severities: z.strictObject({
    P0: severityPolicy,
    P1: severityPolicy,
    P2: severityPolicy,
    P3: severityPolicy,
  }),
  rules: z.array(severityRule).min(1),
  routes: z.record(id, route),
  /** Who answers for what. Their addresses are a deployment's own: `SIGNALBOX_RECIPIENTS`. */
  roles: z.record(
    id,
    z.strictObject({ title: name, addresses: z.partialRecord(channel, name).default({}) }),
  ),
  grouping: z.strictObject({
    /** Signals that agree in these are of one incident. */
    by: z.array(z.enum(["service", "environment", "kind", "source"])).min(1),
    /** A further trouble of the group joins the incident while it is open and this young, since its last trouble. */
    windowMinutes: minutes,
    /** What ends and begins again within this is the same incident. */
    flapMinutes: minutes,
  }),
  /** One service, by all the names that its monitors, projects and deployments have for it. */
  services: z.array(z.strictObject({ id, names: z.array(name).min(1) })).default([]),
  clocks: z.array(clocks),
  /** After the last trouble is over: good for so long, looked at so often, before the incident ends. */
  recovery: z.strictObject({ watchMinutes: minutes, checkEveryMinutes: minutes }),
  /** More new incidents than this in so long are told as one summary. */
  storm: z.strictObject({ incidents: z.number().int().min(1), minutes }),
  digest: z
    .strictObject({
      at: timeOfDay,
      roles: z.array(id).min(1),
      channels: z.array(channel).min(1),
      /** What the day's mail tells beside incidents. */
      sections: z.array(
        z.enum(["health", "performance", "security", "payments", "infrastructure", "alerts"]),
      ),
    })
    .nullable(),
  businessHours: z.strictObject({
    days: z.array(weekday).min(1),
    from: timeOfDay,
    to: timeOfDay,
    holidays: z.array(date).default([]),
  }),
  /** How soon users' own questions are answered; for people, and for the pages that tell them. */
  support: z
    .strictObject({
      answerWithinMinutes: minutes,
      inExamWeekWithinMinutes: minutes,
      offHoursSystemDownWithinMinutes: minutes,
    })
    .nullable(),
  maintenance: z.array(maintenanceWindow),
  lockdown: z.strictObject({
    /** From `from` until just before `to`. */
    periods: z.array(z.strictObject({ id, title: words, from: moment, to: moment })),
    /** What lets a deployment through: a word in its commit's message, as `[security]`. */
    emergencyLabels: z.array(name),
    exams: z.array(z.strictObject({ id, title: words, from: moment, to: moment })),
    approvals: z.array(approval),
    /** Who approves in a lockdown with no exam near. */
    otherwise: words,
  }),
  deployments: z.strictObject({
    /** What must hold after a deployment to production. */
    checks: z.array(z.enum(["health", "smoke", "error_tracking", "monitor"])),
    afterSeconds: z.number().min(0),
    /** Looked at again for so long; what fails to the end is an incident. */
    forSeconds: z.number().min(0),
    everySeconds: z.number().min(1),
    /** Paths on the deployment's own address that must answer under 400. */
    smokePaths: z.array(z.string().startsWith("/")),
    healthPath: z.string().startsWith("/"),
    rollbackWithinMinutes: minutes,
    /** A good deployment to production is posted to the status page. */
    tellStatusPage: z.boolean().default(false),
  }),
  /** How the monitors of the uptime service are to be set there; shown to whoever sets them. */
  monitors: z.strictObject({
    downAfterFailedChecks: z.number().int().min(1).nullable(),
    slowAfterMs: z.number().min(1).nullable(),
    certificateDays: z.number().int().min(1).nullable(),
  }),
  thresholds: z.array(threshold),
  uptime: z.strictObject({
    targetPercent: percent,
    /** The window that the target is held to. */
    targetDays: z.number().int().min(1),
    showDays: z.array(z.number().int().min(1)).min(1),
    /** The target while an exam lasts. */
    examTargetPercent: percent.nullable(),
    /** Under this it is an incident; null: it is only shown. */
    alertBelowPercent: percent.nullable(),
    /** Under this it is called critical. */
    criticalPercent: percent.nullable(),
    detectWithinMinutes: minutes.nullable(),
    recoverWithinMinutes: minutes.nullable(),
  }),
  /** Our own work: past these it is an incident. */
  lag: z.strictObject({
    oldestEventMinutes: minutes,
    /** A source that is silent for so many times its usual gap. */
    silentTimesUsual: z.number().min(1),
    canaryEveryMinutes: minutes.nullable(),
  }),
  /**
   * What the platform promises to keep and for how many days; null: it says nothing. `bodyDays` is enforced, and
   * `auditDays` is what `audit archive` goes by; the others are told with the policy, and nothing is deleted by them.
   */
  retention: z.strictObject({
    logDays: z.number().int().min(1).nullable(),
    errorDays: z.number().int().min(1).nullable(),
    auditDays: z.number().int().min(1).nullable(),
    /**
     * The bytes of events: dropped by the month, once all of a month is older and but for what is not finished; null,
     * and so a part that does not say, drops nothing.
     */
    bodyDays: z
      .number()
      .int()
      .min(
        BODY_DAYS_MIN,
        `bodies are kept ${BODY_DAYS_MIN} days at least: the nightly reconciliation looks back so far`,
      )
      .nullable()
      .default(null),
  }),
  /** The platform's aims after a disaster. Told with the policy, not enforced: nothing is measured against them. */
  recoveryObjectives: z.strictObject({
    rtoMinutes: minutes.nullable(),
    rpoMinutes: minutes.nullable(),
  }),
  /** What its vendors may cost. Told with the policy, not enforced: no cost is read, and none is alerted on. */
  budgets: z.strictObject({
    costUsdPerMonth: z.number().min(0).nullable(),
    warnPercent: percent,
    criticalPercent: percent,
    emergencyPercent: percent,
  }),
  /** What the platform promises of itself, held by load tests and shown; not alerted on. */
  targets: z.record(id, z.number()),
  /** What users read. */
  messages: z.strictObject({ fixing: words, maintenance: words, paymentsPaused: words }),
});

/** A platform's operating policy: data only, read once at the start. */
export type Policy = Readonly<z.output<typeof policySchema>>;
/** As it is written, with what has a default left out. */
export type PolicyInput = z.input<typeof policySchema>;
export type Match = z.output<typeof match>;
export type SeverityRule = z.output<typeof severityRule>;
export type Route = z.output<typeof route>;
export type Step = z.output<typeof step>;
export type Clocks = z.output<typeof clocks>;
export type Threshold = z.output<typeof threshold>;
export type MaintenanceRule = z.output<typeof maintenanceWindow>;
export type Words = z.output<typeof words>;
