import type { OwnSignal } from "../../domain/own-signal.js";
import type { Kv, Log, Post } from "../../domain/ports.js";
import type { Secret } from "../../domain/secret.js";
import type { Clock } from "../../domain/time.js";
import type { Policy } from "../../policy/schema.js";
import type { WebhookSource } from "../../sources/source.js";
import type { Database } from "../../store/database.js";
import type { RaiseOwnDeps } from "../raise-own.js";

/** What the watch of this deployment works with. */
export interface WatchDeps extends RaiseOwnDeps {
  database: Database;
  kv: Kv;
  clock: Clock;
  log: Log;
  post: Post;
  policy: Policy;
  /** Where this deployment's own signals come from: `production`; null: nobody said. */
  environment: string | null;
  /** The payments that count; null: all. */
  livemode: boolean | null;
  /** Which parts answer. */
  health(): Promise<{
    services: Readonly<Record<string, "connected" | "disconnected">>;
  }>;
  /** Of this very process; null where that cannot be told. */
  memoryPercent(): number | null;
  publicBaseUrl: string;
  /** Those that post to the door. */
  sources: readonly WebhookSource[];
  /** The live secrets of a source, the newest first. */
  secretsOf(source: string): readonly Secret[];
}

/** What the watch tells of; the rest every own signal has. */
export type Trouble = Omit<OwnSignal, "kind" | "environment" | "url">;
