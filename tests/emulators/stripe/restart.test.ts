import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startStripeEmulator } from "../../../emulators/stripe/index.js";
import { API_KEY, clientOf, startReceiver } from "./receiver.js";

const CHILD = "tests/emulators/stripe/restart-child.ts";

/** The emulator in a process of its own, so that it can be killed. */
async function startChild(
  dataDir: string,
  webhookUrl: string,
): Promise<{ child: ChildProcess; port: number }> {
  const options = { dataDir, apiKey: API_KEY, webhook: { url: webhookUrl, secret: "whsec_1" } };
  const program = ["scripts/typescript.mjs", CHILD, JSON.stringify(options)];
  const child = spawn(process.execPath, program, {
    cwd: join(import.meta.dirname, "../../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}

it("everything that was answered is there after SIGKILL, and what was not delivered is delivered", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "stripe-"));
  const receiver = await startReceiver();
  receiver.status = 500;
  const { child, port } = await startChild(dataDir, receiver.url);
  const stripe = clientOf({ port });
  const made = await stripe.paymentIntents.create(
    { amount: 100, currency: "usd", payment_method: "pm_card_visa", confirm: true },
    { idempotencyKey: "order_1" },
  );
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;

  receiver.status = 200;
  const moved = await startReceiver();
  const emulator = await startStripeEmulator({
    dataDir,
    apiKey: API_KEY,
    webhook: { url: moved.url, secret: "whsec_1" },
  });
  emulator.advance(60_000);
  await emulator.idle();
  const again = clientOf(emulator);
  expect(await again.paymentIntents.retrieve(made.id)).toMatchObject({ status: "succeeded" });
  const replayed = await again.paymentIntents.create(
    { amount: 100, currency: "usd", payment_method: "pm_card_visa", confirm: true },
    { idempotencyKey: "order_1" },
  );
  expect(replayed.id).toBe(made.id);
  const types = moved.received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  expect(types.sort()).toEqual([
    "charge.succeeded",
    "payment_intent.created",
    "payment_intent.succeeded",
  ]);
  await emulator.close();
  await Promise.all([receiver.close(), moved.close()]);
});

it("forgets everything on reset, and keeps its endpoint", async () => {
  const receiver = await startReceiver();
  const emulator = await startStripeEmulator({
    apiKey: API_KEY,
    webhook: { url: receiver.url, secret: "whsec_1" },
  });
  const stripe = clientOf(emulator);
  await stripe.customers.create({});
  await emulator.idle();
  await fetch(`${emulator.url}/_emulator/reset`, { method: "POST" });
  expect((await stripe.customers.list()).data).toEqual([]);
  await stripe.customers.create({});
  await emulator.idle();
  expect(receiver.received).toHaveLength(2);
  await emulator.close();
  await receiver.close();
});
