import type { Command } from "commander";
import { ask } from "../api.js";
import { CALL } from "../failure.js";
import { type CommonOptions, common, contextOf } from "../options.js";

/** `deployments check`: the checks of a deployment once more. */
export function addDeploymentCommands(deployments: Command): void {
  common(deployments.command("check <id>"))
    .description("look at it anew: its checks, as after it came")
    .requiredOption("--reason <text>", "why; it is kept in the audit trail")
    .action(async (id: string, { reason, ...options }: CommonOptions & { reason: string }) => {
      const { target, screen } = contextOf(options);
      const path = `/deployments/${encodeURIComponent(id)}/check`;
      const asked = await ask<object>(target, path, { method: "POST", body: { reason } });
      if (options.json === true) return screen.out(JSON.stringify(asked));
      screen.out(`${id}  checking`);
      screen.err(screen.colors.dim(`See what is found: ${CALL} deployments show ${id}`));
    });
}
