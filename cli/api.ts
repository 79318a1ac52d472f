import { type Target, tokenOf } from "./connection.js";
import { CALL, Failure } from "./failure.js";

const TIMEOUT_MS = 30_000;

export type Row = Record<string, unknown>;
export interface Page {
  data: Row[];
  nextCursor: string | null;
}

export interface Call {
  method?: "GET" | "POST";
  body?: unknown;
  /** Health needs none. */
  withoutToken?: boolean;
  /** Statuses that are an answer although they are no success. */
  also?: readonly number[];
}

interface Problem {
  code?: string;
  title?: string;
  detail?: string;
  hint?: string;
  requestId?: string;
}

/**
 * Asks the admin API, once.
 *
 * @param path below `/api/admin`, with its query.
 * @throws Failure that says what happened and what to do, whatever went wrong.
 */
export async function ask<T>(target: Target, path: string, call: Call = {}): Promise<T> {
  const response = await send(target, path, call);
  const body = jsonOf(await response.text());
  if (response.ok || call.also?.includes(response.status) === true) {
    if (typeof body === "object" && body !== null) return body as T;
    throw stranger(target, response);
  }
  throw refusalOf(target, response, body, path);
}

/** As `ask`, for an answer that is bytes. */
export async function askBytes(target: Target, path: string): Promise<Uint8Array> {
  const response = await send(target, path, {});
  if (!response.ok) throw refusalOf(target, response, jsonOf(await response.text()), path);
  return new Uint8Array(await response.arrayBuffer());
}

function send(target: Target, path: string, call: Call): Promise<Response> {
  const token = call.withoutToken === true ? null : tokenOf(target);
  return reach(`${target.url}/api/admin${path}`, {
    method: call.method ?? "GET",
    headers: {
      accept: "application/json",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
}

/** @throws Failure when there is no answer in time; any status is an answer. */
export async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return await fetch(url, { ...init, redirect: "manual", signal });
  } catch (cause) {
    throw unreachable(new URL(url), cause);
  }
}

function unreachable({ origin, hostname }: URL, cause: unknown): Failure {
  const {
    name,
    message,
    cause: inner,
  } = cause as Error & {
    cause?: { code?: string; message?: string };
  };
  const code = inner?.code ?? name;
  const told = { code };
  if (code === "ECONNREFUSED") {
    return new Failure(
      `Nothing answers at ${origin}.`,
      "Is `npm start` running? For another address use --url or SIGNALBOX_URL.",
      { told, cause },
    );
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new Failure(`There is no host ${hostname}.`, "Check --url or SIGNALBOX_URL.", {
      told,
      cause,
    });
  }
  if (name === "TimeoutError") {
    return new Failure(
      `${origin} took the call but did not answer within ${TIMEOUT_MS / 1000} s.`,
      `Look at its log; \`${CALL} health\` tells which part is down.`,
      { told, cause },
    );
  }
  const why = code === name ? (inner?.message ?? message) : code;
  return new Failure(`${origin} can't be reached (${why}).`, "Check --url or SIGNALBOX_URL.", {
    told,
    cause,
  });
}

function refusalOf(target: Target, response: Response, body: unknown, path: string): Failure {
  const problem = (typeof body === "object" ? body : null) as Problem | null;
  if (problem?.code === undefined) return stranger(target, response);
  const { code, title, detail, hint, requestId } = problem;
  const told = { status: response.status, code, detail, requestId };
  if (code === "unauthorized") {
    return new Failure(
      `${target.url} does not take this key or admin token.`,
      "Is the key revoked? Compare SIGNALBOX_KEY or ADMIN_TOKEN (or --token) with the deployment's.",
      { told },
    );
  }
  const said = detail ?? title ?? code;
  const sentence = /[.!?]$/.test(said) ? said : `${said}.`;
  const search = requestId === undefined ? "" : ` (request ${requestId})`;
  const next = commandOf(code, path) ?? hint;
  return new Failure(`${sentence}${search}`, next ?? "Look at the deployment's log.", { told });
}

/** The hint of the API speaks of any list and id; here it is the very command. */
function commandOf(code: string, path: string): string | null {
  if (code === "not_found") return listOf(path);
  const [, list, id] = /^\/([a-z-]+)\/([^/?]+)\//.exec(path) ?? [];
  if (code !== "conflict" || list === undefined || !SHOWN.has(list)) return null;
  return `See how it stands now: \`${CALL} ${list} show ${id}\`.`;
}

/** Of what can be acted on, the lists whose rows can be shown. */
const SHOWN: ReadonlySet<string> = new Set([
  "corrections",
  "dead-letters",
  "incidents",
  "notifications",
]);

function listOf(path: string): string | null {
  const list = /^\/([a-z-]+)\/./.exec(path)?.[1];
  if (list === "policy") return `See \`${CALL} events list\`.`; // of it only an event is looked up
  if (list === "notices") return `See \`${CALL} notices preview --help\`.`;
  return list === undefined ? null : `See \`${CALL} ${list} list\`.`;
}

function stranger(target: Target, response: Response): Failure {
  const to = response.headers.get("location");
  const type = response.headers.get("content-type") ?? "no content type";
  const what = to === null ? `${response.status}, ${type}` : `${response.status}, on to ${to}`;
  return new Failure(
    `What answers at ${target.url} is not Signalbox's admin API (${what}).`,
    "Check --url or SIGNALBOX_URL.",
    { told: { status: response.status } },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // told as "not Signalbox" by the caller
  }
}
