import type { Incident } from "../../domain/incident.js";
import type { TemplateData } from "../../domain/notice-templates.js";
import { languageOnCall } from "../../policy/recipients.js";
import { clocksOf } from "../../policy/route.js";
import type { Policy, Words } from "../../policy/schema.js";
import type { UsersWord } from "../tell-users.js";
import type { UsersTelling } from "./decide-due.js";
import type { IncidentRows } from "./rows.js";
import { threadOf } from "./storm.js";

/** When it is over the policy's message, that it is being worked on, would be wrong. */
const WORKS: Words = {
  en: "Everything can be used as usual again.",
  th: "ระบบใช้งานได้ตามปกติแล้ว",
};

/** What users read of an incident: in the policy's words, never in the source's, which are for engineers. */
export function usersWord(
  rows: IncidentRows,
  { template, nth, service = rows.incident.service }: UsersTelling,
  policy: Policy,
): UsersWord {
  const { incident, storm } = rows;
  const clocks = clocksOf(policy, incident.severity);
  const message = template === "user-resolved" ? WORKS : messageOf(incident, policy);
  const { id, openedAt, resolvedAt } = incident;
  const about = {
    incidentId: id,
    service,
    messageEn: message.en,
    messageTh: message.th ?? null,
    startedAt: openedAt,
    timeZone: policy.timeZone,
  };
  const isOfStorm = template === "user-resolved" ? storm.isMember : storm.isOn;
  const word = {
    // Of a storm each reader hears once, not once for each incident, and a status page has one report.
    cause: isOfStorm ? `${threadOf(storm)} ${nth}` : `incident:${id} ${nth}`,
    service,
    incidentId: isOfStorm ? threadOf(storm) : id,
    pageLocale: languageOnCall(policy),
  };
  if (template === "user-resolved") {
    const lastedMs = resolvedAt === null ? null : resolvedAt - openedAt;
    const data = { ...about, resolvedAt, lastedMs } satisfies TemplateData["user-resolved"];
    return { ...word, template, data };
  }
  const next = { nextUpdateMinutes: clocks?.tellUsersEveryMinutes ?? null };
  if (template === "user-incident") {
    return {
      ...word,
      template,
      data: { ...about, ...next } satisfies TemplateData["user-incident"],
    };
  }
  const data = {
    ...about,
    ...next,
    update: rows.counts.usersTold,
  } satisfies TemplateData["user-update"];
  return { ...word, template, data };
}

const messageOf = ({ kind }: Incident, { messages }: Policy): Words =>
  kind === "payment" ? messages.paymentsPaused : messages.fixing;
