import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Permanent } from "../../src/domain/errors.js";
import type { Fact } from "../../src/domain/facts.js";
import { Secret } from "../../src/domain/secret.js";
import type { Identity, RawRequest, Source } from "../../src/sources/source.js";

/** Reference payloads that may lie beside a checkout; the tests of them say so when they do not. */
export const FIXTURES = resolve(import.meta.dirname, "../../../shared/fixtures");
export const VECTORS = resolve(import.meta.dirname, "../vectors");

/** 2026-11-01T09:00Z, when every vector and sample plays. */
export const NOW = 1_793_523_600_000;
export const RECEIVED_AT = NOW + 750;

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
export const jsonBytes = (value: unknown): Uint8Array<ArrayBuffer> =>
  bytesOf(JSON.stringify(value));
export const secretsOf = (...values: string[]): Secret[] =>
  values.map((value, i) => new Secret(i === 0 ? "SECRET" : `SECRET_PREVIOUS_${i}`, value));

export function rawRequest(
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
  pathToken: string | null = null,
): RawRequest {
  return { headers: new Headers(headers), body, pathToken };
}

export interface Payload {
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** A payload of ours with invented values: `payload("stripe", "thin-event")`. */
export function payload(source: string, name: string): Payload {
  return readJson(resolve(VECTORS, source, "payloads", `${name}.json`)) as Payload;
}

export function payloadNames(source: string): string[] {
  return readdirSync(resolve(VECTORS, source, "payloads")).map((file) => file.slice(0, -5));
}

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** All JSON files under the folder, with their paths from it; none where it is not. */
export function jsonFilesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".json"))
    .sort();
}

/** `normalise` as the worker calls it: only the kept headers, their names in lower case. */
export function factsOf(
  source: Source,
  { headers, body }: { headers: Record<string, string>; body: unknown },
  ours: readonly string[] = [],
): Fact[] {
  const bytes = body instanceof Uint8Array ? new Uint8Array(body) : jsonBytes(body);
  return source.normalise(keptHeaders(source, headers), bytes, {
    ours: new Set(ours),
    receivedAt: RECEIVED_AT,
  });
}

export function identityOf(
  source: Source,
  { headers, body }: { headers: Record<string, string>; body: unknown },
): Promise<Identity> {
  const bytes = body instanceof Uint8Array ? new Uint8Array(body) : jsonBytes(body);
  return source.identify(new Headers(headers), bytes);
}

/** What became of it: its facts, or the code of the dead letter. Anything else is a defect and thrown. */
export function outcomeOf(read: () => Fact[]): Fact[] | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof Permanent) return error.code;
    throw error;
  }
}

export function keptHeaders(
  source: Source,
  headers: Record<string, string>,
): Record<string, string> {
  const given = new Headers(headers);
  const kept = source.keepHeaders.map((name) => [name, given.get(name)] as const);
  return Object.fromEntries(kept.filter((entry): entry is [string, string] => entry[1] !== null));
}
