import fc from "fast-check";
import type { StripeEmulator } from "../../emulators/stripe/index.js";

const DAY_MS = 86_400_000;

/** What a shopper, a bank, a person at the dashboard or time may do next; what does not fit the moment is left out. */
const PAYMENT_OPS = [
  "try",
  "try",
  "settle",
  "settle",
  "capture",
  "cancel",
  "refund",
  "refund",
  "settle_refund",
  "settle_refund",
  "dispute",
  "close_dispute",
  "warn",
  "describe",
] as const;
const SUBSCRIPTION_OPS = [
  "renew",
  "renew",
  "change_card",
  "pay_invoice",
  "void_invoice",
  "give_up_invoice",
  "end_dunning",
  "expire",
  "pause",
  "resume",
  "cancel_later",
  "cancel",
  "describe_customer",
] as const;

type Op = (typeof PAYMENT_OPS)[number] | (typeof SUBSCRIPTION_OPS)[number];

interface Step {
  op: Op;
  /** Seconds that pass before it; 0 as often as not, so that events share their second. */
  pause: number;
  /** 0 ≤ x < 1: what the step still has to choose. */
  dice: number;
}

/** One buyer's story; two in one are two payments of one user. */
export interface History {
  kind: "intent" | "checkout" | "subscription";
  currency: "thb" | "jpy" | "kwd";
  method: string;
  manual: boolean;
  payments: number;
  steps: readonly Step[];
  /** Events come as endpoints of this version get them: before or since the change of 2025-03-31. */
  apiVersion: string;
  /** They only mention the object. */
  thin: boolean;
}

const METHODS = [
  "pm_card_visa",
  "pm_card_visa",
  "pm_card_chargeDeclined",
  "pm_card_authenticationRequired",
  "pm_usBankAccount_success",
  "pm_card_pendingRefund",
] as const;

const stepsOf = (ops: readonly Op[]) =>
  fc.array(
    fc.record({
      op: fc.constantFrom(...ops),
      pause: fc.constantFrom(0, 0, 0, 1, 3, 86_400),
      // Not fc.double, which prefers the floats next to 0: every choice would be the first.
      dice: fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000),
    }),
    { minLength: 1, maxLength: 14 },
  );

/** Histories to play; the same seed gives the same ones. */
export const histories: fc.Arbitrary<History> = fc
  .constantFrom("intent", "intent", "checkout", "subscription" as const)
  .chain((kind) =>
    fc.record({
      kind: fc.constant(kind as History["kind"]),
      currency: fc.constantFrom("thb", "thb", "jpy", "kwd"),
      method: fc.constantFrom(...METHODS),
      manual: fc.boolean(),
      payments: fc.constantFrom(1, 1, 2),
      steps: stepsOf(kind === "subscription" ? SUBSCRIPTION_OPS : PAYMENT_OPS),
      apiVersion: fc.constantFrom("2026-10-28.endive", "2024-06-20"),
      thin: fc.constantFrom(false, false, false, true),
    }),
  ) as fc.Arbitrary<History>;

type Row = Record<string, unknown> & { id: string };

/** Plays histories at the emulator, one step at a time, so that several buyers' stories run side by side. */
export class Player {
  readonly #intents: string[] = [];
  #subscription: string | null = null;
  #customer: string | null = null;

  constructor(
    private readonly stripe: StripeEmulator,
    readonly history: History,
    /** The platform's name for the user. */
    readonly user: string,
  ) {}

  begin(): void {
    const { kind, payments } = this.history;
    if (kind === "subscription") this.#subscribe();
    for (let n = 0; kind !== "subscription" && n < payments; n += 1) this.#pay(n);
  }

  step({ op, dice }: Step): void {
    const [intent] = this.#intents.slice(Math.floor(dice * this.#intents.length));
    if (this.history.kind === "subscription") this.#subscriptionStep(op, dice);
    else if (intent !== undefined) this.#paymentStep(op, intent, dice);
  }

  #amount(): number {
    return { thb: 499_00, jpy: 1_500, kwd: 12_340 }[this.history.currency];
  }

  #pay(n: number): void {
    const { kind, currency, method, manual } = this.history;
    const metadata = { userId: this.user, package: "ADVANCED", orderId: `${this.user}-${n}` };
    if (kind === "checkout") {
      const price = {
        currency,
        unit_amount: this.#amount(),
        product_data: { name: "Mock exam" },
      };
      const session = this.#call("POST", "/v1/checkout/sessions", {
        mode: "payment",
        line_items: [{ price_data: price, quantity: 1 }],
        success_url: "https://shop.example/done",
        client_reference_id: this.user,
        metadata,
      });
      if (session === null) return;
      this.#try(() =>
        this.stripe.completeCheckout(session.id, {
          email: `${this.user}@buyers.example`,
          paymentMethod: method,
        }),
      );
      const done = this.#call("GET", `/v1/checkout/sessions/${session.id}`);
      if (typeof done?.payment_intent === "string") this.#intents.push(done.payment_intent);
      return;
    }
    const intent = this.#call("POST", "/v1/payment_intents", {
      amount: this.#amount(),
      currency,
      receipt_email: `${this.user}@buyers.example`,
      capture_method: manual ? "manual" : "automatic",
      payment_method_types: ["card", "us_bank_account"],
      metadata,
    });
    if (intent !== null) this.#intents.push(intent.id);
  }

  #paymentStep(op: Op, intent: string, dice: number): void {
    const path = `/v1/payment_intents/${intent}`;
    const ops: Partial<Record<Op, () => void>> = {
      try: () => {
        const method = dice < 0.5 ? this.history.method : "pm_card_visa";
        this.#call("POST", `${path}/confirm`, { payment_method: method });
      },
      settle: () =>
        this.#try(() => this.stripe.settle(intent, dice < 0.7 ? "succeeded" : "failed")),
      capture: () => {
        const part = { amount_to_capture: Math.ceil(this.#amount() / 2) };
        this.#call("POST", `${path}/capture`, dice < 0.5 ? part : {});
      },
      cancel: () => this.#call("POST", `${path}/cancel`),
      refund: () => {
        const part = { amount: Math.ceil(this.#amount() / 3) };
        this.#call("POST", "/v1/refunds", { payment_intent: intent, ...(dice < 0.6 ? part : {}) });
      },
      settle_refund: () => {
        const [refund] = this.#of("refunds", intent);
        if (refund === undefined) return;
        const outcome = this.#pick(
          ["succeeded", "failed", "failed", "requires_action", "canceled"] as const,
          dice,
        );
        this.#try(() => this.stripe.act({ do: "settle", id: refund.id, outcome }));
      },
      describe: () => this.#call("POST", path, { description: `order ${dice}` }),
      dispute: () => {
        const [charge] = this.#of("charges", intent);
        if (charge === undefined) return;
        this.#try(() => this.stripe.act({ do: "dispute", id: charge.id, inquiry: dice < 0.3 }));
      },
      close_dispute: () => {
        const [dispute] = this.#of("disputes", intent);
        if (dispute === undefined) return;
        const outcome = dice < 0.3 ? "won" : dice < 0.7 ? "lost" : "warning_closed";
        this.#try(() => this.stripe.act({ do: "close_dispute", id: dispute.id, outcome }));
      },
      warn: () => {
        const [charge] = this.#of("charges", intent);
        if (charge !== undefined)
          this.#try(() => this.stripe.act({ do: "warn_of_fraud", id: charge.id }));
      },
    };
    ops[op]?.();
  }

  #subscribe(): void {
    const { currency, method, manual } = this.history;
    const user = this.user;
    const customer = this.#call("POST", "/v1/customers", {
      email: `${user}@buyers.example`,
      name: "ผู้ซื้อ",
    });
    if (customer === null) return;
    const attached = this.#call("POST", `/v1/payment_methods/${method}/attach`, {
      customer: customer.id,
    });
    const recurring = { interval: "month" };
    const product_data = { name: "Membership" };
    const price = this.#call("POST", "/v1/prices", {
      currency,
      unit_amount: this.#amount(),
      recurring,
      product_data,
    });
    const subscription = this.#call("POST", "/v1/subscriptions", {
      customer: customer.id,
      items: [{ price: price?.id ?? "" }],
      metadata: { userId: user, package: "MEMBER" },
      ...(attached === null ? {} : { default_payment_method: attached.id }),
      ...(manual ? { trial_period_days: 7 } : {}),
    });
    this.#customer = customer.id;
    this.#subscription = subscription?.id ?? null;
  }

  #subscriptionStep(op: Op, dice: number): void {
    const id = this.#subscription;
    if (id === null) return;
    const path = `/v1/subscriptions/${id}`;
    const [invoice] = this.#invoices(id);
    const ofInvoice = (verb: string): void => {
      if (invoice !== undefined) this.#call("POST", `/v1/invoices/${invoice.id}/${verb}`);
    };
    const ops: Partial<Record<Op, () => void>> = {
      renew: () => {
        this.stripe.advance((28 + Math.floor(dice * 4)) * DAY_MS);
        this.#try(() => this.stripe.act({ do: "renew", id }));
      },
      change_card: () => {
        const method = dice < 0.5 ? "pm_card_chargeDeclined" : "pm_card_visa";
        const customer = this.#customer ?? "";
        const card = this.#call("POST", `/v1/payment_methods/${method}/attach`, { customer });
        if (card !== null) this.#call("POST", path, { default_payment_method: card.id });
      },
      pay_invoice: () => ofInvoice("pay"),
      void_invoice: () => ofInvoice("void"),
      give_up_invoice: () => ofInvoice("mark_uncollectible"),
      end_dunning: () => {
        const outcome = dice < 0.5 ? "canceled" : "unpaid";
        this.#try(() => this.stripe.act({ do: "end_dunning", id, outcome }));
      },
      expire: () => this.#try(() => this.stripe.act({ do: "expire_incomplete", id })),
      pause: () => this.#call("POST", path, { pause_collection: { behavior: "void" } }),
      resume: () => this.#call("POST", path, { pause_collection: "" }),
      cancel_later: () => this.#call("POST", path, { cancel_at_period_end: dice < 0.7 }),
      cancel: () => this.#call("DELETE", path),
      describe_customer: () =>
        this.#call("POST", `/v1/customers/${this.#customer}`, { name: `Buyer ${dice}` }),
    };
    ops[op]?.();
  }

  #invoices(subscription: string): Row[] {
    const listed = this.#call("GET", "/v1/invoices", { subscription });
    return (listed?.data as Row[] | undefined) ?? [];
  }

  #pick<T>(from: readonly T[], dice: number): T {
    return from[Math.floor(dice * from.length)] as T;
  }

  #of(kind: "refunds" | "charges" | "disputes", intent: string): Row[] {
    return (this.stripe.objects(kind) as Row[]).filter((row) => row.payment_intent === intent);
  }

  /** Null when the API refuses: the step does not fit the moment, or the card was declined. */
  #call(method: "GET" | "POST" | "DELETE", path: string, params: object = {}): Row | null {
    return this.#try(() => this.stripe.call(method, path, params as never) as Row);
  }

  #try<T>(act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
  }
}

/** The emulator's own refusals, by HTTP status or by a sentence of its controls; anything else is a defect of it. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    "status" in error || /^(No such|.*(is not|has not|nothing|cannot|already))/i.test(error.message)
  );
}
