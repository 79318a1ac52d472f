import type { DeploymentState } from "../../domain/deployment.js";
import type { DeploymentChanged, Fact } from "../../domain/facts.js";
import {
  at,
  bodyObject,
  firstText,
  type JsonObject,
  needObject,
  needText,
  oneLine,
  shortText,
  webUrl,
} from "../read.js";
import type { NormaliseContext } from "../source.js";
import { createdAtOf } from "./identify.js";

const STATES: ReadonlyMap<string, DeploymentState> = new Map([
  ["deployment.created", "created"],
  ["deployment.ready", "ready"],
  ["deployment.succeeded", "succeeded"],
  ["deployment.error", "failed"],
  ["deployment.canceled", "canceled"],
  ["deployment.promoted", "promoted"],
]);

/**
 * Deployments, and their failures as signals. `ready` and `succeeded` both come for one good
 * deployment; only the later, `succeeded` (blocking checks passed), ends the trouble of its project and target.
 */
export function normalise(
  _headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const event = bodyObject(body);
  const state = STATES.get(needText(event.type, "type"));
  if (state === undefined) return [];
  const payload = needObject(event.payload, "payload");
  const at = createdAtOf(event.createdAt) ?? context.receivedAt;
  const changed = changedOf(payload, state, at, context.ours);
  if (state === "failed") return [changed, raisedBy(changed, payload)];
  return state === "succeeded" || state === "promoted" ? [changed, resolvedBy(changed)] : [changed];
}

function changedOf(
  payload: JsonObject,
  state: DeploymentState,
  occurredAt: number,
  ours: ReadonlySet<string>,
): DeploymentChanged {
  const deployment = needObject(payload.deployment, "payload.deployment");
  const name = firstText(deployment.name, payload.name, at(payload, "project", "name"));
  const project = needText(
    firstText(at(payload, "project", "id"), payload.projectId, name),
    "payload.project.id",
  );
  return {
    kind: "deployment.changed",
    externalId: needText(deployment.id, "payload.deployment.id"),
    project,
    name: oneLine(name ?? project),
    state,
    // Null is how a preview is told; a target that is set but not known here keeps its name.
    target: (shortText(firstText(payload.target, deployment.target)) ?? "preview").toLowerCase(),
    url: addressOf(firstText(deployment.url, payload.url)),
    commit: commitOf(deployment.meta),
    labels: labelsOf(deployment.meta),
    ours: [project, name].some((one) => one !== null && ours.has(one.toLowerCase())),
    occurredAt,
  };
}

/** The event says that it failed, not why: the link leads to the log. */
function raisedBy(changed: DeploymentChanged, payload: JsonObject): Fact {
  return {
    kind: "signal.raised",
    groupKey: groupOf(changed),
    deployedTo: { project: changed.project, target: changed.target },
    signalKind: "deployment",
    level: changed.target === "production" ? "error" : "warning",
    title: oneLine(`Deployment of ${changed.name} to ${changed.target} failed`),
    service: changed.name,
    environment: changed.target,
    url:
      webUrl(at(payload, "links", "deployment")) ??
      webUrl(at(payload, "deployment", "inspectorUrl")) ??
      changed.url,
    ours: changed.ours,
    occurredAt: changed.occurredAt,
  };
}

function resolvedBy(changed: DeploymentChanged): Fact {
  return {
    kind: "signal.resolved",
    groupKey: groupOf(changed),
    deployedTo: { project: changed.project, target: changed.target },
    signalKind: "deployment",
    title: oneLine(`Deployment of ${changed.name} to ${changed.target} ${changed.state}`),
    by: null,
    occurredAt: changed.occurredAt,
  };
}

function groupOf({ project, target }: DeploymentChanged): string {
  return `vercel:${project}:${target}:deployment`;
}

/** The address is sent without its scheme. */
function addressOf(host: string | null): string | null {
  if (host === null) return null;
  return webUrl(/^https?:\/\//.test(host) ? host : `https://${host}`);
}

/** The key depends on where the repository lives; a deployment from the command line has none. */
function commitOf(meta: unknown): string | null {
  const sha = firstText(
    at(meta, "githubCommitSha"),
    at(meta, "gitlabCommitSha"),
    at(meta, "bitbucketCommitSha"),
  );
  return sha !== null && /^[0-9a-f]{7,64}$/i.test(sha) ? sha : null;
}

const LABELS_MAX = 10;

/** `[security][hotfix] Mend the log-in` has two; only the beginning counts, so that prose never is one. */
function labelsOf(meta: unknown): string[] {
  const message = firstText(
    at(meta, "githubCommitMessage"),
    at(meta, "gitlabCommitMessage"),
    at(meta, "bitbucketCommitMessage"),
  );
  const head = /^\s*(?:\[[^\]\n]{1,40}\]\s*)+/.exec(message ?? "")?.[0] ?? "";
  const labels = [...head.matchAll(/\[([^\]\n]+)\]/g)].map(([, word]) => (word ?? "").trim());
  return labels.map((label) => label.toLowerCase()).slice(0, LABELS_MAX);
}
