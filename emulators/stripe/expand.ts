import { parameterInvalid } from "./errors.js";
import type { World } from "./world.js";

/**
 * Replaces ids by their objects along paths such as `latest_charge.refunds` or `data.customer`.
 * @throws 400 when a path does not lead to something that can be expanded.
 */
export function expanded(world: World, object: object, paths: string[]): object {
  if (paths.length === 0) return object;
  const copy = structuredClone(object);
  for (const path of paths) expandPath(world, copy, path.split("."), path);
  return copy;
}

const DEPTH_MAX = 4;

function expandPath(world: World, node: object, parts: string[], path: string): void {
  const [name, ...rest] = parts;
  if (name === undefined) return;
  if (parts.length > DEPTH_MAX) {
    throw parameterInvalid(
      "expand",
      `You cannot expand more than ${DEPTH_MAX} levels of a property.`,
    );
  }
  const fields = node as Record<string, unknown>;
  if (!(name in fields) && virtual(world, fields, name) === undefined) throw notExpandable(path);
  fields[name] = virtual(world, fields, name) ?? lookUp(world, name, fields[name], path);
  const value = fields[name];
  for (const child of Array.isArray(value) ? value : [value]) {
    if (typeof child === "object" && child !== null) expandPath(world, child, rest, path);
  }
}

function lookUp(world: World, name: string, value: unknown, path: string): unknown {
  if (typeof value === "object" && value !== null) return value;
  const { tables } = world;
  const tableOf: Record<string, { get(id: string): object | undefined }> = {
    customer: tables.customers,
    payment_method: tables.paymentMethods,
    payment_intent: tables.paymentIntents,
    latest_charge: tables.charges,
    charge: tables.charges,
    default_payment_method: tables.paymentMethods,
    invoice: tables.invoices,
    latest_invoice: tables.invoices,
    product: tables.products,
    setup_intent: tables.setupIntents,
    subscription: tables.subscriptions,
  };
  const table = tableOf[name];
  if (table === undefined) throw notExpandable(path);
  return structuredClone(table.get(String(value)) ?? value);
}

/** Lists that an object has only when they are asked for. */
function virtual(world: World, fields: Record<string, unknown>, name: string): object | undefined {
  if (fields.object === "charge" && name === "refunds") {
    const where = { field: "charge", value: String(fields.id) };
    const data = structuredClone([...world.tables.refunds.newestFirst({ where })]);
    return {
      object: "list",
      url: `/v1/charges/${fields.id}/refunds`,
      has_more: false,
      data,
    };
  }
  if (fields.object === "invoice" && name === "payments") {
    const where = { field: "invoice", value: String(fields.id) };
    const data = structuredClone([...world.tables.invoicePayments.newestFirst({ where })]);
    return { object: "list", url: "/v1/invoice_payments", has_more: false, data };
  }
  if (fields.object === "checkout.session" && name === "line_items") {
    const data = structuredClone(world.tables.carts.get(String(fields.id))?.items ?? []);
    return {
      object: "list",
      url: `/v1/checkout/sessions/${fields.id}/line_items`,
      has_more: false,
      data,
    };
  }
  return undefined;
}

const notExpandable = (path: string) =>
  parameterInvalid("expand", `This property cannot be expanded (${path}).`);
