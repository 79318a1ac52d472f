/** A shop and its customers, who pay over the API as they would in a browser. */
export interface Shop {
  /** Pays; or begins to, when there is no way to pay. @returns the payment's id */
  pay(sale: Sale): Promise<string>;
  statusOf(payment: string): Promise<string>;
  /** All of them, newest first. */
  refunds(): Promise<{ id: string; payment: string; amountMinor: number; status: string }[]>;
}

export interface Sale {
  amountMinor: number;
  currency: string;
  email: string;
  description: string;
  metadata: Readonly<Record<string, string>>;
  method: "card" | null;
}

const CARD = "pm_card_visa";
const TIMEOUT_MS = 20_000;

/** @throws Error with the API's answer when it refuses */
export function openShop({ url, apiKey }: { url: string; apiKey: string }): Shop {
  const ask = async <T>(path: string, params?: Record<string, string>): Promise<T> => {
    const answer = await fetch(`${url}/v1/${path}`, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(params === undefined ? {} : { method: "POST", body: new URLSearchParams(params) }),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    async pay({ amountMinor, currency, email, description, metadata, method }) {
      const named = Object.entries(metadata).map(([name, value]) => [`metadata[${name}]`, value]);
      const { id } = await ask<{ id: string }>("payment_intents", {
        amount: String(amountMinor),
        currency,
        receipt_email: email,
        description,
        ...Object.fromEntries(named),
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        ...(method === null ? {} : { payment_method: CARD, confirm: "true" }),
      });
      return id;
    },
    async statusOf(payment) {
      return (await ask<{ status: string }>(`payment_intents/${payment}`)).status;
    },
    async refunds() {
      const { data } = await ask<{
        data: { id: string; payment_intent: string; amount: number; status: string }[];
      }>("refunds?limit=100");
      return data.map(({ id, payment_intent: payment, amount: amountMinor, status }) => ({
        id,
        payment,
        amountMinor,
        status,
      }));
    },
  };
}
