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
  /** By group; null where the order of the events decides the status. */
  incidents: Map<string, string | null>;
  /** Groups that may be incidents, if their events come so. */
  maybeIncidents: Set<string>;
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

const INSTALLATION = "7f1a2b3c-0000-4000-8000-5a6b7c8d9e0f";
const issueGroup = (uid: string): string => `sentry:${INSTALLATION}:issue:9000000001_${uid}`;
const uptimeGroup = (uid: string): string => `better-stack:incident:600000001_${uid}`;
const shopGroup = (uid: string): string => `vercel:prj_${uid}:production:deployment`;

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
      sample("issue-created", uid);
      expect.incidents.set(issueGroup(uid), "open");
    },
  },
  {
    source: "sentry",
    events: 2,
    tell(uid, { sample, expect }) {
      sample("issue-created", uid);
      sample("issue-resolved", uid);
      expect.incidents.set(issueGroup(uid), "resolved");
    },
  },
  {
    source: "sentry", // an alert joins the issue's own incident
    events: 2,
    tell(uid, { sample, expect }) {
      sample("issue-created", uid);
      const issue = { "data.event.issue_id": `9000000001_${uid}` };
      sample("event-alert", uid, { set: issue });
      expect.incidents.set(issueGroup(uid), "open");
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
      sample("incident-started", uid);
      expect.incidents.set(uptimeGroup(uid), "open");
    },
  },
  {
    source: "better-stack",
    events: 3,
    tell(uid, { sample, expect }) {
      sample("incident-started", uid);
      sample("incident-acknowledged", uid);
      sample("incident-resolved", uid);
      expect.incidents.set(uptimeGroup(uid), "resolved");
    },
  },
  {
    source: "better-stack",
    events: 2,
    tell(uid, { sample, expect }) {
      sample("incident-started", uid);
      sample("incident-acknowledged", uid);
      expect.incidents.set(uptimeGroup(uid), "acknowledged");
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
      sample("deployment-error", uid, { set: { "payload.project.id": `prj_${uid}` } });
      expect.deployments.set(`dpl_sample_bad_${uid}`, "failed");
      expect.incidents.set(shopGroup(uid), "open");
    },
  },
  {
    source: "vercel",
    events: 3,
    tell(uid, { sample, expect }) {
      const set = { "payload.project.id": `prj_${uid}` };
      for (const state of ["created", "ready", "succeeded"]) {
        sample(`deployment-${state}`, uid, { set });
      }
      expect.deployments.set(`dpl_sample_good_${uid}`, "succeeded");
      expect.maybeIncidents.add(shopGroup(uid));
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
    maybeIncidents: new Set(),
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
