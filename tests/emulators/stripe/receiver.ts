import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import {
  type StripeEmulator,
  type StripeOptions,
  startStripeEmulator,
} from "../../../emulators/stripe/index.js";

export const API_KEY = "sk_test_signalbox";
export const SECRET = "whsec_test_secret";
/** 2026-11-21T00:00:00Z */
export const START_MS = 1_795_219_200_000;

export interface Received {
  body: string;
  signature: string;
}

/** An endpoint that keeps what it got and answers with `status`. */
export async function startReceiver() {
  const received: Received[] = [];
  const answer = { status: 200 };
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ body, signature: String(request.headers["stripe-signature"]) });
      response.writeHead(answer.status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(answer, {
    received,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

export const clientOf = (emulator: { port: number }, apiKey = API_KEY): Stripe =>
  new Stripe(apiKey, {
    host: "127.0.0.1",
    port: emulator.port,
    protocol: "http",
    maxNetworkRetries: 0,
    timeout: 5_000,
  });

export interface Bench {
  emulator: StripeEmulator;
  stripe: Stripe;
  receiver: Awaited<ReturnType<typeof startReceiver>>;
  /** Types of the events received so far, after everything due has been delivered. */
  delivered(): Promise<string[]>;
  close(): Promise<void>;
}

/** An emulator with a still clock, an endpoint, and stripe-node pointed at it. */
export async function bench(options: Partial<StripeOptions> = {}): Promise<Bench> {
  const receiver = await startReceiver();
  const emulator = await startStripeEmulator({
    apiKey: API_KEY,
    clock: { now: () => START_MS },
    webhook: { url: receiver.url, secret: SECRET },
    ...options,
  });
  return {
    emulator,
    stripe: clientOf(emulator),
    receiver,
    delivered: async () => {
      await emulator.idle();
      return receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
    },
    close: async () => {
      await emulator.close();
      await receiver.close();
    },
  };
}

/** What a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Stripe.errors.StripeError))
    throw new Error(`not refused: ${String(error)}`);
  return error;
}
