import type { Hono } from "hono";
import { z } from "zod";
import { idOf, jsonOf, limited } from "./bodies.js";
import type { AdminEnv } from "./env.js";
import { parsed, settleBody } from "./requests.js";

const asked = z.object({ id: z.string(), status: z.literal("checking") });

export interface DeploymentOperations {
  recheckDeployment(request: { id: string; actor: string; because: string }): Promise<void>;
}

/** For the documentation; a test holds it to what is served. */
export const deploymentRoutes = [
  {
    method: "post" as const,
    path: "/deployments/{id}/check",
    summary: "Look at a deployment anew; what comes of it stands in its audit trail",
    body: settleBody,
    status: 202,
    answer: z.object({ data: asked }),
    problems: [400, 404, 409, 413],
  },
];

/** What a person does about a deployment: its checks, once more. */
export function serveDeploymentChecks(
  app: Hono<AdminEnv>,
  { operations }: { operations: DeploymentOperations },
): void {
  app.post("/deployments/:id/check", limited, async (c) => {
    const id = idOf(c, "deployment");
    const { reason: because } = parsed(settleBody, await jsonOf(c));
    await operations.recheckDeployment({ id, actor: c.var.caller.actor, because });
    return c.json({ data: asked.parse({ id, status: "checking" }) }, 202);
  });
}
