import { Agent, request } from "undici";
import { type Answer, canonicalHeader, type HeaderMap, type WaitingMessage } from "./message.js";

const KEEP_ALIVE_MS = 4_000;
const CONNECT_TIMEOUT_MS = 10_000;

export interface Attempt {
  answer: Answer | null;
  /** The headers as received, lower-case; for the retry decision. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  error: string | null;
  /** The emulator itself gave up (it is closing): not an outcome. */
  aborted: boolean;
}

interface CourierOptions {
  responseWaitMaxMs: number;
  /** Answers are cut to this for callbacks and the DLQ. */
  answerBytesMax: number;
  region: string;
  connectionsPerOrigin: number;
}

/** Makes HTTP calls to destinations: keep-alive, no redirects, one time limit for the whole call. */
export class Courier {
  readonly #agent: Agent;
  readonly #running = new Set<AbortController>();
  #closing = false;

  constructor(readonly options: CourierOptions) {
    this.#agent = new Agent({
      connections: options.connectionsPerOrigin,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async call(message: WaitingMessage, signature: string): Promise<Attempt> {
    const controller = new AbortController();
    const timeoutMs = Math.min(
      message.spec.timeoutMs ?? this.options.responseWaitMaxMs,
      this.options.responseWaitMaxMs,
    );
    const timer = setTimeout(() => controller.abort(new TimedOut(timeoutMs)), timeoutMs);
    this.#running.add(controller);
    if (this.#closing) controller.abort(new Error("closing"));
    try {
      const response = await request(message.spec.url, {
        dispatcher: this.#agent,
        method: message.spec.method as "POST",
        headers: this.#headersFor(message, signature),
        body: message.body.length === 0 ? null : message.body,
        signal: controller.signal,
      });
      const body = await readUpTo(response.body, this.options.answerBytesMax);
      const answer = { status: response.statusCode, header: headerMap(response.headers), body };
      return { answer, headers: response.headers, error: null, aborted: false };
    } catch (error) {
      const cause = controller.signal.aborted ? controller.signal.reason : error;
      const aborted = this.#closing && !(cause instanceof TimedOut);
      return { answer: null, headers: {}, error: describe(cause), aborted };
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
    }
  }

  #headersFor(message: WaitingMessage, signature: string): Record<string, string | string[]> {
    const { spec } = message;
    return {
      ...spec.header,
      "User-Agent": "Upstash-QStash",
      "Upstash-Message-Id": message.id,
      "Upstash-Retried": String(message.retried),
      "Upstash-Signature": signature,
      "Upstash-Region": this.options.region,
      ...(spec.scheduleId === undefined ? {} : { "Upstash-Schedule-Id": spec.scheduleId }),
      ...(spec.callerIp === undefined ? {} : { "Upstash-Caller-Ip": spec.callerIp }),
    };
  }

  /** Cuts off what still runs; their messages stay in the database as they are. */
  async abort(): Promise<void> {
    this.#closing = true;
    for (const controller of this.#running) controller.abort(new Error("closing"));
    await this.#agent.destroy();
  }
}

class TimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`destination did not answer within ${timeoutMs} ms`);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? `${String(error.code)}: ` : "";
  return `${code}${error.message}`;
}

async function readUpTo(stream: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax);
}

function headerMap(headers: Readonly<Record<string, string | string[] | undefined>>): HeaderMap {
  const map: HeaderMap = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map[canonicalHeader(name)] = Array.isArray(value) ? value : [value];
  }
  return map;
}
