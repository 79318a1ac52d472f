import { type Policy, policySchema } from "./schema.js";

/** Roles' addresses by channel, as only a deployment knows them: no preset and no policy file needs to hold any. */
export type Recipients = ReadonlyMap<string, Readonly<Partial<Record<Personal, string>>>>;
type Personal = "email" | "sms";

/** How an address must look, so that a slip is found at the start and not in the night. */
const ADDRESS: Readonly<Record<Personal, { form: RegExp; example: string }>> = {
  email: { form: /^[^\s@;=]+@[^\s@;=]+\.[^\s@;=]+$/, example: "a@b.example" },
  sms: { form: /^\+[1-9]\d{6,14}$/, example: "+66812345678" },
};
const isPersonal = (channel: string): channel is Personal => Object.hasOwn(ADDRESS, channel);

/**
 * Reads `on-call.email=a@b.example;on-call.sms=+66812345678;technical-lead.email=c@d.example`.
 *
 * @returns what was understood, and a sentence for each part that was not; no sentence holds an address.
 */
export function readRecipients(text: string): { recipients: Recipients; problems: string[] } {
  const recipients = new Map<string, Partial<Record<Personal, string>>>();
  const problems: string[] = [];
  for (const [n, part] of partsOf(text)) {
    const [, role, channel, address] = /^([^.=]+)\.([^.=]+)=(.*)$/.exec(part)?.map(trimmed) ?? [];
    if (role === undefined || channel === undefined || address === undefined) {
      problems.push(`part ${n} must be such as on-call.email=a@b.example`);
    } else if (!isPersonal(channel)) {
      problems.push(`${role}.${channel}: only email and sms have an address for each role`);
    } else if (!ADDRESS[channel].form.test(address)) {
      problems.push(`${role}.${channel} must be such as ${ADDRESS[channel].example}`);
    } else if (recipients.get(role)?.[channel] !== undefined) {
      problems.push(`${role}.${channel} is there twice`);
    } else {
      recipients.set(role, { ...recipients.get(role), [channel]: address });
    }
  }
  return { recipients, problems };
}

/** The policy with the deployment's addresses; a role's own in the policy is replaced. */
export function withRecipients(policy: Policy, recipients: Recipients): Policy {
  const roles = Object.entries(policy.roles).map(([id, role]): [string, typeof role] => [
    id,
    { ...role, addresses: { ...role.addresses, ...recipients.get(id) } },
  ]);
  return { ...policy, roles: Object.fromEntries(roles) };
}

/** A sentence for each role that has an address, and that the policy does not have. */
export function unknownRoles(policy: Policy, recipients: Recipients): string[] {
  const known = Object.keys(policy.roles);
  return [...recipients.keys()]
    .filter((role) => !known.includes(role))
    .map((role) => `${role} is no role of the policy, which has ${known.join(", ")}`);
}

/**
 * Reads `shop=Shop*,4500000000000001;api=api,api.example.com`: by which names the monitors, projects and
 * deployments know one service.
 */
export function readServices(text: string): { services: Policy["services"]; problems: string[] } {
  const services: Policy["services"] = [];
  const problems: string[] = [];
  for (const [n, part] of partsOf(text)) {
    const [, id, names] = /^([^=]+)=(.+)$/.exec(part)?.map(trimmed) ?? [];
    const service = { id, names: names?.split(",").map(trimmed) };
    const read = policySchema.shape.services.unwrap().element.safeParse(service);
    if (read.success) services.push(read.data);
    else problems.push(`part ${n} must be such as shop=Shop*,4500000000000001`);
  }
  return { services, problems };
}

const trimmed = (text: string): string => text.trim();

/** Parts between semicolons with their number from 1; empty ones, as after the last, are left out. */
function partsOf(text: string): [number, string][] {
  const parts = text.split(";").map((part, n): [number, string] => [n + 1, part.trim()]);
  return parts.filter(([, part]) => part !== "");
}
