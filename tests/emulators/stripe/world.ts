import { openStripeWorld, type StripeWorld } from "../../../emulators/stripe/index.js";
import { START_MS } from "./receiver.js";

type Params = Parameters<StripeWorld["call"]>[2];

/** A world without HTTP, and what its tests do most. */
export function newWorld() {
  const world = openStripeWorld({ startMs: START_MS });
  const post = (path: string, params: Params = {}) => world.call("POST", path, params);
  const get = (path: string, params: Params = {}) => world.call("GET", path, params);
  const pay = (method = "pm_card_visa", params: Params = {}) =>
    post("/v1/payment_intents", {
      amount: 2000,
      currency: "thb",
      payment_method: method,
      confirm: true,
      ...params,
    });
  /** The charge of a new payment. */
  const charge = (method?: string) => String(pay(method).latest_charge);
  let seen = 0;
  /** Types of the events since this was last asked. */
  const news = () => {
    const types = world.events().map(({ type }) => type);
    const fresh = types.slice(seen);
    seen = types.length;
    return fresh;
  };
  return { world, post, get, pay, charge, news };
}
