import type Stripe from "stripe";
import { z } from "zod";
import type { Deliveries } from "./deliveries.js";
import { pick, type Random, seededRandom } from "./random.js";
import { recordEvent } from "./realms.js";
import { attempt, createIntent, idOf } from "./resources/intent-states.js";
import { resolvePaymentMethod } from "./resources/payment-methods.js";
import { refundCharge, settleRefund } from "./resources/refunds.js";
import { NOBODY, type StoredEvent } from "./rows.js";
import type { World } from "./world.js";

const share = z.number().min(0).max(1);
const DAY_S = 24 * 60 * 60;

export const SeedSchema = z.strictObject({
  payments: z.int().positive().max(1_000_000),
  /** Unix seconds; the payments are spread evenly between them, what follows a payment stays before `to`. */
  from: z.int().optional(),
  to: z.int().optional(),
  /** The same numbers make the same payments (ids are the emulator's own). */
  seed: z.int().default(1),
  refundedShare: share.default(0.03),
  failedShare: share.default(0.05),
  disputedShare: share.default(0.002),
  /** The share of payments none of whose events was delivered. */
  undelivered: share.default(0),
  currencies: z.array(z.string()).min(1).default(["thb", "usd", "jpy", "kwd"]),
  /** Put on every intent; `{n}` becomes the payment's number, from 1. */
  metadata: z.record(z.string(), z.string()).default({ order_id: "order_{n}" }),
  /** Sends the events to the endpoints, too; otherwise they count as delivered long ago. */
  deliver: z.boolean().default(false),
});

export type SeedOrder = z.input<typeof SeedSchema>;
type Plan = z.output<typeof SeedSchema> & { from: number; to: number };

export interface SeedSummary {
  payments: number;
  events: number;
  succeeded: number;
  failed: number;
  /** Payments with a refund; half of the refunds are partial, and one in ten has failed. */
  refunded: number;
  disputed: number;
  /** Ids of the payment intents none of whose events was delivered. */
  undelivered: string[];
}

/** Something that happens to a payment. */
interface Step {
  at: number;
  /** The payment's number, from 0. */
  n: number;
  what: "pay" | "fail" | "refund" | "refund in part" | "refund and fail" | "dispute";
}

/**
 * Makes payments as they would have happened between two moments, in that order, with their events.
 * @param dispute what a bank does when it disputes a charge.
 */
export function seedPayments(
  world: World,
  deliveries: Deliveries,
  order: SeedOrder,
  dispute: (world: World, charge: string, random: Random) => void,
): SeedSummary {
  const parsed = SeedSchema.parse(order);
  const to = parsed.to ?? world.now();
  // Events are listed for 30 days.
  const plan: Plan = { ...parsed, to, from: parsed.from ?? to - 29 * DAY_S };
  if (plan.from > plan.to) throw new Error("seed: from lies behind to");
  const random = seededRandom(plan.seed);
  const steps = planned(plan, random);
  const lost = new Set<number>();
  for (let n = 0; n < plan.payments; n++) if (random() < plan.undelivered) lost.add(n);

  const moment = { at: plan.from, n: 0 };
  let events = 0;
  const told = (event: StoredEvent) => {
    events += 1;
    if (lost.has(moment.n)) deliveries.lose(world, event);
    else if (plan.deliver) deliveries.add(world, event);
  };
  const past: World = { ...world, now: () => moment.at, emit: () => undefined };
  past.emit = (...change) => told(recordEvent(past, ...change));

  const methods = methodsFor(past);
  const intents: Stripe.PaymentIntent[] = [];
  for (const step of steps) {
    moment.at = step.at;
    moment.n = step.n;
    const known = intents[step.n];
    if (known === undefined) intents[step.n] = pay(past, plan, step, methods, random);
    else follow(past, step, idOf(known.latest_charge) ?? "", random, dispute);
  }
  const count = (what: RegExp) => steps.filter((step) => what.test(step.what)).length;
  return {
    payments: plan.payments,
    events,
    succeeded: count(/^pay/),
    failed: count(/^fail/),
    refunded: count(/^refund/),
    disputed: count(/^dispute/),
    undelivered: [...lost].sort((a, b) => a - b).flatMap((n) => intents[n]?.id ?? []),
  };
}

/** All steps of all payments, in order of time. */
function planned(plan: Plan, random: Random): Step[] {
  const steps: Step[] = [];
  const width = plan.to - plan.from;
  for (let n = 0; n < plan.payments; n++) {
    const at = plan.from + Math.floor((width * n) / plan.payments);
    if (random() < plan.failedShare) {
      steps.push({ at, n, what: "fail" });
      continue;
    }
    steps.push({ at, n, what: "pay" });
    const later = () => Math.min(plan.to, at + 60 + Math.floor(random() * 20 * DAY_S));
    if (random() < plan.refundedShare) {
      const kind = random();
      const what = kind < 0.1 ? "refund and fail" : kind < 0.5 ? "refund in part" : "refund";
      steps.push({ at: later(), n, what });
    } else if (random() < plan.disputedShare) steps.push({ at: later(), n, what: "dispute" });
  }
  return steps.sort((a, b) => a.at - b.at);
}

interface Methods {
  good: Stripe.PaymentMethod[];
  bad: Stripe.PaymentMethod[];
}

/** A few payment methods for all: one each would be half of what is held in memory. */
function methodsFor(world: World): Methods {
  const made = (id: string) => resolvePaymentMethod(world, id, null);
  return {
    good: ["pm_card_visa", "pm_card_mastercard", "pm_card_amex"].map(made),
    bad: ["pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"].map(made),
  };
}

function pay(
  world: World,
  plan: Plan,
  step: Step,
  methods: Methods,
  random: Random,
): Stripe.PaymentIntent {
  const numbered = Object.entries(plan.metadata).map(
    ([key, value]) => [key, value.replaceAll("{n}", String(step.n + 1))] as const,
  );
  const intent = createIntent(world, NOBODY, {
    amount: 100 + Math.floor(random() * 500_000),
    currency: pick(random, plan.currencies).toLowerCase(),
    customer: null,
    description: null,
    metadata: Object.fromEntries(numbered),
    receiptEmail: null,
    captureMethod: "automatic_async",
    methodTypes: ["card"],
    automatic: false,
    statementDescriptor: null,
  });
  const method = pick(random, step.what === "fail" ? methods.bad : methods.good);
  return attempt(world, NOBODY, intent, method);
}

function follow(
  world: World,
  step: Step,
  charge: string,
  random: Random,
  dispute: (world: World, charge: string, random: Random) => void,
): void {
  if (step.what === "dispute") {
    dispute(world, charge, random);
    return;
  }
  const paid = world.tables.charges.get(charge)?.amount ?? 0;
  const amount = step.what === "refund in part" ? 1 + Math.floor(random() * (paid - 1)) : paid;
  const refund = refundCharge(world, NOBODY, charge, amount);
  if (step.what === "refund and fail") settleRefund(world, refund.id, "failed");
}
