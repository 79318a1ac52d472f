// The platform's process: the embedded Postgres and the emulators of all that no variable names.
import { mkdirSync } from "node:fs";
import { startPagerDutyEmulator } from "../emulators/pagerduty/index.js";
import { startQstashEmulator } from "../emulators/qstash/index.js";
import { startResendEmulator } from "../emulators/resend/index.js";
import { startSlackEmulator } from "../emulators/slack/index.js";
import { startStatusPageEmulator } from "../emulators/status-page/index.js";
import { startStripeEmulator } from "../emulators/stripe/index.js";
import { startTwilioEmulator } from "../emulators/twilio/index.js";
import { startUpstashRedisEmulator } from "../emulators/upstash-redis/server.js";
import { LOOPBACK, type Ports, rememberedPorts } from "./addresses.js";
import { liveAsChild, report } from "./child.js";
import { type Home, openHome } from "./home.js";
import type { PlatformOrder } from "./messages.js";
import { applyMigrations, MIGRATIONS } from "./migrate.js";
import { isRunning } from "./postgres/processes.js";
import { type RunningPostgres, startPostgres } from "./postgres.js";
import type { Addresses, VendorId } from "./services.js";

const EMULATORS_DATABASE = "emulators";
const POSTGRES_LOOK_MS = 1_000;

interface Part {
  close(): Promise<void>;
}

interface Site {
  order: PlatformOrder;
  home: Home;
  ports: Ports;
  /** Postgres, or what stands for none; then what was started on it. */
  parts: Part[];
}

liveAsChild("platform", async ({ order }) => {
  const home = openHome(order.home);
  const site: Site = { order, home, ports: rememberedPorts(home), parts: [] };
  const stop = async (): Promise<void> => {
    const [postgres, ...emulators] = site.parts;
    await Promise.allSettled(emulators.map((part) => part.close()));
    await postgres?.close();
  };
  try {
    const postgres = await startDatabase(site);
    const queue = await placeQueue(site, postgres);
    const addresses = await startRest(site, postgres, queue);
    return { ready: { type: "ready", addresses }, stop, setQueue: queue.setOpen };
  } catch (error) {
    await stop();
    throw error;
  }
});

async function startRest(
  site: Site,
  postgres: RunningPostgres | undefined,
  queue: Queue,
): Promise<Addresses> {
  const { order } = site;
  const databaseUrl = order.databaseUrl ?? postgres?.url ?? "";
  const [migrations, kv, vendors] = await Promise.all([
    applyMigrations({ databaseUrl, dir: MIGRATIONS }),
    startKv(site),
    startVendors(site),
    order.holdQueue === true ? undefined : queue.setOpen(true),
  ]);
  if (migrations.applied.length > 0) {
    const count = migrations.applied.length;
    report({ type: "progress", line: `Applied ${count} migration${count === 1 ? "" : "s"}` });
  }
  return { databaseUrl, ...queue.address, ...kv, ...vendors };
}

/** The app's database, and one for the queue's emulator, so that neither sees the other's tables. */
async function startDatabase(site: Site): Promise<RunningPostgres | undefined> {
  const { emulated } = site.order;
  if (!emulated.includes("postgres") && !emulated.includes("qstash")) {
    site.parts.push({ close: () => Promise.resolve() });
    return undefined;
  }
  const postgres = await startPostgres({
    dataDir: site.home.path("postgres"),
    log: (line) => report({ type: "progress", line }),
  });
  const unwatch = watch(postgres);
  const close = (): Promise<void> => {
    unwatch();
    return postgres.stop();
  };
  site.parts.push({ close });
  return postgres;
}

/** Looked at, not listened to: one that was found running is no child of ours. */
function watch({ pid, logFile }: RunningPostgres): () => void {
  const look = setInterval(() => {
    if (isRunning(pid)) return;
    clearInterval(look);
    const message =
      `Postgres ended unexpectedly, see ${logFile}; nothing accepted is lost; ` +
      "run npm start again.";
    report({ type: "broken", message });
  }, POSTGRES_LOOK_MS);
  return () => clearInterval(look);
}

/** Remembered as one of the parts, so that it is closed with them even when another fails. */
const kept = async <T extends Part>(site: Site, starting: Promise<T>): Promise<T> => {
  const part = await starting;
  site.parts.push(part);
  return part;
};

interface Queue {
  address: { qstash?: string };
  setOpen(open: boolean): Promise<void>;
}

/** The queue's emulator has its address before it runs: the app, which comes first, must know it. */
async function placeQueue(site: Site, postgres: RunningPostgres | undefined): Promise<Queue> {
  const { order, ports } = site;
  if (postgres === undefined || !order.emulated.includes("qstash")) {
    return { address: {}, setOpen: () => Promise.resolve() };
  }
  const port = await ports.choose("qstash");
  const databaseUrl = await postgres.database(EMULATORS_DATABASE);
  let running: Part | undefined;
  const setOpen = async (open: boolean): Promise<void> => {
    if (!open) return running?.close();
    running = await startQstashEmulator({
      databaseUrl,
      port,
      token: order.secrets.QSTASH_TOKEN,
      currentSigningKey: order.secrets.QSTASH_CURRENT_SIGNING_KEY,
      nextSigningKey: order.secrets.QSTASH_NEXT_SIGNING_KEY,
    });
    site.parts.push(running);
  };
  return { address: { qstash: `http://${LOOPBACK}:${port}` }, setOpen };
}

async function startKv(site: Site): Promise<{ kv?: string }> {
  if (!site.order.emulated.includes("kv")) return {};
  const kv = await site.ports.listen("kv", (port) =>
    kept(
      site,
      startUpstashRedisEmulator({
        dataDir: site.home.path("kv"),
        token: site.order.secrets.KV_REST_API_TOKEN,
        port,
        log: (line) => console.error(line),
      }),
    ),
  );
  return { kv: kv.url };
}

async function startVendors(
  site: Site,
): Promise<Pick<Addresses, "vendors" | "slackWebhookUrl" | "statusPageUrls">> {
  const { order, home } = site;
  const { secrets } = order;
  const dataDir = home.path("emulators");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 }); // mails and payments
  const webhook = {
    url: `${order.appUrl}/api/webhooks/stripe`,
    secret: secrets.STRIPE_WEBHOOK_SECRET,
  };
  const account = { accountSid: secrets.TWILIO_ACCOUNT_SID, authToken: secrets.TWILIO_AUTH_TOKEN };
  const routingKeys = [secrets.PAGERDUTY_ROUTING_KEY];
  const starts: Record<VendorId, (port: number) => Promise<Part & { url: string; port: number }>> =
    {
      stripe: (port) =>
        startStripeEmulator({ apiKey: secrets.STRIPE_API_KEY, webhook, dataDir, port }),
      resend: (port) => startResendEmulator({ apiKey: secrets.RESEND_API_KEY, dataDir, port }),
      slack: (port) => startSlackEmulator({ dataDir, port }),
      pagerduty: (port) => startPagerDutyEmulator({ routingKeys, dataDir, port }),
      twilio: (port) => startTwilioEmulator({ ...account, dataDir, port }),
      "status-page": (port) =>
        startStatusPageEmulator({ token: secrets.STATUS_PAGE_TOKEN, dataDir, port }),
    };
  const wanted = (Object.keys(starts) as VendorId[]).filter((id) => order.emulated.includes(id));
  const started = await Promise.all(
    wanted.map(async (id) => {
      const vendor = await site.ports.listen(id, (port) => kept(site, starts[id](port)));
      return [id, vendor] as const;
    }),
  );
  const vendors = Object.fromEntries(started.map(([id, vendor]) => [id, vendor.url]));
  const vendorOf = (id: VendorId): unknown => started.find(([known]) => known === id)?.[1];
  const slack = vendorOf("slack") as { webhookUrl?: string } | undefined;
  const page = vendorOf("status-page") as
    | { pageUrls?: Required<Addresses>["statusPageUrls"] }
    | undefined;
  return {
    vendors,
    ...(slack?.webhookUrl === undefined ? {} : { slackWebhookUrl: slack.webhookUrl }),
    ...(page?.pageUrls === undefined ? {} : { statusPageUrls: page.pageUrls }),
  };
}
