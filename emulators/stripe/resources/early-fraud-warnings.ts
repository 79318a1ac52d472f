import type Stripe from "stripe";
import { resourceMissing } from "../errors.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import { NOBODY } from "../rows.js";
import type { Route, World } from "../world.js";
import { chargeNamed } from "./charges.js";
import { idOf } from "./intent-states.js";

type Warning = Stripe.Radar.EarlyFraudWarning;

/** An issuer's suspicion of a charge; worth acting on until the charge is refunded in full or disputed. */
export function warnOfFraud(world: World, chargeId: string, fraudType = "misc"): Warning {
  const charge = chargeNamed(world, chargeId, "id");
  const intent = idOf(charge.payment_intent);
  const warning: Warning = {
    id: world.kit.ids("issfr_"),
    object: "radar.early_fraud_warning",
    actionable: isActionable(charge),
    charge: charge.id,
    created: world.now(),
    fraud_type: fraudType,
    livemode: world.livemode,
    ...(intent === null ? {} : { payment_intent: intent }),
  };
  world.tables.warnings.put(warning.id, warning);
  world.emit(NOBODY, "radar.early_fraud_warning.created", warning);
  return warning;
}

const isActionable = (charge: Stripe.Charge): boolean => !charge.refunded && !charge.disputed;

/** After a charge was refunded or disputed: what can no longer be acted on says so. */
export function refreshWarnings(world: World, charge: Stripe.Charge): void {
  if (isActionable(charge)) return;
  const where = { field: "charge", value: charge.id };
  for (const before of [...world.tables.warnings.oldestFirst({ where })]) {
    if (!before.actionable) continue;
    const after = world.tables.warnings.put(before.id, { ...before, actionable: false });
    world.emit(NOBODY, "radar.early_fraud_warning.updated", after, before);
  }
}

export const earlyFraudWarningRoutes = (world: World): Route[] => [
  {
    method: "GET",
    path: "/v1/radar/early_fraud_warnings",
    accepts: [...LIST_PARAMS, "charge", "payment_intent"],
    run: ({ input }) =>
      listOf(
        "/v1/radar/early_fraud_warnings",
        "early_fraud_warning",
        input,
        world.tables.warnings,
        {
          by: ["charge", "payment_intent"],
        },
      ),
  },
  {
    method: "GET",
    path: "/v1/radar/early_fraud_warnings/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const warning = world.tables.warnings.get(id);
      if (warning === undefined) throw resourceMissing("early_fraud_warning", id, "id");
      return warning;
    },
  },
];
