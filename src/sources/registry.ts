import { betterStack } from "./better-stack/index.js";
import { resend } from "./resend/index.js";
import { sentry } from "./sentry/index.js";
import type { Source } from "./source.js";
import { stripe } from "./stripe/index.js";
import { vercel } from "./vercel/index.js";

/** The only list of sources: everything that goes over "all sources" goes over this. */
export const sources = [stripe, sentry, vercel, betterStack, resend] as const;

const BY_ID: ReadonlyMap<string, Source> = new Map(
  sources.map((source): [string, Source] => [source.id, source]),
);

/** The source of this name, as it stands in the webhook's address. */
export function sourceById(id: string): Source | undefined {
  return BY_ID.get(id);
}
