import { unreachable } from "./failure.js";

/** A vendor's answer is a few hundred bytes; what is longer is not read. */
const ANSWER_BYTES_MAX = 64 * 1024;

export interface PostRequest {
  /** The vendor's name, for the error's detail. */
  vendor: string;
  url: string;
  /** POST when absent. */
  method?: "POST" | "PATCH";
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
}

export interface PostAnswer {
  status: number;
  headers: Headers;
  /** Null when the body broke off or was too long: the status alone counts then. */
  text: string | null;
}

/**
 * One POST (or PATCH) with a hard limit on its whole duration, answer's body included.
 * Redirects are not followed: a credential must not travel to where nobody sent it.
 *
 * @throws Transient `channel_unavailable` when no status came.
 */
export async function post(request: PostRequest): Promise<PostAnswer> {
  const { vendor, timeoutMs } = request;
  return withDeadline(timeoutMs, async (signal) => {
    let response: Response;
    try {
      response = await fetch(request.url, {
        method: request.method ?? "POST",
        headers: request.headers,
        body: request.body,
        redirect: "manual",
        signal,
      });
    } catch {
      // The cause is dropped: undici's names the address, and Slack's address is a credential.
      throw unreachable(vendor, signal.aborted, timeoutMs);
    }
    const { status, headers } = response;
    return { status, headers, text: await readText(response) };
  });
}

/** Runs a call with a signal that fires after `timeoutMs`; the timer never outlives the call. */
export async function withDeadline<T>(
  timeoutMs: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    return await call(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A status that has come is not undone by a body that has not: what was taken must not be sent again. */
async function readText(response: Response): Promise<string | null> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body) {
      length += chunk.byteLength;
      if (length > ANSWER_BYTES_MAX) return null; // leaving the loop cancels the stream
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The answer's JSON object; empty when it is none. */
export function objectOf(text: string | null): Record<string, unknown> {
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
