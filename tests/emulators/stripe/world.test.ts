import { expect, it } from "vitest";
import { seededIds } from "../../../emulators/recorder/time.js";
import { openStripeWorld } from "../../../emulators/stripe/index.js";
import { START_MS } from "./receiver.js";
import { newWorld } from "./world.js";

it("steps by hand, and forgets everything on reset", () => {
  const { world, pay } = newWorld();
  pay();
  pay();
  expect(new Set(world.events().map(({ created }) => created)).size).toBe(1);
  world.advance(1000);
  pay();
  expect(new Set(world.events().map(({ created }) => created)).size).toBe(2);
  expect(world.objects("charges")).toHaveLength(3);
  expect(world.deliveries()).toEqual([]);
  world.reset();
  expect([world.events(), world.objects("charges"), world.now()]).toEqual([[], [], START_MS]);
});

it("is the same history for the same steps, ids included", () => {
  const history = () => {
    const world = openStripeWorld({ startMs: START_MS, ids: seededIds(7) });
    const params = { amount: 100, currency: "thb", payment_method: "pm_card_visa", confirm: true };
    const { id } = world.call("POST", "/v1/payment_intents", params);
    world.call("POST", "/v1/refunds", { payment_intent: id, amount: 30 });
    return world.events().map((event) => world.payloadOf(event.id));
  };
  expect(history()).toEqual(history());
});

it("refuses what the API refuses, with the same words", () => {
  const { world, pay, get } = newWorld();
  expect(() => pay("pm_card_chargeDeclined")).toThrow("Your card was declined.");
  expect(world.objects("payment_intents")).toMatchObject([{ status: "requires_payment_method" }]);
  expect(() => get("/v1/charges/ch_none")).toThrow("No such charge: 'ch_none'");
  expect(() => get("/v1/unicorns")).toThrow(/Unrecognized request URL/);
});

it("tells nobody what was altered", () => {
  const { world, charge, news, get } = newWorld();
  const id = charge();
  news();
  world.alter(id, { amount: 1 });
  expect(get(`/v1/charges/${id}`).amount).toBe(1);
  expect(news()).toEqual([]);
});
