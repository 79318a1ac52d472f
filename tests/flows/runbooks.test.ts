import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signedRequest } from "../../cli/sign.js";
import { ADMIN_TOKEN, type House, openHouse, SECRETS } from "../support/house.js";

const ROOT = resolve(import.meta.dirname, "../..");
const RUNBOOKS = join(ROOT, "docs/runbooks");
const run = promisify(execFile);

/** The commands of a runbook: the lines of its `sh` blocks. */
function commandsOf(file: string): string[] {
  const text = readFileSync(join(RUNBOOKS, file), "utf8");
  const blocks = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map((match) => match[1] ?? "");
  return blocks.flatMap((block) => block.split("\n").map((line) => line.trim())).filter(Boolean);
}

let h: House;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  h = await openHouse({ UNSUBSCRIBE_SECRET: "house-unsubscribe-secret-0001" });
  for (const text of ["{one", "{two"]) {
    const body = new TextEncoder().encode(text); // signed and unreadable: it dies
    const secret = SECRETS.STRIPE_WEBHOOK_SECRET;
    const { headers } = signedRequest("stripe", body, { secret, now: Date.now() });
    await fetch(`${h.url}/api/webhooks/stripe`, { method: "POST", headers, body });
  }
  await h.rest();
  const [dead, other] = await h.list("dead-letters");
  // Older than what is reconciled by range, so that only who asks for it finds it.
  const tenDaysAgo = Math.floor(Date.now() / 1_000) - 864_000;
  const settled = { failedShare: 0, refundedShare: 0, disputedShare: 0 };
  h.stripe.seed({ payments: 1, from: tenDaysAgo, to: tenDaysAgo + 60, ...settled });
  env = {
    ...process.env,
    ...SECRETS,
    SIGNALBOX_URL: h.url,
    ADMIN_TOKEN,
    NO_COLOR: "1",
    DEAD_LETTER: String(dead?.id),
    OTHER_DEAD_LETTER: String(other?.id),
    EVENT: String(dead?.eventId),
    PAYMENT: String(h.stripe.objects("payment_intents")[0]?.id),
  };
});
afterAll(async () => {
  if (env.ARCHIVE !== undefined) rmSync(env.ARCHIVE, { recursive: true });
  await h.close();
});

/** The oldest event that is held by a step of the runbook. */
async function heldEvent(): Promise<string> {
  const held = (await h.list("events")).filter(({ status }) => status === "held");
  return String(held.at(-1)?.id);
}

const keyOf = async (name: string, role: string): Promise<string> => {
  const body = JSON.stringify({ name, role });
  return (await h.admin<{ data: { key: string } }>("keys", { method: "POST", body })).data.key;
};

/** An order that is paid twice and one that is not paid yet, and two people with keys. */
async function wrongPayments(): Promise<void> {
  env.FROM = new Date(Date.now() - 1_000).toISOString();
  const secret = SECRETS.STRIPE_WEBHOOK_SECRET;
  h.stripe.setWebhook({ url: `${h.url}/api/webhooks/stripe`, secret });
  const order = {
    amount: 49_900,
    currency: "thb",
    receipt_email: "nok@example.com",
    metadata: { userId: "nok", orderId: "order_nok", locale: "th" },
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
  };
  const paid = { ...order, payment_method: "pm_card_visa", confirm: true };
  for (const params of [paid, paid, order]) {
    const { id } = h.stripe.call("POST", "/v1/payment_intents", params);
    env.OPEN_PAYMENT = String(id);
  }
  await expect
    .poll(
      async () =>
        (await h.list("payments"))
          .filter(({ userRef }) => userRef === "nok")
          .map((p) => p.state)
          .sort(),
      { timeout: 20_000 },
    )
    .toEqual(["pending", "succeeded", "succeeded"]);
  await h.rest();
  env.TO = new Date(Date.now() + 1_000).toISOString();
  env.ANNA_KEY = await keyOf("anna-of-the-rollback", "operator");
  env.BEN_KEY = await keyOf("ben-of-the-rollback", "approver");
}
/** One to be appointed at noon of tomorrow, one to be canceled, and two that have begun. */
async function maintenances(): Promise<void> {
  env.STARTS = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T12:00:00Z`;
  const made = async (title: string, ...acts: string[]): Promise<string> => {
    const asked = { title, startsAt: env.STARTS, durationMinutes: 30, noticeHours: null };
    const init = (body: object) => ({ method: "POST", body: JSON.stringify(body) });
    const { data } = await h.admin<{ data: { id: string } }>("maintenance", init(asked));
    for (const act of acts) await h.admin(`maintenance/${data.id}/${act}`, init({}));
    return data.id;
  };
  env.COMPLETED_MAINTENANCE = await made("completed", "begin");
  env.FAILED_MAINTENANCE = await made("failed", "begin");
  env.CANCELED_MAINTENANCE = await made("canceled");
}

async function appointedMaintenance(): Promise<string> {
  const { data } = await h.admin<{ data: Record<string, unknown>[] }>("maintenance");
  return String(data.find(({ title }) => title === "A larger database")?.id);
}

/** The platform has reported too many errors for so long that the policy calls it trouble. */
async function crossedThreshold(): Promise<void> {
  const minute = (back: number) => new Date(Date.now() - back * 60_000).toISOString();
  const observations = [1, 2, 3, 4].map((back) => ({
    ...{ metric: "error_rate_percent", label: "web", value: 12, samples: 200 },
    minute: minute(back),
  }));
  await h.admin("metrics", { method: "POST", body: JSON.stringify({ observations }) });
  await h.cron("watch");
  await h.rest();
  // An incident of its own, or a part of one that another page has opened of the same service.
  const [open] = (await h.list("incidents")).filter(
    ({ service, status }) => service === "web" && status !== "resolved",
  );
  if (open === undefined) throw new Error("the threshold has not fired");
  env.INCIDENT = String(open.id);
}

/** A monitor cannot reach a service, and somebody is paged for it. */
async function outage(): Promise<void> {
  const set = { "data.attributes.name": "on-call" };
  await h.post("better-stack", "incident-started", { uniqueId: "on-call", set });
  await h.rest();
  const incident = (await h.list("incidents")).find(({ service }) => service === "on-call");
  env.INCIDENT = String(incident?.id);
}

/** A trail that was sealed, a folder for a copy of it, and the last seal as somebody may have noted it. */
async function sealedTrail(): Promise<void> {
  await h.cron("sweep");
  env.ARCHIVE = mkdtempSync(join(tmpdir(), "signalbox-archive-"));
  const { data } = await h.admin<{ data: { number: number; hash: string }[] }>("audit-seals");
  env.SEAL = `${data[0]?.number}:${data[0]?.hash}`;
}

const PREPARED: Readonly<Record<string, () => Promise<void>>> = {
  "audit-trail.md": sealedTrail,
  "on-call.md": outage,
  "threshold-fired.md": crossedThreshold,
  "maintenance.md": maintenances,
  "payment-rollback.md": wrongPayments,
};

async function waitingCorrection(kind: string): Promise<string> {
  const rows = await h.list("corrections");
  return String(rows.find((row) => row.kind === kind)?.id);
}

describe("the runbooks", () => {
  // The one that compares with Stripe goes first: others trigger samples, of which its emulator knows nothing.
  // Then the one of thresholds, which are looked at once a minute: others have the watch run.
  const FIRST = ["reconcile.md", "threshold-fired.md"];
  const rank = (file: string): number =>
    FIRST.includes(file) ? FIRST.indexOf(file) : FIRST.length;
  const files = readdirSync(RUNBOOKS).sort((a, b) => rank(a) - rank(b));

  it.each(files)(
    "%s holds commands that work as they stand",
    async (file) => {
      const commands = commandsOf(file);
      expect(commands.length).toBeGreaterThan(0);
      await PREPARED[file]?.();
      delete env.HELD_EVENT;
      for (const [n, command] of commands.entries()) {
        expect(command).toMatch(/^npx --no signalbox /);
        if (command.includes("$HELD_EVENT")) env.HELD_EVENT ??= await heldEvent();
        if (command.includes("$MAINTENANCE")) env.MAINTENANCE ??= await appointedMaintenance();
        if (command.includes("$DEPLOYMENT")) {
          env.DEPLOYMENT ??= String((await h.list("deployments"))[0]?.id);
        }
        if (command.includes("$REFUND")) env.REFUND ??= await waitingCorrection("refund");
        if (command.includes("$CORRECTION")) env.CORRECTION ??= await waitingCorrection("cancel");
        // A failing command rejects with its output, which is then the test's message.
        // The first of each page goes through npx; for the others its half second is saved.
        const typed =
          n === 0 ? command : command.replace(/^npx --no signalbox /, "cli/signalbox.mjs ");
        const { stdout } = await run("sh", ["-c", typed], { cwd: ROOT, env, timeout: 30_000 });
        expect(stdout.trim(), command).not.toBe("");
        await h.rest();
      }
    },
    300_000,
  );
});
