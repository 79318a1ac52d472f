import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSample, requestOf } from "../../cli/samples/index.js";
import { signDelivery } from "../../emulators/qstash/signature.js";
import { startUpstashRedisEmulator } from "../../emulators/upstash-redis/server.js";
import { applyMigrations } from "../../local/migrate.js";
import { startPostgres } from "../../local/postgres.js";
import { build, copyRepository, installCli } from "./build.js";
import { doorEnvironment, PUBLIC_BASE_URL, secretOf } from "./door-environment.js";
import { bundleEdge, startEdge } from "./edge-function.js";
import { type BuiltFunction, builtFunctions, type Call, callNode } from "./functions.js";
import { type Published, type PublishSink, startPublishSink } from "./publish-sink.js";

const SIGNING_KEY = "sig_current-for-this-run";
const ADMIN_TOKEN = "admin-token-for-this-run";
const CRON_SECRET = "cron-secret-for-this-run";
/** Each address that must be there, and on which runtime. */
const FUNCTIONS: Record<string, RegExp> = {
  "api/acknowledge": /^nodejs/,
  "api/admin": /^nodejs/,
  "api/cron/[job]": /^nodejs/,
  "api/entitlements/[userId]": /^nodejs/,
  "api/health/db": /^nodejs/,
  "api/health/index": /^nodejs/,
  "api/queues/[queue]": /^nodejs/,
  "api/unsubscribe": /^nodejs/,
  "api/webhooks/[source]": /^edge$/,
  "api/webhooks/[source]/[token]": /^edge$/,
};

const work = mkdtempSync(join(tmpdir(), "signalbox-vercel-"));
chmodSync(work, 0o711); // as root, Postgres runs as another user
const closers: (() => Promise<void>)[] = [];

async function step<T>(title: string, run: () => Promise<T> | T): Promise<T> {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  try {
    const result = await run();
    process.stdout.write(`ok    ${title} (${seconds()} s)\n`);
    return result;
  } catch (error) {
    process.stdout.write(`FAIL  ${title} (${seconds()} s)\n`);
    throw error;
  }
}

async function checkAll(): Promise<void> {
  const cli = await step("Vercel's command line is installed", installCli);
  const repository = join(work, "repository");
  await step("a clean copy of the repository", () => copyRepository(repository));
  const built = await step("vercel build", () => build(cli, repository, join(work, "config")));
  const output = join(work, "output"); // away from the copy's packages: a function has its own, or none
  renameSync(built, output);
  const functions = builtFunctions(output);
  const named = (name: string): BuiltFunction => {
    const found = functions.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no function ${name}`);
    return found;
  };
  await step("functions, crons and static files are those that we mean", () => {
    deepEqual(
      functions.map(({ name }) => name),
      Object.keys(FUNCTIONS),
    );
    for (const { name, runtime } of functions) match(runtime, FUNCTIONS[name] ?? /^$/, name);
    const files = readdirSync(join(output, "static"), { recursive: true, encoding: "utf8" });
    deepEqual(files, ["robots.txt"], "nothing of the source may be served");
    const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8")) as Config;
    deepEqual(
      config.crons.map(({ path }) => path),
      ["/api/cron/relay", "/api/cron/sweep", "/api/cron/reconcile", "/api/cron/watch"],
    );
    const routes = JSON.stringify(config.routes);
    ok(routes.includes("X-Content-Type-Options"), "security headers");
    ok(
      routes.includes('"dest":"/api/admin"'),
      "the admin API's paths go to its function, as they are",
    );
  });
  const sink = await startPublishSink();
  closers.push(sink.close);
  const message = await step("the edge function takes a signed request in an edge VM", () =>
    checkDoor(named, sink),
  );
  const env = await step("Postgres and KV for the Node functions", () => startPlatform(sink));
  await step("the Node function processes what QStash signed, once", () =>
    checkWorker(named("api/queues/[queue]"), env, message),
  );
  await step("the other Node functions answer", () => checkOthers(named, env));
}

interface Config {
  routes: unknown[];
  crons: { path: string; schedule: string }[];
}

async function checkDoor(
  named: (name: string) => BuiltFunction,
  sink: PublishSink,
): Promise<Published> {
  const env = doorEnvironment(sink.url);
  const now = performance.timeOrigin + performance.now();
  const ask = async (name: string, source: string, sample: string, path: string) => {
    const edge = startEdge(await bundleEdge(named(name).file), env);
    const request = requestOf(loadSample(source, sample), { secret: secretOf(source), now });
    if (path.includes(secretOf(source))) delete request.headers.Authorization;
    const url = `${PUBLIC_BASE_URL}/api/webhooks/${path}`;
    const response = await edge.fetch(url, { method: "POST", ...request });
    equal(response.status, 202, await response.text());
  };
  await ask("api/webhooks/[source]", "stripe", "payment-succeeded", "stripe?source=stripe");
  const token = secretOf("better-stack");
  const path = `better-stack/${token}?source=better-stack&token=${token}`;
  await ask("api/webhooks/[source]/[token]", "better-stack", "incident-started", path);
  equal(sink.published.length, 2);
  const [message] = sink.published;
  if (message === undefined) throw new Error("nothing was published");
  return message;
}

async function startPlatform(sink: PublishSink): Promise<Record<string, string>> {
  const postgres = await startPostgres({ dataDir: join(work, "pgdata"), durability: "fast" });
  closers.push(() => postgres.destroy());
  const databaseUrl = await postgres.database("signalbox");
  await applyMigrations({ databaseUrl, dir: join(import.meta.dirname, "../../prisma/migrations") });
  const token = "kv-token-for-this-run";
  const kv = await startUpstashRedisEmulator({ dataDir: join(work, "kv"), token });
  closers.push(() => kv.close());
  return {
    ...doorEnvironment(sink.url),
    KV_REST_API_URL: kv.url,
    KV_REST_API_TOKEN: token,
    DATABASE_URL: databaseUrl,
    QSTASH_CURRENT_SIGNING_KEY: SIGNING_KEY,
    QSTASH_NEXT_SIGNING_KEY: "sig_next-for-this-run",
    ADMIN_TOKEN,
    CRON_SECRET,
  };
}

async function checkWorker(
  worker: BuiltFunction,
  env: Record<string, string>,
  message: Published,
): Promise<void> {
  const url = message.destination;
  const nowMs = performance.timeOrigin + performance.now();
  const forwarded: Record<string, string> = { "upstash-message-id": "msg_1" };
  for (const [name, value] of message.headers) {
    if (name.startsWith("upstash-forward-"))
      forwarded[name.slice("upstash-forward-".length)] = value;
  }
  const deliver = async (key: string): Promise<Call> => ({
    url: `${url}?queue=events`, // as Vercel hands it on
    method: "POST",
    headers: {
      ...forwarded,
      "upstash-signature": await signDelivery(key, { url, body: message.body, nowMs }),
    },
    body: message.body,
  });
  const calls = [await deliver("sig_of-somebody-else"), await deliver(SIGNING_KEY)];
  const { answers, importMs } = await callNode(worker, env, [...calls, await deliver(SIGNING_KEY)]);
  const said = answers.map(({ status, body }) => [status, (JSON.parse(body) as Said).status]);
  deepEqual(said, [
    [401, 401], // a problem says its status in the body too
    [200, "processed"],
    [200, "duplicate"],
  ]);
  process.stdout.write(`      (imported in ${importMs.toFixed(0)} ms)\n`);
}

interface Said {
  status?: string | number;
}

async function checkOthers(
  named: (name: string) => BuiltFunction,
  env: Record<string, string>,
): Promise<void> {
  const get = (path: string, token?: string): Call => ({
    url: `${PUBLIC_BASE_URL}${path}`,
    method: "GET",
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
  });
  const statuses = async (name: string, calls: Call[]) => {
    const { answers } = await callNode(named(name), env, calls);
    return answers.map(({ status }) => status);
  };
  const payments = await callNode(named("api/admin"), env, [
    get("/api/admin/payments?limit=10", ADMIN_TOKEN),
    get("/api/admin/payments"),
  ]);
  equal(payments.answers[1]?.status, 401);
  const { data } = JSON.parse(payments.answers[0]?.body ?? "{}") as { data?: { state: string }[] };
  deepEqual(
    data?.map(({ state }) => state),
    ["succeeded"],
  );
  deepEqual(await statuses("api/health/index", [get("/api/health")]), [200]);
  deepEqual(await statuses("api/health/db", [get("/api/health/db")]), [200]);
  const relay = [get("/api/cron/relay?job=relay", CRON_SECRET), get("/api/cron/relay?job=relay")];
  deepEqual(await statuses("api/cron/[job]", relay), [200, 401]);
}

mkdirSync(join(work, "config"));
try {
  await checkAll();
  process.stdout.write("Vercel would build this, and what it builds answers.\n");
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const close of closers.reverse()) await close();
  rmSync(work, { recursive: true, force: true });
}
