import { setTimeout as wait } from "node:timers/promises";
import type { PlannedEvent } from "./stories.js";

/** What a provider learnt of one delivery, with all its attempts. */
export interface Receipt {
  event: PlannedEvent;
  /** From the 2xx; null when it gave up. */
  eventKey: string | null;
  /** Of the attempt that got a 2xx: `accepted`, `duplicate`. */
  said: string | null;
  /** HTTP status of each attempt, 0 where no answer came. */
  statuses: number[];
  /** Milliseconds to each answer. */
  answeredMs: number[];
}

export interface ProviderOptions {
  url: string;
  /** By source. */
  secrets: Readonly<Record<string, string>>;
  /** Tries until then, and at most so often. */
  deadline: number;
  attemptsMax: number;
  /** Longest pause between two attempts. */
  pauseMaxMs: number;
}

const ANSWER_TIMEOUT_MS = 10_000;
const PAUSE_FIRST_MS = 250;

/** Delivers an event as its provider would: signed anew and posted again until there is a 2xx. */
export async function deliver(event: PlannedEvent, o: ProviderOptions): Promise<Receipt> {
  const receipt: Receipt = { event, eventKey: null, said: null, statuses: [], answeredMs: [] };
  let pauseMs = PAUSE_FIRST_MS;
  while (receipt.statuses.length < o.attemptsMax && performance.now() < o.deadline) {
    const startedAt = performance.now();
    const answer = await attempt(event, o);
    receipt.statuses.push(answer.status);
    if (answer.status > 0) receipt.answeredMs.push(performance.now() - startedAt);
    if (answer.status >= 200 && answer.status < 300) {
      return { ...receipt, eventKey: answer.eventKey, said: answer.said };
    }
    await wait(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, o.pauseMaxMs);
  }
  return receipt;
}

interface Attempt {
  status: number;
  eventKey: string | null;
  said: string | null;
}

async function attempt(event: PlannedEvent, o: ProviderOptions): Promise<Attempt> {
  const { headers, body } = event.request(o.secrets[event.source] ?? "", Date.now());
  try {
    const response = await fetch(`${o.url}/api/webhooks/${event.source}`, {
      method: "POST",
      headers,
      body: Buffer.from(body),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const answer = (await response.json()) as { status?: unknown; eventKey?: string };
    const said = typeof answer.status === "string" ? answer.status : null;
    return { status: response.status, eventKey: answer.eventKey ?? null, said };
  } catch (error) {
    // No answer, or one that broke off: to a provider both mean "send it again".
    return { status: 0, eventKey: null, said: (error as Error).name };
  }
}
