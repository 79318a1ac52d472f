import type { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import { Permanent } from "../domain/errors.js";
import type { Instant } from "../domain/time.js";
import type { Comparison } from "../operations/policy/compare.js";
import type { Explanation } from "../operations/policy/explain.js";
import { POLICY_NAMES } from "../policy/names.js";
import type { PolicyProblem } from "../policy/read-policy.js";
import type { Policy } from "../policy/schema.js";
import { jsonOf, notFound } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed } from "./requests.js";
import { text, time } from "./schemas.js";

const BODY_BYTES_MAX = 1024 * 1024;
const TEXT_CHARS_MAX = 500_000;
const HEADERS_MAX = 100;

const fileText = z
  .string({ error: "must be the text of a policy's file" })
  .min(1, "must be the text of a policy's file")
  .max(TEXT_CHARS_MAX, `may have ${TEXT_CHARS_MAX} characters at most`)
  .meta({ description: "YAML or JSON" });

export const checkBody = z.strictObject({ text: fileText }).meta({ id: "PolicyText" });

const problem = z
  .object({
    path: text.meta({ description: "`routes.page.steps[1]`; empty where the file cannot be read" }),
    message: text,
    line: z.int().nullable().meta({ description: "From 1; null for what is the preset's" }),
    column: z.int().nullable(),
  })
  .meta({ id: "PolicyProblem" });
const checked = z
  .object({
    name: text.nullable().meta({ description: "Of the policy, where it could be read" }),
    problems: z.array(problem).meta({ description: "None: it could be used as it is" }),
  })
  .meta({ id: "CheckedPolicy" });

const explainGiven = "must be an `eventId`, or a `source` with a `body`";
export const explainBody = z
  .union(
    [
      z.strictObject({ eventId: z.string().min(1).max(200) }),
      z.strictObject({
        source: z.string().min(1).max(80),
        headers: z
          .record(z.string().max(200), z.string().max(2_000))
          .refine((headers) => Object.keys(headers).length <= HEADERS_MAX)
          .default({}),
        body: z.string().max(TEXT_CHARS_MAX).meta({ description: "As the provider sends it" }),
      }),
    ],
    { error: explainGiven },
  )
  .meta({ id: "PolicyQuestion" });

const explanation = z
  .object({
    policy: text,
    source: text,
    type: text,
    at: time,
    incidents: z.array(text).meta({ description: "Those that it is part of already" }),
    parts: z.array(
      z.object({
        about: text.meta({ description: "What it says, in our terms: signal.raised" }),
        sentences: z.array(text),
      }),
    ),
  })
  .meta({ id: "PolicyExplanation" });

const LAST = /^([1-9]\d?)([hd])$/;
const lastError = "must be hours or days, as 12h or 7d";
export const diffBody = z
  .strictObject({
    preset: z.enum(POLICY_NAMES, { error: `must be one of ${POLICY_NAMES.join(", ")}` }).optional(),
    text: fileText.optional(),
    last: z
      .string({ error: lastError })
      .regex(LAST, lastError)
      .meta({ description: "Signals of this time are judged by both: 12h, 7d" })
      .optional(),
  })
  .refine(({ preset, text: given }) => (preset === undefined) !== (given === undefined), {
    error: "must have a `preset` or a `text`, and not both",
  })
  .meta({ id: "PolicyComparison" });

const verdict = z.object({
  severity: text,
  severityName: text,
  rule: text,
  route: text,
  service: text,
});
const comparison = z
  .object({
    before: text,
    after: text,
    differences: z.array(z.object({ path: text, before: text.nullable(), after: text.nullable() })),
    replayed: z
      .object({
        since: time,
        signals: z.int(),
        withoutBody: z.int().meta({
          description: "Judged by what their alerts have kept, because their bytes are gone",
        }),
        cut: z.boolean().meta({ description: "There were more; these are the oldest" }),
        changed: z.int(),
        changes: z.array(
          z.object({
            signalId: text,
            eventId: text,
            at: time,
            source: text,
            title: text,
            before: verdict,
            after: verdict,
          }),
        ),
      })
      .nullable(),
  })
  .meta({ id: "ComparedPolicies" });

const policyAnswer = z.record(z.string(), z.unknown()).meta({
  id: "Policy",
  description: "See docs/reference/policy.md; without the roles' addresses",
});

/** For the documentation; a test holds it to what is served. */
export const policyRoutes = [
  {
    method: "get" as const,
    path: "/policy",
    summary: "The policy that holds, whole; of the roles' addresses only that there are some",
    status: 200,
    answer: z.object({ data: policyAnswer }),
    problems: [],
  },
  {
    method: "post" as const,
    path: "/policy/check",
    summary:
      "What is wrong with a policy's file, all of it, as this deployment would find at its start",
    body: checkBody,
    status: 200,
    answer: z.object({ data: checked }),
    problems: [400, 413],
  },
  {
    method: "post" as const,
    path: "/policy/explain",
    summary: "What an event means to the policy: how bad, who is told by what and when, and why",
    body: explainBody,
    status: 200,
    answer: z.object({ data: explanation }),
    problems: [400, 404, 413],
  },
  {
    method: "post" as const,
    path: "/policy/diff",
    summary: "Where another policy differs, and what it would have made of past signals",
    body: diffBody,
    status: 200,
    answer: z.object({ data: comparison }),
    problems: [400, 413],
  },
];

export interface PolicyOperations {
  showPolicy(): Policy;
  checkPolicyText(text: string): { name: string | null; problems: PolicyProblem[] };
  /** Null when there is no such event. */
  explainEvent(eventId: string): Promise<Explanation | null>;
  explainDelivery(given: {
    source: string;
    headers: Readonly<Record<string, string>>;
    body: string;
  }): Promise<Explanation>;
  /** @throws Permanent `invalid_request` when the other policy cannot be read. */
  diffPolicy(other: { preset?: string; text?: string }, lastMs: number | null): Promise<Comparison>;
}

const HOUR_MS = 3_600_000;

/** Whose rules hold, what they make of an event, and what others would. */
export function servePolicy(
  app: Hono<AdminEnv>,
  { operations }: { operations: PolicyOperations },
): void {
  const limited = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError: () => {
      const detail = `The body may have ${BODY_BYTES_MAX} bytes at most.`;
      throw new Permanent("too_large", { detail });
    },
  });
  app.get("/policy", (c) => c.json({ data: withoutAddresses(operations.showPolicy()) }));
  app.post("/policy/check", limited, async (c) => {
    const { text: given } = parsed(checkBody, await jsonOf(c));
    return c.json({ data: checked.parse(operations.checkPolicyText(given)) });
  });
  app.post("/policy/explain", limited, async (c) => {
    const asked = parsed(explainBody, await jsonOf(c));
    if (!("eventId" in asked)) {
      return c.json({ data: explanation.parse(await operations.explainDelivery(asked)) });
    }
    const found = await operations.explainEvent(asked.eventId);
    if (found === null) throw notFound("event", asked.eventId);
    return c.json({ data: explanation.parse(found) });
  });
  app.post("/policy/diff", limited, async (c) => {
    const { last, preset, text: given } = parsed(diffBody, await jsonOf(c));
    const other = {
      ...(preset === undefined ? {} : { preset }),
      ...(given === undefined ? {} : { text: given }),
    };
    return c.json({ data: comparison.parse(await operations.diffPolicy(other, lastMsOf(last))) });
  });
}

function lastMsOf(last: string | undefined): Instant | null {
  const [, amount, unit] = LAST.exec(last ?? "") ?? [];
  if (amount === undefined) return null;
  return Number(amount) * (unit === "d" ? 24 : 1) * HOUR_MS;
}

/** Where people are reached is nobody's business who only wants to know the rules. */
function withoutAddresses(policy: Policy): Record<string, unknown> {
  const roles = Object.entries(policy.roles).map(([id, { title, addresses }]) => [
    id,
    { title, addresses: Object.keys(addresses) },
  ]);
  return { ...policy, roles: Object.fromEntries(roles) };
}
