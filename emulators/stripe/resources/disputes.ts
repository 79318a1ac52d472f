import type Stripe from "stripe";
import { parameterInvalid, resourceMissing } from "../errors.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Random } from "../random.js";
import { type Actor, NOBODY } from "../rows.js";
import type { Route, World } from "../world.js";
import { chargeNamed } from "./charges.js";
import { refreshWarnings } from "./early-fraud-warnings.js";

const ANSWER_S = 7 * 24 * 60 * 60;
const OPEN = ["needs_response", "under_review"];
const INQUIRY = ["warning_needs_response", "warning_under_review"];

const EVIDENCE = [
  "access_activity_log",
  "billing_address",
  "cancellation_policy_disclosure",
  "customer_communication",
  "customer_email_address",
  "customer_name",
  "customer_purchase_ip",
  "product_description",
  "receipt",
  "refund_policy_disclosure",
  "service_date",
  "service_documentation",
  "shipping_date",
  "shipping_tracking_number",
  "uncategorized_text",
] as const;

export interface DisputeFields {
  /** All that was paid, unless said. */
  amount?: number | undefined;
  reason?: string | undefined;
  /** Only asks at first: no money moves before it is escalated. */
  inquiry?: boolean | undefined;
}

function disputeNamed(world: World, id: string): Stripe.Dispute {
  const dispute = world.tables.disputes.get(id);
  if (dispute === undefined) throw resourceMissing("dispute", id, "dispute");
  return dispute;
}

/** What a bank does when its customer complains: the charge is disputed and, unless it only asks, the money is taken. */
export function openDispute(
  world: World,
  chargeId: string,
  { amount, reason = "general", inquiry = false }: DisputeFields = {},
): Stripe.Dispute {
  const charge = chargeNamed(world, chargeId, "id");
  if (charge.status !== "succeeded" || !charge.captured || charge.disputed) {
    throw parameterInvalid("id", `${chargeId} cannot be disputed`);
  }
  const dispute: Stripe.Dispute = {
    id: world.kit.ids("du_"),
    object: "dispute",
    amount: amount ?? charge.amount_captured,
    balance_transactions: [],
    charge: charge.id,
    created: world.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: Object.fromEntries(
      EVIDENCE.map((name) => [name, null]),
    ) as unknown as Stripe.Dispute.Evidence,
    evidence_details: {
      due_by: world.now() + ANSWER_S,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    } as Stripe.Dispute.EvidenceDetails,
    intended_submission_method: null,
    is_charge_refundable: inquiry,
    livemode: world.livemode,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason,
    status: inquiry ? "warning_needs_response" : "needs_response",
  };
  world.tables.disputes.put(dispute.id, dispute);
  const disputed = world.tables.charges.put(charge.id, { ...charge, disputed: true });
  world.emit(NOBODY, "charge.dispute.created", dispute);
  refreshWarnings(world, disputed);
  return inquiry ? dispute : withdraw(world, dispute);
}

function movement(
  world: World,
  dispute: Stripe.Dispute,
  amount: number,
): Stripe.BalanceTransaction {
  return {
    id: world.kit.ids("txn_"),
    object: "balance_transaction",
    amount,
    available_on: world.now(),
    balance_type: "payments",
    created: world.now(),
    currency: dispute.currency,
    description: amount < 0 ? "Chargeback withdrawal" : "Chargeback reversal",
    exchange_rate: null,
    fee: 0,
    fee_details: [],
    net: amount,
    reporting_category: amount < 0 ? "dispute" : "dispute_reversal",
    source: dispute.id,
    status: "available",
    type: "adjustment",
  };
}

function withdraw(world: World, dispute: Stripe.Dispute): Stripe.Dispute {
  const taken = keep(world, dispute, {
    balance_transactions: [
      ...dispute.balance_transactions,
      movement(world, dispute, -dispute.amount),
    ],
    is_charge_refundable: false,
  });
  world.emit(NOBODY, "charge.dispute.funds_withdrawn", taken, dispute);
  return taken;
}

const keep = (world: World, dispute: Stripe.Dispute, changes: Partial<Stripe.Dispute>) =>
  world.tables.disputes.put(dispute.id, { ...dispute, ...changes });

/** An inquiry that has become a dispute: the money is taken now. */
export function escalateDispute(world: World, id: string): Stripe.Dispute {
  const before = disputeNamed(world, id);
  if (!INQUIRY.includes(before.status)) throw parameterInvalid("id", `${id} is ${before.status}`);
  const after = keep(world, before, { status: "needs_response" });
  world.emit(NOBODY, "charge.dispute.updated", after, before);
  return withdraw(world, after);
}

/** How a dispute ended; one that was won brings the money back, an inquiry is only closed. */
export function closeDispute(
  world: World,
  actor: Actor,
  id: string,
  outcome: "won" | "lost" | "warning_closed",
): Stripe.Dispute {
  const before = disputeNamed(world, id);
  const from = outcome === "warning_closed" ? INQUIRY : OPEN;
  if (!from.includes(before.status)) {
    throw parameterInvalid("id", `${id} is ${before.status}: it cannot become ${outcome}`);
  }
  const won = outcome === "won";
  const closed = keep(world, before, { status: outcome });
  world.emit(actor, "charge.dispute.closed", closed, before);
  if (!won) return closed;
  const reinstated = keep(world, closed, {
    balance_transactions: [...closed.balance_transactions, movement(world, closed, closed.amount)],
  });
  world.emit(NOBODY, "charge.dispute.funds_reinstated", reinstated, closed);
  return reinstated;
}

/** Any of the ways that a dispute goes, for seeded payments. */
export function disputeSomehow(world: World, charge: string, random: Random): void {
  const way = random();
  const dispute = openDispute(world, charge, { inquiry: way < 0.2, reason: "fraudulent" });
  if (way < 0.1) closeDispute(world, NOBODY, dispute.id, "warning_closed");
  else if (way > 0.8) closeDispute(world, NOBODY, dispute.id, "won");
  else if (way > 0.5) closeDispute(world, NOBODY, dispute.id, "lost");
}

export const disputeRoutes = (world: World): Route[] => [
  {
    method: "GET",
    path: "/v1/disputes",
    accepts: [...LIST_PARAMS, "charge", "payment_intent"],
    run: ({ input }) =>
      listOf("/v1/disputes", "dispute", input, world.tables.disputes, {
        by: ["charge", "payment_intent"],
      }),
  },
  {
    method: "GET",
    path: "/v1/disputes/:id",
    accepts: ["expand"],
    run: ({ id }) => disputeNamed(world, id),
  },
  {
    method: "POST",
    path: "/v1/disputes/:id",
    accepts: ["evidence", "metadata", "submit", "expand"],
    run: ({ id, input, actor }) => {
      const before = disputeNamed(world, id);
      const evidence = input.child("evidence");
      evidence?.accept(EVIDENCE);
      const given = EVIDENCE.flatMap((name) => {
        const text = evidence?.text(name);
        return text === undefined ? [] : [[name, text] as const];
      });
      const submitted = evidence !== undefined && input.flag("submit") !== false;
      const reviewed = before.status.startsWith("warning_")
        ? "warning_under_review"
        : "under_review";
      const after = keep(world, before, {
        metadata: input.metadata(before.metadata),
        evidence: { ...before.evidence, ...Object.fromEntries(given) },
        evidence_details: {
          ...before.evidence_details,
          has_evidence: before.evidence_details.has_evidence || given.length > 0,
          submission_count: before.evidence_details.submission_count + (submitted ? 1 : 0),
        },
        ...(submitted ? { status: reviewed } : {}),
      });
      world.emit(actor, "charge.dispute.updated", after, before);
      return after;
    },
  },
  {
    method: "POST",
    path: "/v1/disputes/:id/close",
    accepts: ["expand"],
    run: ({ id, actor }) => closeDispute(world, actor, id, "lost"),
  },
];
