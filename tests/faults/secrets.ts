import type { Secrets } from "../../local/secrets.js";

/** What each provider signs with, by source. */
export const sourceSecrets = (secrets: Secrets): Record<string, string> => ({
  stripe: secrets.STRIPE_WEBHOOK_SECRET,
  sentry: secrets.SENTRY_CLIENT_SECRET,
  vercel: secrets.VERCEL_WEBHOOK_SECRET,
  "better-stack": secrets.BETTER_STACK_WEBHOOK_TOKEN,
  resend: secrets.RESEND_WEBHOOK_SECRET,
});
