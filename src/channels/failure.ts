import { Permanent, Transient } from "../domain/errors.js";
import { HOUR_MS, SECOND_MS } from "../domain/time.js";

/** More is not believed: one wrong header must not park a page for a day. */
export const RETRY_AFTER_SECONDS_MAX = HOUR_MS / SECOND_MS;

/** Only a vendor's own short word is repeated; a sentence of theirs may hold an address or a key. */
const VENDOR_WORD = /^[A-Za-z0-9_]{1,64}$/;

export interface VendorAnswer {
  /** The vendor's name, for the detail. */
  vendor: string;
  status: number;
  /** The vendor's error code, when its answer had one. */
  word?: string | undefined;
  headers?: Headers | undefined;
  /** Where the vendor asks for a longer wait than its headers say. */
  retryAfterSeconds?: number | undefined;
  /** Where the vendor's word says more than its status. */
  mayWorkLater?: boolean | undefined;
}

/**
 * Turns a vendor's error into ours: 408, 409 (a twin is still running), 425, 429 and 5xx may work
 * later; anything else needs a person, a redirect included (the address is wrong).
 */
export function refusalOf(answer: VendorAnswer): Transient | Permanent {
  const { vendor, status, word } = answer;
  const said = word !== undefined && VENDOR_WORD.test(word) ? ` ${word}` : "";
  const detail = `${vendor} answered ${status}${said}`;
  if (!(answer.mayWorkLater ?? isPassing(status)))
    return new Permanent("channel_refused", { detail });
  const retryAfterSeconds =
    answer.retryAfterSeconds ?? retryAfterOf(answer.headers ?? new Headers());
  return transient(detail, retryAfterSeconds);
}

/** No answer at all: refused, cut off, or over the time limit. */
export function unreachable(vendor: string, timedOut: boolean, timeoutMs: number): Transient {
  const why = timedOut ? `did not answer in ${timeoutMs} ms` : "could not be reached";
  return transient(`${vendor} ${why}`, undefined);
}

/** An answer that says neither yes nor no, as of a proxy in between. */
export function unreadable(vendor: string): Transient {
  return transient(`${vendor} gave an answer that can't be read`, undefined);
}

export function notConfigured(variables: string): Permanent {
  return new Permanent("channel_not_configured", { detail: `set ${variables}` });
}

/**
 * Reads `Retry-After` as seconds from now, at least 1 and at most an hour. A date is held against
 * the answer's own `Date` header, so that neither clock needs to be right.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.parse(headers.get("date") ?? "")) / SECOND_MS;
  if (Number.isNaN(seconds)) return undefined;
  return Math.min(Math.max(Math.ceil(seconds), 1), RETRY_AFTER_SECONDS_MAX);
}

function isPassing(status: number): boolean {
  return status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;
}

function transient(detail: string, retryAfterSeconds: number | undefined): Transient {
  return new Transient("channel_unavailable", {
    detail,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
