import { readFileSync } from "node:fs";
import { describeError } from "../domain/describe-error.js";
import {
  readRecipients,
  readServices,
  unknownRoles,
  withRecipients,
} from "../policy/deployment.js";
import { isPolicyName, POLICY_NAMES } from "../policy/names.js";
import { readPackageOf } from "../policy/payments.js";
import { presetOf } from "../policy/presets/index.js";
import { problemText, type ReadPolicy, readPolicy, readPreset } from "../policy/read-policy.js";
import type { Policy } from "../policy/schema.js";
import type { Reader } from "./environment.js";

/** Policies as this deployment would have them: with its addresses, its services, its channels. */
export interface PolicyReader {
  /** A policy file's text. */
  read(text: string): ReadPolicy;
  /** One of those that are kept here; null for a name that is none. */
  preset(name: string): ReadPolicy | null;
}
export interface PolicyConfig {
  policy: Policy;
  policies: PolicyReader;
}

/**
 * Reads whose rules hold, checks them, and adds what only this deployment knows. What is wrong becomes problems of
 * the configuration, all of it at once.
 *
 * @param isStrict in production a step that reaches nobody here is wrong, and so is the address of a role that the
 *   policy does not have; elsewhere channels may be missing, and policies are tried.
 */
export function readPolicyConfig(read: Reader, isStrict: boolean): PolicyConfig {
  const amend = amendment(read);
  const channels = isStrict ? waysToPeople(read) : undefined;
  const policies: PolicyReader = {
    read: (text) => readPolicy(text, amend, channels),
    preset: (name) => (isPolicyName(name) ? readPreset(name, amend, channels) : null),
  };
  const asked = read.text("SIGNALBOX_POLICY");
  const found = policies.preset(asked) ?? policyFile(asked, policies, read);
  for (const problem of found?.problems ?? []) {
    read.problem(`SIGNALBOX_POLICY ${problemText(asked, problem)}`);
  }
  const policy = found?.policy ?? presetOf("runbook");
  const { recipients } = readRecipients(read.optionalText("SIGNALBOX_RECIPIENTS") ?? "");
  // Elsewhere one text serves whatever policy is tried.
  for (const problem of isStrict ? unknownRoles(policy, recipients) : []) {
    read.problem(`SIGNALBOX_RECIPIENTS: ${problem}`);
  }
  return { policy, policies };
}

/** Null when it cannot be read, which is a problem by then. */
function policyFile(path: string, policies: PolicyReader, read: Reader): ReadPolicy | null {
  if (!/\.(ya?ml|json)$/i.test(path)) {
    read.problem(
      `SIGNALBOX_POLICY must be one of ${POLICY_NAMES.join(", ")}, or the path of a .yaml or .json file`,
    );
    return null;
  }
  try {
    return policies.read(readFileSync(path, "utf8"));
  } catch (error) {
    read.problem(`SIGNALBOX_POLICY names ${path}, which cannot be read: ${describeError(error)}`);
    return null;
  }
}

/** What is the deployment's own in any policy. */
function amendment(read: Reader): (policy: Policy) => Policy {
  const { recipients, problems } = readRecipients(read.optionalText("SIGNALBOX_RECIPIENTS") ?? "");
  for (const problem of problems) read.problem(`SIGNALBOX_RECIPIENTS: ${problem}`);
  const servicesText = read.optionalText("SIGNALBOX_SERVICES");
  const known = readServices(servicesText ?? "");
  for (const problem of known.problems) read.problem(`SIGNALBOX_SERVICES: ${problem}`);
  const packages = read.optionalText("SIGNALBOX_PACKAGES");
  const packageOf = packages === undefined ? undefined : readPackageOf(packages);
  if (packageOf === null) {
    read.problem("SIGNALBOX_PACKAGES must be pairs such as price_1=ADVANCED,prod_2=BASIC");
  }
  return (policy) => {
    const payments = packageOf ? { ...policy.payments, packageOf } : policy.payments;
    const services = servicesText === undefined ? policy.services : known.services;
    return withRecipients({ ...policy, payments, services }, recipients);
  };
}

/** What people can be reached by here. */
function waysToPeople(read: Reader): string[] {
  const needs = {
    email: ["RESEND_API_KEY"],
    slack: ["SLACK_WEBHOOK_URL"],
    pagerduty: ["PAGERDUTY_ROUTING_KEY"],
    sms: ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"],
  } as const;
  return Object.entries(needs).flatMap(([channel, names]) =>
    names.every((name) => read.isSet(name)) ? channel : [],
  );
}
