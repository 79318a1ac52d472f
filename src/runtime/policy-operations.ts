import type { PolicyOperations } from "../admin/policy.js";
import type { Channels } from "../channels/channel.js";
import { Permanent } from "../domain/errors.js";
import { type CompareDeps, comparePolicies } from "../operations/policy/compare.js";
import { explainDelivery, explainEvent } from "../operations/policy/explain.js";
import { problemText } from "../policy/read-policy.js";
import type { PolicyReader } from "./policy-config.js";

/** What the policy means, and what others would, by the admin API. */
export function policyOperations(
  deps: CompareDeps & { channels: Channels },
  policies: PolicyReader,
): PolicyOperations {
  const isSetUp = (id: string): boolean =>
    Object.entries(deps.channels).some(([known, channel]) => known === id && channel.configured);
  const explaining = { ...deps, isSetUp };
  return {
    showPolicy: () => deps.policy,
    checkPolicyText(text) {
      const { policy, problems } = policies.read(text);
      return { name: policy?.name ?? null, problems };
    },
    explainEvent: (eventId) => explainEvent(eventId, explaining),
    explainDelivery: (given) => explainDelivery(given, explaining),
    async diffPolicy({ preset, text }, lastMs) {
      const found = preset === undefined ? policies.read(text ?? "") : policies.preset(preset);
      // What cannot be reached here is no matter of comparing; what cannot be read is.
      if (found === null || found.policy === null) {
        const said = (found?.problems ?? []).map((one) => problemText("the policy", one));
        throw new Permanent("invalid_request", { detail: said.join("; ") });
      }
      const since = lastMs === null ? null : deps.clock.now() - lastMs;
      return comparePolicies(found.policy, since, deps);
    },
  };
}
