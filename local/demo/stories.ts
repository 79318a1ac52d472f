/** What happens at a provider, what it sends about it, and what must become of that here. */
export interface Story {
  source: string;
  /** Samples of the command line; those of one story belong together. */
  samples: readonly string[];
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
const RAISED = ["event.processed", "incident.opened", "notice.planned", "notice.sent"] as const;

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
    told: ["slack incident-raised"],
    audit: RAISED,
  },
  {
    source: "vercel",
    samples: ["deployment-error"],
    rows: { ...NONE, incidents: ["incident open"], deployments: ["deployment failed"] },
    told: ["slack incident-raised"],
    audit: ["deployment.recorded", ...RAISED],
  },
  {
    source: "better-stack",
    samples: ["incident-started"],
    rows: { ...NONE, incidents: ["incident open"] },
    told: ["slack incident-raised"],
    audit: RAISED,
  },
];
