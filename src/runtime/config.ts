import type { Secret } from "../domain/secret.js";
import type { QueueConfig } from "../queues/publish.js";
import { sources } from "../sources/registry.js";
import { type Reader, readEnvironment } from "./environment.js";

type Env = Readonly<Record<string, string | undefined>>;

export interface KvConfig {
  url: string;
  token: Secret;
  timeoutMs: number;
}

/** What the door needs, on whichever runtime. */
export interface DoorConfig {
  queue: QueueConfig;
  queueBodyBytesMax: number;
  kv: KvConfig;
  sourceSecrets: ReadonlyMap<string, readonly Secret[]>;
  logLevel: string;
  deploymentId: string | undefined;
}

/** Of one call. The door holds all of a delivery's calls together to less than the second that Sentry gives. */
const DOOR_PUBLISH_TIMEOUT_MS = 500;
const DOOR_KV_TIMEOUT_MS = 300;

export function readDoorConfig(read: Reader): DoorConfig {
  return {
    queue: {
      url: read.text("QSTASH_URL"),
      token: read.secret("QSTASH_TOKEN"),
      publicBaseUrl: read.text("PUBLIC_BASE_URL"),
      label: read.text("QSTASH_LABEL"),
      eventParallelism: read.integer("EVENT_PARALLELISM"),
      emailPerSecond: read.integer("EMAIL_PER_SECOND"),
      publishTimeoutMs: DOOR_PUBLISH_TIMEOUT_MS,
    },
    queueBodyBytesMax: read.integer("QSTASH_BODY_BYTES_MAX"),
    kv: {
      url: read.text("KV_REST_API_URL"),
      token: read.secret("KV_REST_API_TOKEN"),
      timeoutMs: DOOR_KV_TIMEOUT_MS,
    },
    // Typed: a source whose secret is not in the table of variables does not compile.
    sourceSecrets: new Map<string, readonly Secret[]>(
      sources.map(({ id, secret }) => [id, read.secrets(secret)]),
    ),
    logLevel: read.text("LOG_LEVEL"),
    deploymentId: read.optionalText("VERCEL_DEPLOYMENT_ID"),
  };
}

/** @throws ConfigError with every problem at once. */
export function parseDoorConfig(env: Env): DoorConfig {
  const read = readEnvironment(env);
  const config = readDoorConfig(read);
  read.finish();
  return Object.freeze(config);
}
