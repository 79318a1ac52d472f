import type { Maintenance } from "../../domain/incident.js";
import type { TemplateData } from "../../domain/notice-templates.js";
import { languageOnCall } from "../../policy/recipients.js";
import type { Policy } from "../../policy/schema.js";
import { tellStatusPage, tellUsers, type UsersWord } from "../tell-users.js";
import type { MaintenanceDeps } from "./deps.js";

/** Begins what is told of a maintenance; then comes its id, and its phase. */
export const CAUSE = "maintenance:";

type Phase = TemplateData["user-maintenance"]["phase"];

/**
 * Tells every user of its services, and the status page. Doing it again tells nobody twice.
 *
 * @returns how many were told now.
 */
export async function tellUsersOf(
  row: Maintenance,
  phase: Phase,
  deps: MaintenanceDeps,
): Promise<number> {
  let told = 0;
  // A user of two of its services has one word: its cause is the same for all of them.
  for (const service of row.services.length === 0 ? [null] : row.services) {
    told += await tellUsers(wordOf(row, phase, service, deps.policy), deps);
  }
  return told;
}

/** What users need no mail for is shown where they look. */
export const tellPageOf = (
  row: Maintenance,
  phase: Phase,
  deps: MaintenanceDeps,
): Promise<number> =>
  deps.hasStatusPage
    ? tellStatusPage(wordOf(row, phase, row.services.join(", ") || null, deps.policy), deps)
    : Promise.resolve(0);

function wordOf(
  { id, rule, title, startsAt, endsAt, services }: Maintenance,
  phase: Phase,
  service: string | null,
  policy: Policy,
): UsersWord {
  const words = policy.maintenance.find((each) => rule?.startsWith(`${each.id}:`))?.title;
  const { maintenance } = policy.messages;
  const data = {
    maintenanceId: id,
    phase,
    titleEn: words?.en ?? title,
    titleTh: words?.th ?? null,
    messageEn: maintenance.en,
    messageTh: maintenance.th ?? null,
    startsAt,
    endsAt,
    service: services.join(", ") || null,
    timeZone: policy.timeZone,
  } satisfies TemplateData["user-maintenance"];
  const cause = `${CAUSE}${id} ${phase}`;
  const pageLocale = languageOnCall(policy);
  return { template: "user-maintenance", cause, service, incidentId: id, data, pageLocale };
}
