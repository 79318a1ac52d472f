/** A sample as one story has it: by its source and name, with what is said in it. */
export interface Scene {
  source: string;
  sample: string;
  /** Made part of its ids: scenes of one trouble share it. */
  uniqueId: string;
  set: Record<string, string>;
}

/** A good deployment of a service to production. @param version the letters behind its name */
export function deploymentScene(
  service: string,
  { version, commit, message }: { version: string; commit: string; message: string },
): Scene {
  const url = `${service}-${version}-example.vercel.app`;
  const id = `dpl_${service}_${version}`;
  return {
    ...{ source: "vercel", sample: "deployment-succeeded", uniqueId: id },
    set: {
      "payload.deployment.id": id,
      "payload.deployment.name": service,
      "payload.name": service,
      "payload.project.id": `prj_${service}`,
      "payload.deployment.url": url,
      "payload.url": url,
      "payload.deployment.inspectorUrl": `https://vercel.com/example/${service}/${version}`,
      "payload.deployment.meta.githubCommitSha": commit,
      "payload.deployment.meta.githubCommitMessage": message,
      "payload.deployment.meta.githubRepo": service,
    },
  };
}

/** The n-th issue of a service, as it comes and as it is resolved. */
export function issueScene(
  service: string,
  n: number,
  title: string,
  happens: "created" | "resolved",
): Scene {
  const id = String(9_000_000_401 + n);
  const link = `https://example-org.sentry.io/issues/${id}/`;
  return {
    ...{ source: "sentry", sample: `issue-${happens}`, uniqueId: `${service}-${n}` },
    set: {
      "data.issue.id": id,
      "data.issue.title": title,
      "data.issue.shortId": `${service.toUpperCase()}-${n + 1}`,
      "data.issue.culprit": "GET /",
      "data.issue.project.slug": service,
      "data.issue.project.name": service,
      "data.issue.permalink": link,
      "data.issue.web_url": link,
    },
  };
}

/** Its error rate is past its threshold, and under it again. */
export function spikeScene(
  service: string,
  title: string,
  happens: "critical" | "resolved",
): Scene {
  return {
    ...{ source: "sentry", sample: `metric-alert-${happens}`, uniqueId: `${service}-spike` },
    set: {
      "data.metric_alert.id": "8000000401",
      "data.metric_alert.title": `Error rate of ${service}`,
      "data.metric_alert.projects": JSON.stringify([service]),
      "data.description_title": title,
    },
  };
}

/** A monitor's word that the service is down since then, and that it is up again. */
export function outageScene(
  service: string,
  { id, startedAt }: { id: string; startedAt: number },
  happens: "started" | "resolved",
): Scene {
  const nobody = {
    "data.attributes.acknowledged_at": "null",
    "data.attributes.acknowledged_by": "null",
  };
  return {
    ...{ source: "better-stack", sample: `incident-${happens}`, uniqueId: id },
    set: {
      "data.id": `6000000${id}`,
      "data.attributes.name": service,
      "data.attributes.url": `https://${service}.example.com/api/health`,
      "data.attributes.started_at": new Date(startedAt).toISOString(),
      ...(happens === "resolved" ? nobody : {}),
    },
  };
}
