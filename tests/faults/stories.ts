import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import { signedRequest } from "../../cli/sign.js";
import type { Random } from "./random.js";

export type Fate = "processed" | "ignored" | "dead";

/** An event that a provider has to tell, and what is to become of it. */
export interface PlannedEvent {
  id: string;
  source: string;
  fate: Fate;
  /** Signs it as of now: the bytes are always the same, a signature with a time in it is not. */
  request(secret: string, now: number): { headers: Record<string, string>; body: Uint8Array };
}

/** What must be there at the end, each exactly once. */
export interface Expectations {
  /** By the gateway's id. `mail`: the one template that goes out of it, if any. */
  payments: Map<string, { state: string; mail: string | null; entitlement: string | null }>;
  /** By service: each story is of one of its own, because all trouble of one service is one incident. */
  incidents: Map<string, string>;
  /** By the source's id. */
  deployments: Map<string, string>;
}

interface Story {
  source: string;
  events: number;
  /** In every plan, however short: without it a part that is broken would meet nobody. */
  always?: true;
  tell(uid: string, stage: Stage): void;
}

interface Stage {
  sample(name: string, uid: string, o?: { fate?: Fate; set?: Record<string, string> }): void;
  raw(uid: string, text: string, headers?: Record<string, string>): void;
  expect: Expectations;
}

const serviceOf = (uid: string): string => `shop-${uid}`;
const issue = (uid: string) => ({ set: { "data.issue.project.slug": serviceOf(uid) } });
/** Of the issue that the other sample tells of. */
const issueAlert = (uid: string) => ({
  set: {
    "data.event.issue_id": `9000000001_${uid}`,
    "data.event.url": `https://sentry.io/api/0/projects/example-org/${serviceOf(uid)}/events/e/`,
  },
});
const monitor = (uid: string) => ({ set: { "data.attributes.name": serviceOf(uid) } });
const project = (uid: string) => ({
  set: { "payload.project.id": `prj_${uid}`, "payload.deployment.name": serviceOf(uid) },
});

const paid = { state: "succeeded", mail: "payment-received", entitlement: "active" };

/** Everything that the four sources are sent in a run. Order never matters; that is half of the point. */
const STORIES: readonly Story[] = [
  {
    source: "stripe", // both events of one purchase: one payment, one mail
    events: 2,
    tell(uid, { sample, expect }) {
      sample("checkout-completed", uid);
      sample("payment-succeeded", uid);
      expect.payments.set(`pi_sample_purchase_${uid}`, paid);
    },
  },
  {
    source: "stripe", // a mail
    events: 1,
    always: true,
    tell(uid, { sample, expect }) {
      sample("payment-succeeded", uid);
      expect.payments.set(`pi_sample_purchase_${uid}`, paid);
    },
  },
  {
    source: "stripe",
    events: 3,
    tell(uid, { sample, expect }) {
      sample("payment-succeeded", uid);
      sample("checkout-completed", uid);
      sample("charge-refunded", uid);
      expect.payments.set(`pi_sample_purchase_${uid}`, { ...paid, entitlement: "revoked" });
    },
  },
  {
    source: "stripe",
    events: 1,
    tell(uid, { sample, expect }) {
      sample("payment-failed", uid);
      const failed = { state: "failed", mail: "payment-failed", entitlement: null };
      expect.payments.set(`pi_sample_failed_${uid}`, failed);
    },
  },
  {
    source: "stripe",
    events: 1,
    tell(uid, { sample, expect }) {
      sample("payment-canceled", uid);
      const canceled = { state: "canceled", mail: null, entitlement: null };
      expect.payments.set(`pi_sample_canceled_${uid}`, canceled);
    },
  },
  {
    source: "stripe", // of no interest to us
    events: 1,
    tell: (uid, { sample }) =>
      sample("payment-canceled", uid, { fate: "ignored", set: { type: "product.created" } }),
  },
  {
    source: "stripe", // signed, and unreadable
    events: 1,
    tell: (uid, { raw }) => raw(uid, `{"id": "evt_${uid}", "cut off`),
  },
  {
    source: "stripe", // JSON, but not of the shape that its type must have
    events: 1,
    tell: (uid, { sample }) =>
      sample("payment-succeeded", uid, { fate: "dead", set: { "data.object.id": "null" } }),
  },
  {
    source: "sentry", // a Slack message
    events: 1,
    always: true,
    tell(uid, { sample, expect }) {
      sample("issue-created", uid, issue(uid));
      expect.incidents.set(serviceOf(uid), "open");
    },
  },
  {
    source: "sentry",
    events: 2,
    tell(uid, { sample, expect }) {
      sample("issue-created", uid, issue(uid));
      sample("issue-resolved", uid, issue(uid));
      expect.incidents.set(serviceOf(uid), "resolved");
    },
  },
  {
    source: "sentry", // an alert joins the issue's own incident
    events: 2,
    tell(uid, { sample, expect }) {
      sample("issue-created", uid, issue(uid));
      sample("event-alert", uid, issueAlert(uid));
      expect.incidents.set(serviceOf(uid), "open");
    },
  },
  {
    source: "sentry",
    events: 1,
    tell: (uid, { raw }) => raw(uid, `\uFEFF{"half": "${uid}`, { "Sentry-Hook-Resource": "issue" }),
  },
  {
    source: "better-stack",
    events: 1,
    tell(uid, { sample, expect }) {
      sample("incident-started", uid, monitor(uid));
      expect.incidents.set(serviceOf(uid), "open");
    },
  },
  {
    source: "better-stack",
    events: 3,
    tell(uid, { sample, expect }) {
      sample("incident-started", uid, monitor(uid));
      sample("incident-acknowledged", uid, monitor(uid));
      sample("incident-resolved", uid, monitor(uid));
      expect.incidents.set(serviceOf(uid), "resolved");
    },
  },
  {
    source: "better-stack",
    events: 2,
    tell(uid, { sample, expect }) {
      sample("incident-started", uid, monitor(uid));
      sample("incident-acknowledged", uid, monitor(uid));
      expect.incidents.set(serviceOf(uid), "acknowledged");
    },
  },
  {
    source: "better-stack",
    events: 1,
    tell: (uid, { sample }) => sample("status-page-incident", uid, { fate: "ignored" }),
  },
  {
    source: "vercel",
    events: 1,
    tell(uid, { sample, expect }) {
      sample("deployment-error", uid, project(uid));
      expect.deployments.set(`dpl_sample_bad_${uid}`, "failed");
      expect.incidents.set(serviceOf(uid), "open");
    },
  },
  {
    source: "vercel",
    events: 3,
    tell(uid, { sample, expect }) {
      for (const state of ["created", "ready", "succeeded"]) {
        sample(`deployment-${state}`, uid, project(uid));
      }
      expect.deployments.set(`dpl_sample_good_${uid}`, "succeeded");
    },
  },
  {
    source: "vercel",
    events: 1,
    tell: (uid, { sample }) =>
      sample("deployment-created", uid, { fate: "ignored", set: { type: "project.created" } }),
  },
];

/**
 * So many events of all four sources, in stories whose events belong together.
 *
 * @param prefix keeps the events of one round apart from those of every other.
 */
export function planStories(
  random: Random,
  count: number,
  prefix: string,
): { events: PlannedEvent[]; expect: Expectations } {
  const startedAt = Date.now();
  const events: PlannedEvent[] = [];
  const expect: Expectations = {
    payments: new Map(),
    incidents: new Map(),
    deployments: new Map(),
  };
  let queue = STORIES.filter((story) => story.always);
  for (let told = 0; events.length < count; told += 1) {
    if (queue.length === 0) queue = random.shuffle(STORIES); // each kind comes before any comes again
    const story = queue.pop();
    if (story === undefined || events.length + story.events > count) continue;
    const { source } = story;
    story.tell(`${prefix}${told}`, {
      expect,
      sample(name, uid, { fate = "processed", set = {} } = {}) {
        const sample = freshen(loadSample(source, name), { uniqueId: uid, now: startedAt, set });
        events.push({
          id: `${source}/${name}/${uid}`,
          source,
          fate,
          request: (secret, now) => requestOf(sample, { secret, now }),
        });
      },
      raw(uid, text, more = {}) {
        const body = new TextEncoder().encode(text);
        events.push({
          id: `${source}/unreadable/${uid}`,
          source,
          fate: "dead",
          request(secret, now) {
            const { headers } = signedRequest(source, body, { secret, now });
            return { headers: { ...headers, ...more }, body };
          },
        });
      },
    });
  }
  return { events, expect };
}
