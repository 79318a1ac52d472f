import type { Canary, CanaryRequest } from "../domain/canary.js";
import type { Fact, ObjectSaid } from "../domain/facts.js";
import type { LedgerKey, LedgerKind } from "../domain/ledger.js";
import type { HmacCheck } from "../domain/ports.js";
import type { Secret } from "../domain/secret.js";
import type { Instant } from "../domain/time.js";

/** A delivery as it came in: the exact bytes, before anything read them. */
export interface RawRequest {
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
  /** The last path segment, for senders that can carry a credential nowhere else. */
  pathToken: string | null;
  /** The runtime's own way to check a signature; WebCrypto's where it has none. */
  checkHmac?: HmacCheck;
}

export type Verdict =
  /** `by` is the environment name of the secret that matched. */
  | { kind: "verified"; by: string }
  /** `detail` says what was wrong with the request; it never repeats a signature or credential. */
  | { kind: "missing_signature" | "bad_signature" | "stale_signature"; detail: string };

/** What makes an event this event. `occurredAt` is null where the source gives no time. */
export interface Identity {
  eventKey: string;
  type: string;
  occurredAt: Instant | null;
}

/** What `normalise` may know of the deployment it runs in. */
export interface NormaliseContext {
  /** Project ids and slugs that are this very deployment, in lower case: trouble there must not feed itself. */
  ours: ReadonlySet<string>;
  receivedAt: Instant;
}

/** What a source's signature covers, for the conformance suite to know what it may ask. */
export interface SignatureScope {
  covers: "body and time" | "body" | "credential only";
  /** How old a signed time may be; only where time is signed. */
  toleranceMs?: number;
}

/** Whoever tells us events, as what becomes of them sees it: data and two functions, all edge-safe. */
export interface Source {
  id: string;
  /** Headers that `normalise` needs, in lower case; only these travel with the message. */
  keepHeaders: readonly string[];
  /** Names the event. Never throws: what cannot be read is named by its bytes. */
  identify(headers: Headers, body: Uint8Array<ArrayBuffer>): Promise<Identity>;
  /**
   * Says what the event means in our own terms; an empty list is an event that we only keep.
   *
   * @throws Permanent `unreadable_body` (not JSON in UTF-8) or `unexpected_shape` (names the field).
   */
  normalise(
    headers: Readonly<Record<string, string>>,
    body: Uint8Array<ArrayBuffer>,
    context: NormaliseContext,
  ): Fact[];
  /**
   * Of a source whose objects are in the ledger: reads one as the source's gateway fetched it.
   *
   * @throws Permanent `unexpected_shape` (names the field).
   */
  readObject?(key: LedgerKey, object: unknown, occurredAt: Instant): ObjectSaid;
  /**
   * Of the same: an event's body, as JSON, that says of an object only that it has changed. What it gives is read by
   * `identify` and `normalise` like any delivery; the engine fetches the object.
   *
   * @param event `id` names the event: the same again is the same event.
   */
  mention?(key: LedgerKey, event: { id: string; at: Instant }): object;
  /** Of the same: what an id is of; null when the ledger keeps nothing of the kind. */
  kindOfId?(externalId: string): LedgerKind | null;
  /** Of the same: where a person looks at the object, and acts on it. */
  pageOf?(key: LedgerKey): string;
  /** Of a source of deployments: the command that makes an earlier one, by its address, serve again. */
  rollbackCommand?(url: string): string;
}

/**
 * A provider here: a source that posts to the door, and proves it.
 * A further provider is one folder with one of these, and one line in `registry.ts`.
 */
export interface WebhookSource extends Source {
  /** Environment names of its secrets. `X` is required; `X_PREVIOUS` is always allowed beside it. */
  secret: string;
  signature: SignatureScope;
  /** More is refused before it is read. Vercel itself refuses above 4.5 MB. */
  bodyBytesMax: number;
  /** Checks the request against every live secret; several may be live during a rotation. */
  verify(request: RawRequest, secrets: readonly Secret[], now: Instant): Promise<Verdict>;
  /** A delivery of type `CANARY_TYPE`, proved as the provider proves its own; it comes to no facts. */
  canary(secret: Secret, canary: Canary): Promise<CanaryRequest>;
}

/** 4 MiB: what the house takes from anybody, below Vercel's own 4.5 MB. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024;

export const defineSource = <const S extends WebhookSource>(source: S): S => Object.freeze(source);
