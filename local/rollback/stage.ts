import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openShop } from "../../emulators/stripe/shop.js";
import { LOOPBACK, rememberedPorts } from "../addresses.js";
import { type App, type Platform, startApp, startPlatform } from "../children.js";
import { queueIsAtRest } from "../demo/records.js";
import { openHome } from "../home.js";
import type { Environment } from "../services.js";

const BIN = fileURLToPath(new URL("../../cli/signalbox.mjs", import.meta.url));
const CALL_TIMEOUT_MS = 20_000;
/** A slow machine gets its time; what has not happened by then does not happen. */
const UNTIL_MS = 90_000;
const LOOK_MS = 300;

export type Row = Record<string, unknown>;

/** How a command ended. */
export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

/** A customer who pays by the shop's checkout. */
export interface Order {
  user: string;
  name: string;
  order: string;
  locale: "th" | "en";
  /** Without a card the payment waits to be paid. */
  method: "card" | null;
}

export type Stage = Awaited<ReturnType<typeof openStage>>;

export interface StageOptions {
  home: string;
  env: Environment;
  log(line: string): void;
  signal: AbortSignal;
}

/**
 * A platform with one app on it, of which a release can take the place of another: the same database, queue and
 * emulators, another environment.
 */
export async function openStage(options: StageOptions) {
  const home = openHome(options.home);
  const port = await rememberedPorts(home).choose("app");
  const url = `http://${LOOPBACK}:${port}`;
  const child = { home: home.dir, log: options.log, signal: options.signal };
  const platform: Platform = await startPlatform({
    ...child,
    env: options.env,
    appUrl: url,
    holdQueue: true,
  });
  const { env, addresses } = platform;
  const shop = openShop({
    url: addresses.vendors.stripe ?? "",
    apiKey: env.STRIPE_API_KEY ?? "",
  });
  const queue = { qstashUrl: env.QSTASH_URL ?? "", qstashToken: env.QSTASH_TOKEN ?? "" };
  let app: App | undefined;
  const admin = async (path: string, body?: object): Promise<Row[] & Row> => {
    const headers = {
      authorization: `Bearer ${env.ADMIN_TOKEN}`,
      "content-type": "application/json",
    };
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return dataOf(await fetch(`${url}/api/admin/${path}`, { headers, ...sent, ...inTime() }));
  };
  const rows = (list: string): Promise<Row[]> => admin(`${list}?limit=500`);
  return {
    url,
    /** Deploys a release, in place of the one before. */
    async deploy(settings: Record<string, string>): Promise<void> {
      const isFirst = app === undefined;
      await app?.stop();
      app = await startApp({ ...child, env: { ...env, ...settings }, port });
      if (isFirst) await platform.setQueue(true);
    },
    rows,
    admin,
    mails: async (): Promise<Row[]> =>
      dataOf(await fetch(`${addresses.vendors.resend}/mailbox.json`, inTime())),
    shop,
    /** The command line, as the person with this key. */
    signalbox: (args: readonly string[], key: string | null): Promise<Ran> =>
      ranOf(args, {
        PATH: process.env.PATH ?? "",
        HOME: process.env.HOME ?? "",
        TZ: "Asia/Bangkok",
        NO_COLOR: "1",
        SIGNALBOX_URL: url,
        ...(key === null ? { ADMIN_TOKEN: env.ADMIN_TOKEN ?? "" } : { SIGNALBOX_KEY: key }),
      }),
    /** Waits until nothing is on its way: no event, no notice, no message. */
    async rest(): Promise<void> {
      await until("everything to be done", async () => {
        const isQueueStill = await queueIsAtRest(queue, LOOK_MS);
        const [events, notices] = await Promise.all([rows("events"), rows("notifications")]);
        const inHand = [...events, ...notices].filter(({ status }) =>
          ["received", "pending", "sending"].includes(String(status)),
        );
        return isQueueStill && inHand.length === 0;
      });
    },
    async close(): Promise<void> {
      if (app !== undefined) await platform.setQueue(false);
      await app?.stop();
      await platform.stop();
    },
    logFile: join(home.dir, "app.log"),
  };
}

const inTime = () => ({ signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });

async function dataOf(answer: Response): Promise<Row[] & Row> {
  if (!answer.ok)
    throw new Error(`${answer.url} answered ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { data: Row[] & Row }).data;
}

/** @throws Error that says what did not happen. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + UNTIL_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function ranOf(args: readonly string[], env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ran = { code: null as number | null, out: "", err: "" };
    child.stdout.on("data", (chunk) => {
      ran.out += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      ran.err += String(chunk);
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ ...ran, code }));
  });
}
