import type { IncidentOperations } from "../admin/incidents.js";
import type { Channels } from "../channels/channel.js";
import type { Deployment } from "../domain/deployment.js";
import type { Ids } from "../domain/ids.js";
import type { NoticeWay } from "../domain/notice.js";
import type { Secret } from "../domain/secret.js";
import type { Clock, Instant } from "../domain/time.js";
import { ackUrl } from "../operations/incidents/ack-link.js";
import {
  type ActDeps,
  acknowledge,
  acknowledgeByLink,
  finishTask,
  note,
  reopen,
  resolve,
} from "../operations/incidents/act.js";
import { type DueIncident, runIncidentClock } from "../operations/incidents/due.js";
import { outlookOf } from "../operations/incidents/outlook.js";
import { readIncident } from "../operations/incidents/rows.js";
import { usersWord } from "../operations/incidents/user-words.js";
import type { Relay } from "../operations/relay-outbox.js";
import { tellUsers } from "../operations/tell-users.js";
import type { Policy } from "../policy/schema.js";
import { sourceById } from "../sources/registry.js";
import type { Database } from "../store/database.js";
import type { AcknowledgeDeps } from "./acknowledge-page.js";
import type { NodeConfig } from "./node-config.js";

interface Core {
  database: Database;
  channels: Channels;
  clock: Clock;
  ids: Ids;
  relay: Relay;
  policy: Policy;
  /** Where links lead, and what signs them. */
  links: { publicBaseUrl: string; secrets: readonly Secret[] };
}

const rollbackHint = (to: Deployment): string | null =>
  to.url === null ? null : (sourceById(to.source)?.rollbackCommand?.(to.url) ?? null);

/** What runs an incident's clock, and publishes what it decided. */
export function incidentParts(core: Core) {
  const { database, clock, ids, relay, policy, links } = core;
  const hasStatusPage = core.channels.status_page.configured;
  const deps = {
    ...{ database, clock, ids, policy, relay },
    ackUrl: (incidentId: string, way: NoticeWay, now: Instant) =>
      ackUrl(incidentId, way, now, links),
    rollbackHint,
    tellUsers: async (...[rows, telling]: Parameters<TellUsers>) => {
      const word = usersWord(rows, telling, policy);
      await tellUsers(word, { database, clock, ids, relay, hasStatusPage });
    },
  };
  return {
    runIncident: (due: DueIncident) => runIncidentClock(due, deps),
  };
}

type TellUsers = Parameters<typeof runIncidentClock>[1]["tellUsers"];

/** What a person does about an incident, by the admin API. */
export function incidentOperations(deps: ActDeps & { policy: Policy }): IncidentOperations {
  return {
    severityName: (severity) => deps.policy.severities[severity].name,
    incidentOutlook: (id) => outlookOf(id, { ...deps, rollbackHint }),
    acknowledgeIncident: (request) => acknowledge(request, deps),
    resolveIncident: (request) => resolve(request, deps),
    reopenIncident: (request) => reopen(request, deps),
    noteOnIncident: (request) => note(request, deps),
    finishIncidentTask: (request) => finishTask(request, deps),
  };
}

/** What the page needs that a link in a message leads to. */
export function acknowledgeDeps(
  config: Pick<NodeConfig, "channels" | "unsubscribeSecrets">,
  parts: ActDeps & Pick<AcknowledgeDeps, "log" | "policy">,
): AcknowledgeDeps {
  return {
    ...parts,
    platformName: config.channels.platformName,
    secrets: config.unsubscribeSecrets,
    readIncident: (id) => readIncident(id, parts.database),
    acknowledgeByLink: (link) => acknowledgeByLink(link, parts),
  };
}
