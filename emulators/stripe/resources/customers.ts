import type Stripe from "stripe";
import { parameterInvalid, resourceMissing } from "../errors.js";
import type { Input } from "../form.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Actor } from "../rows.js";
import type { Route, World } from "../world.js";

const FIELDS = ["email", "name", "phone", "description", "metadata", "preferred_locales", "expand"];

/** The live customer named in a parameter, or the answer that Stripe gives when there is none. */
export function customerNamed(world: World, id: string, param = "customer"): Stripe.Customer {
  const customer = world.tables.customers.get(id);
  if (customer === undefined || customer.deleted) {
    throw resourceMissing("customer", id, param, param === "id" ? 404 : 400);
  }
  return customer;
}

export function createCustomer(
  world: World,
  actor: Actor,
  fields: Pick<Stripe.Customer, "email" | "description" | "metadata"> & Partial<Stripe.Customer>,
): Stripe.Customer {
  const customer: Stripe.Customer = {
    id: world.kit.ids("cus_"),
    object: "customer",
    address: null,
    balance: 0,
    created: world.now(),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    invoice_prefix: null,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: world.livemode,
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
    ...fields,
  };
  world.tables.customers.put(customer.id, customer);
  world.emit(actor, "customer.created", customer);
  return customer;
}

function readFields(input: Input): Partial<Stripe.Customer> {
  const email = input.text("email");
  if (email && !/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw parameterInvalid("email", `Invalid email address: ${email}`, "email_invalid");
  }
  const fields = {
    email,
    name: input.text("name"),
    phone: input.text("phone"),
    description: input.text("description"),
    preferred_locales: input.texts("preferred_locales"),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function update(world: World, actor: Actor, id: string, input: Input): Stripe.Customer {
  const before = customerNamed(world, id, "id");
  const after = { ...before, ...readFields(input), metadata: input.metadata(before.metadata) };
  world.tables.customers.put(id, after);
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    world.emit(actor, "customer.updated", after, before);
  }
  return after;
}

function remove(world: World, actor: Actor, id: string): Stripe.DeletedCustomer {
  const before = customerNamed(world, id, "id");
  const deleted: Stripe.DeletedCustomer = { id, object: "customer", deleted: true };
  world.tables.customers.put(id, deleted);
  world.emit(actor, "customer.deleted", before);
  return deleted;
}

export const customerRoutes = (world: World): Route[] => [
  {
    method: "POST",
    path: "/v1/customers",
    accepts: FIELDS,
    run: ({ input, actor }) =>
      createCustomer(world, actor, {
        email: null,
        description: null,
        ...readFields(input),
        metadata: input.metadata(),
      }),
  },
  {
    method: "GET",
    path: "/v1/customers",
    accepts: [...LIST_PARAMS, "email"],
    run: ({ input }) =>
      listOf("/v1/customers", "customer", input, world.tables.customers, {
        by: ["email"],
        matches: (row) => !row.deleted,
      }),
  },
  {
    method: "GET",
    path: "/v1/customers/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const customer = world.tables.customers.get(id);
      if (customer === undefined) throw resourceMissing("customer", id, "id");
      return customer;
    },
  },
  {
    method: "POST",
    path: "/v1/customers/:id",
    accepts: FIELDS,
    run: ({ id, input, actor }) => update(world, actor, id, input),
  },
  {
    method: "DELETE",
    path: "/v1/customers/:id",
    accepts: [],
    run: ({ id, actor }) => remove(world, actor, id),
  },
];
