import type { Hono } from "hono";
import { z } from "zod";
import { Permanent } from "../domain/errors.js";
import type { SubscriberOperations } from "../operations/subscribers.js";
import { jsonOf, limited } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed, reasonField } from "./requests.js";
import { auditEntry, text, time } from "./schemas.js";
import { emailField } from "./suppressions.js";

const SUBSCRIBERS_MAX = 200;

const fields = {
  id: text,
  email: text,
  locale: text,
  services: z.array(z.string()).meta({ description: "Of which services; none: of all" }),
  createdAt: time,
  removedAt: time.nullable().meta({ description: "Since when it is told of nothing any more" }),
};
export const subscriber = z.object(fields).meta({ id: "Subscriber" });
export const subscriberDetail = subscriber
  .extend({ audit: z.array(auditEntry) })
  .meta({ id: "SubscriberDetail" });

const newSubscriber = z.strictObject({
  email: emailField,
  locale: z
    .string()
    .regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/, "must be a language tag, such as th or en-GB")
    .default("en"),
  services: z.array(z.string().min(1).max(80)).max(50).default([]),
});

export const addSubscribersBody = z
  .strictObject({ subscribers: z.array(newSubscriber).min(1).max(SUBSCRIBERS_MAX) })
  .meta({ id: "NewSubscribers" });

export const removeSubscriberBody = z
  .strictObject({ email: emailField, reason: reasonField })
  .meta({ id: "RemovedSubscriber" });

export const subscriberOutcome = z
  .object({
    ...fields,
    result: z.enum(["added", "changed", "unchanged"]),
    unsubscribed: z.boolean().meta({
      description: "Its reader wants no such mail: none is sent until the suppression is removed",
    }),
  })
  .meta({ id: "SubscriberOutcome" });

/** For the document of the API. */
export const subscriberRoutes = [
  {
    method: "post",
    path: "/subscribers",
    summary: "Tell addresses of trouble and maintenance, or change how; safe to repeat",
    body: addSubscribersBody,
    status: 200,
    answer: z.object({ data: z.array(subscriberOutcome) }),
    problems: [400, 413],
  },
  {
    method: "post",
    path: "/subscribers/remove",
    summary: "Tell an address of trouble no more",
    body: removeSubscriberBody,
    status: 200,
    answer: z.object({ data: subscriber }),
    problems: [400, 404, 413],
  },
] as const;

/** Addresses travel in bodies alone, because addresses of requests are logged along the way. */
export function serveSubscribers(
  app: Hono<AdminEnv>,
  { operations }: { operations: SubscriberOperations },
): void {
  app.post("/subscribers", limited, async (c) => {
    const { subscribers } = parsed(addSubscribersBody, await jsonOf(c));
    const outcomes = await operations.addSubscribers({ subscribers, actor: c.var.caller.actor });
    const data = outcomes.map(({ subscriber: row, ...rest }) =>
      subscriberOutcome.parse({ ...row, ...rest }),
    );
    return c.json({ data });
  });
  app.post("/subscribers/remove", limited, async (c) => {
    const { email, reason: because } = parsed(removeSubscriberBody, await jsonOf(c));
    const { actor } = c.var.caller;
    const row = await operations.removeSubscriber({ email, because, actor });
    if (row === null) {
      throw new Permanent("not_found", {
        detail: "The address is not on the list of subscribers.",
      });
    }
    return c.json({ data: subscriber.parse(row) });
  });
}
