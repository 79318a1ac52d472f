import { type LookupAddress, lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { Agent, request } from "undici";
import type { Probe } from "../operations/deployments/deps.js";

/** Timers are worked on two at a time, and pages are among them: whoever does not answer may not keep them waiting. */
const TIMEOUT_MS = 5_000;

/**
 * Asks addresses that came in by a webhook. Where the deployment is public only https is asked, and only what has an
 * address of the public internet: each address is looked at as the connection is made, so that a name cannot stand for
 * another address by then. Bodies are not read.
 */
export function createProbe({ onlyPublic }: { onlyPublic: boolean }): {
  probe: Probe;
  close(): Promise<void>;
} {
  const agent = new Agent({
    connect: { timeout: TIMEOUT_MS, ...(onlyPublic ? { lookup: publicLookup } : {}) },
  });
  return {
    async probe(url) {
      const refusal = onlyPublic ? refusalOf(url) : null;
      if (refusal !== null) return { kind: "failed", why: refusal };
      try {
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        const { statusCode, body } = await request(url, { dispatcher: agent, signal });
        body.once("error", doneWith).destroy();
        return { kind: "answered", status: statusCode };
      } catch (error) {
        return { kind: "failed", why: whyOf(error) };
      }
    },
    close: () => agent.close(),
  };
}

/** A body that is broken off says so by an error, and its status is all that was wanted. */
const doneWith = (): undefined => undefined;

/** Why the address is not asked at all; null when it may be. */
function refusalOf(url: string): string | null {
  if (!URL.canParse(url)) return "is no address";
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:") return "is not asked: its address is not https";
  const host = hostname.replace(/^\[|\]$/g, "");
  return isIP(host) !== 0 && !isPublicAddress(host) ? PRIVATE : null;
}

const PRIVATE = "is not asked: its address is not of the public internet";
const PRIVATE_CODE = "SIGNALBOX_PRIVATE_ADDRESS";

function whyOf(error: unknown): string {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (code === PRIVATE_CODE) return PRIVATE;
  if (name === "TimeoutError") return `gives no answer in ${TIMEOUT_MS / 1_000} s`;
  return `gives no answer (${typeof code === "string" ? code : String(name)})`;
}

/** Everything that has a range of its own is something else: private, loopback, link-local, a cloud's own, reserved. */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast";
}

/** A name of which any address is not public is not asked, so that it cannot be chosen among them. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error !== null) return callback(error, []);
    const isOpen = found.length > 0 && found.every(({ address }) => isPublicAddress(address));
    if (isOpen) {
      if (options.all === true) return callback(null, found);
      const [first] = found;
      return callback(null, first?.address ?? "", first?.family);
    }
    const refusal: NodeJS.ErrnoException = new Error(PRIVATE);
    refusal.code = PRIVATE_CODE;
    callback(refusal, []);
  });
};
