import type { Hono } from "hono";
import { describeError } from "../domain/describe-error.js";
import type { Post, WaitUntil } from "../domain/ports.js";
import { problem } from "../domain/problem.js";
import { createDoor } from "../ingest/door.js";
import { webhookRoutes } from "../ingest/routes.js";
import { createPublisher } from "../queues/publish.js";
import { webhookSourceById } from "../sources/registry.js";
import { systemClock } from "./clock.js";
import { parseDoorConfig } from "./config.js";
import { createConsoleLog } from "./console-log.js";
import { fetchPost } from "./fetch-post.js";
import { createIds } from "./ids.js";
import { createKv } from "./kv.js";

/** Vercel's own hook for work after the answer; absent elsewhere, where the instance simply lives on. */
const REQUEST_CONTEXT = Symbol.for("@vercel/request-context");
interface RequestContext {
  get?(): { waitUntil?: WaitUntil } | undefined;
}

const waitUntil: WaitUntil = (work) => {
  const context = (globalThis as Record<symbol, unknown>)[REQUEST_CONTEXT] as
    | RequestContext
    | undefined;
  context?.get?.()?.waitUntil?.(work);
};

/** The door as the edge runs it, built once from the environment. @throws ConfigError */
export function buildEdge(
  env: Readonly<Record<string, string | undefined>>,
  post: Post = fetchPost,
): Hono {
  const config = parseDoorConfig(env);
  const clock = systemClock;
  const ids = createIds(clock);
  const log = createConsoleLog(clock, config.logLevel, config.deploymentId);
  const door = createDoor({
    sourceById: webhookSourceById,
    secretsOf: (source) => config.sourceSecrets.get(source) ?? [],
    publisher: createPublisher(config.queue, post),
    queueToken: config.queue.token,
    queueBodyBytesMax: config.queueBodyBytesMax,
    kv: createKv(config.kv),
    clock,
    ids,
    log,
    waitUntil,
  });
  const app = webhookRoutes(door);
  app.onError((error) => {
    const requestId = ids.next("request");
    log.error("request.failed", { requestId, error: describeError(error) });
    return problem("internal", "The request could not be answered.", requestId);
  });
  return app;
}
