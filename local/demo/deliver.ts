import { freshen, loadSample, requestOf } from "../../cli/samples/index.js";
import type { SHOWN_SECRETS } from "../secrets.js";
import type { Running } from "../signalbox.js";
import { STORIES, type Story } from "./stories.js";

/** A webhook with a body of its own, to be posted as often as one likes. */
export interface Delivery {
  story: Story;
  sample: string;
  /** Signed at the moment of sending, as a provider does that sends again. */
  post(): Promise<Answer>;
}

export interface Answer {
  status: number;
  /** `accepted` or `duplicate`; or the code of a refusal. */
  said: string;
  eventKey: string | null;
}

const SECRET_OF: Readonly<Record<string, (typeof SHOWN_SECRETS)[number]>> = {
  stripe: "STRIPE_WEBHOOK_SECRET",
  sentry: "SENTRY_CLIENT_SECRET",
  vercel: "VERCEL_WEBHOOK_SECRET",
  "better-stack": "BETTER_STACK_WEBHOOK_TOKEN",
  resend: "RESEND_WEBHOOK_SECRET",
};
const CALL_TIMEOUT_MS = 10_000;

/** All deliveries of all stories, in their order. */
export function deliveriesTo(running: Running, now: () => number): Delivery[] {
  const uniqueId = now().toString(36);
  return STORIES.flatMap((story) =>
    story.samples.map((sample) => {
      const options = { uniqueId, now: now(), set: story.set ?? {} };
      const body = freshen(loadSample(story.source, sample), options);
      const secret = running.secrets[SECRET_OF[story.source] ?? ""] ?? "";
      const url = `${running.url}/api/webhooks/${story.source}`;
      return { story, sample, post: () => post(url, requestOf(body, { secret, now: now() })) };
    }),
  );
}

async function post(url: string, request: ReturnType<typeof requestOf>): Promise<Answer> {
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
  const answer = await fetch(url, { method: "POST", ...request, signal });
  const text = await answer.text();
  const said = (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, unknown>;
  return {
    status: answer.status,
    said: String(said.status === answer.status ? said.code : (said.status ?? said.code ?? text)),
    eventKey: typeof said.eventKey === "string" ? said.eventKey : null,
  };
}
