import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Outcome, Reply } from "./reply.js";

/** What stands behind the REST front: the emulator's engine, or a real Redis in the contract suite. */
export interface RestBackend {
  /** Runs the commands in order; one answer each. */
  pipeline(commands: readonly (readonly string[])[]): Promise<readonly Outcome[]>;
  /** Runs all of them at once, or answers one error and runs none. */
  transaction(
    commands: readonly (readonly string[])[],
  ): Promise<readonly Outcome[] | { readonly error: string }>;
  /** An opaque mark of what has been written; the client hands it back with its next request. */
  syncToken(): string;
}

interface RestFrontOptions {
  readonly token: string;
  readonly backend: RestBackend;
  /** Further paths behind the same token, such as an emulator's controls; `body` is parsed JSON or undefined. */
  readonly routes?: Readonly<Record<string, (method: string, body: unknown) => Promise<Answer>>>;
  readonly log: (message: string) => void;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The documented limit of one request is 10 MB. @see https://upstash.com/docs/redis/overall/pricing */
const REQUEST_BYTES_MAX = 10 * 1024 * 1024;
/** A longer body is cut off instead of read to its end. */
const DISCARD_BYTES_MAX = 8 * REQUEST_BYTES_MAX;
const METHODS = ["GET", "HEAD", "POST", "PUT"];

const failure = (error: string, status = 400): Answer => ({ status, body: { error } });
const TOO_LARGE = failure("ERR max request size exceeded");
const UNAUTHORIZED = failure("WRONGPASS invalid or missing auth token", 401);

/**
 * Speaks the REST API's three JSON forms (`/`, `/pipeline`, `/multi-exec`) over any backend.
 * Not spoken: commands in the path, RESP2 answers, `/subscribe`, `/monitor`; all answered 400.
 *
 * @see https://upstash.com/docs/redis/features/restapi
 */
export function restFront(
  options: RestFrontOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    let answer: Answer;
    try {
      answer = await answerTo(options, request);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.log(`request failed: ${reason}`);
      answer = failure(`ERR internal error: ${reason}`, 500);
    }
    if (!request.complete) response.setHeader("connection", "close");
    const payload = Buffer.from(JSON.stringify(answer.body));
    response.writeHead(answer.status, {
      "content-type": "application/json",
      "content-length": payload.length,
      "upstash-sync-token": options.backend.syncToken(),
    });
    response.end(payload);
    request.resume();
  };
}

async function answerTo(options: RestFrontOptions, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://emulator");
  const method = request.method ?? "GET";
  if (!METHODS.includes(method)) return failure("ERR method not allowed", 405);
  const authorized = isAuthorized(request, url, options.token);
  const text = await readBody(request, authorized ? REQUEST_BYTES_MAX : 0);
  if (!authorized) return UNAUTHORIZED;
  if (text === null) return TOO_LARGE;
  const path = url.pathname.replace(/(?<=.)\/$/, "");
  const route = options.routes?.[path];
  if (route !== undefined) return await route(method, text === "" ? undefined : parse(text));
  const base64 = request.headers["upstash-encoding"]?.toString().toLowerCase() === "base64";
  return await runForm(options.backend, path, parse(text), base64 ? encode : identity);
}

async function runForm(
  backend: RestBackend,
  path: string,
  body: unknown,
  encoding: (outcome: Outcome) => Outcome,
): Promise<Answer> {
  if (path === "/") {
    const words = commandOf(body);
    if (words === null) return failure("ERR failed to parse command");
    const [outcome] = await backend.pipeline([words]);
    if (outcome === undefined) throw new Error("a command went without an answer");
    return { status: "error" in outcome ? 400 : 200, body: encoding(outcome) };
  }
  if (path !== "/pipeline" && path !== "/multi-exec") {
    return failure(`ERR unsupported path '${path}'; use POST /, /pipeline or /multi-exec`);
  }
  const commands = Array.isArray(body) ? body.map(commandOf) : [];
  if (commands.length === 0 || !commands.every((words) => words !== null)) {
    return failure(
      `ERR failed to parse ${path === "/pipeline" ? "pipeline" : "multi-exec"} request`,
    );
  }
  const outcomes = await backend[path === "/pipeline" ? "pipeline" : "transaction"](commands);
  if ("error" in outcomes) return failure(outcomes.error);
  return { status: 200, body: outcomes.map(encoding) };
}

/** A half character has no UTF-8 form; Redis keeps bytes, so it is replaced as an encoder would. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** A command's words; numbers and booleans are written out, as the SDK sends them bare. */
function commandOf(value: unknown): string[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const words: string[] = [];
  for (const word of value as unknown[]) {
    if (typeof word === "string") words.push(word.replace(LONE_SURROGATES, "\ufffd"));
    else if (typeof word === "number" || typeof word === "boolean") words.push(String(word));
    else return null;
  }
  return words;
}

/** JSON, or undefined when it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Reads the body to its end, because a client that is still sending would not see an early answer.
 *
 * @returns null when there was more than `keepBytesMax`; that much was then read and thrown away.
 */
async function readBody(request: IncomingMessage, keepBytesMax: number): Promise<string | null> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  return await new Promise((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= keepBytesMax) chunks.push(chunk);
      else chunks = [];
      if (bytes > DISCARD_BYTES_MAX) resolve(null);
    });
    request.on("end", () =>
      resolve(bytes > keepBytesMax ? null : Buffer.concat(chunks).toString()),
    );
    request.on("error", reject);
  });
}

function isAuthorized(request: IncomingMessage, url: URL, token: string): boolean {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const given = bearer ?? url.searchParams.get("_token") ?? "";
  return timingSafeEqual(digest(given), digest(token));
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

const identity = (outcome: Outcome): Outcome => outcome;

/** The client leaves a bare `OK` as it is and decodes every other string. */
const encode = (outcome: Outcome): Outcome =>
  "error" in outcome || outcome.result === "OK" ? outcome : { result: toBase64(outcome.result) };

function toBase64(reply: Reply): Reply {
  if (typeof reply === "string") return Buffer.from(reply).toString("base64");
  if (reply === null || typeof reply === "number") return reply;
  return reply.map(toBase64);
}
