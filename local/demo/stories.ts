/** What happens at a provider, what it sends about it, and what must become of that here. */
export interface Story {
  source: string;
  /** Samples of the command line; those of one story belong together. */
  samples: readonly string[];
  /** What is other than in the sample: of one service all trouble would be one incident, told once. */
  set?: Readonly<Record<string, string>>;
  /** Rows by list of the admin API, as `<noun> <state>`. */
  rows: Readonly<Record<RowList, readonly string[]>>;
  /** As `<channel> <template>`. */
  told: readonly string[];
  /** All audit entries of the story's events, in the order of the alphabet. */
  audit: readonly string[];
}

export const ROW_LISTS = ["payments", "entitlements", "incidents", "deployments"] as const;
export type RowList = (typeof ROW_LISTS)[number];

const NONE = { payments: [], entitlements: [], incidents: [], deployments: [] } as const;
/** An incident, and what the default policy tells of it at once. */
const raised = (...told: readonly string[]) => ({
  told: told.map((channel) => `${channel} incident-raised`),
  audit: [
    "event.processed",
    "incident.opened",
    ...told.flatMap(() => ["notice.planned", "notice.sent"]),
  ],
});

/** One purchase makes two events; whichever comes first, it is one payment, one package, one mail. */
export const STORIES: readonly Story[] = [
  {
    source: "stripe",
    samples: ["payment-succeeded", "checkout-completed"],
    rows: { ...NONE, payments: ["payment succeeded"], entitlements: ["entitlement active"] },
    told: ["email payment-received"],
    audit: [
      "checkout.recorded",
      "entitlement.granted",
      "event.processed",
      "event.processed",
      "notice.planned",
      "notice.sent",
      "payment.recorded",
      "payment.recorded",
    ],
  },
  {
    source: "sentry",
    samples: ["issue-created"],
    rows: { ...NONE, incidents: ["incident open"] },
    ...raised("email", "slack"),
  },
  {
    source: "vercel",
    samples: ["deployment-error"],
    set: { "payload.deployment.name": "site" },
    rows: { ...NONE, incidents: ["incident open"], deployments: ["deployment failed"] },
    told: raised("email", "slack").told,
    audit: ["deployment.recorded", ...raised("email", "slack").audit],
  },
  {
    source: "better-stack",
    samples: ["incident-started"],
    rows: { ...NONE, incidents: ["incident open"] },
    ...raised("email", "slack", "sms"),
  },
];
