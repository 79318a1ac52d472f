import { createDeliveries, type Deliveries, type RetrySchedule } from "./deliveries.js";
import type { Post } from "./delivery-ledger.js";
import { followPayment } from "./resources/checkout-sessions.js";
import { followIntent } from "./resources/invoice-states.js";
import { followInvoice } from "./resources/subscription-states.js";
import type { Actor, StoredEvent } from "./rows.js";
import { openTables } from "./tables.js";
import { type Ground, previousAttributes, type World } from "./world.js";

export interface Realms {
  /** The platform's own world in the mode of the emulator's first key. */
  primary: World;
  /** The world of an account (null: the platform) in a mode; made when it is first asked for. */
  of(account: string | null, livemode: boolean): World;
  all(): World[];
  eventNamed(id: string): { world: World; event: StoredEvent } | undefined;
  deliveries: Deliveries;
  /** After a reset: only the primary world is left. */
  forget(): void;
}

export interface RealmOptions {
  livemode: boolean;
  apiVersion: string;
  retry: RetrySchedule;
  deliveryTimeoutMs: number;
}

interface RealmRow {
  account: string | null;
  livemode: boolean;
}

/** Accounts and modes as worlds of their own, on one store, with one post office for all. */
export function openRealms(ground: Ground, options: RealmOptions): Realms {
  const known = ground.store.table<RealmRow>("realms");
  const worlds = new Map<string, World>();
  const nameOf = ({ account, livemode }: RealmRow) =>
    account === null && livemode === options.livemode
      ? ""
      : `${account ?? "platform"}/${livemode ? "live" : "test"}/`;

  const of = (account: string | null, livemode: boolean): World => {
    const row = { account, livemode };
    const name = nameOf(row);
    const existing = worlds.get(name);
    if (existing !== undefined) return existing;
    if (name !== "" && known.get(name) === undefined) known.put(name, row);
    const world = createWorld(ground, row, name, options.apiVersion, () => deliveries);
    worlds.set(name, world);
    return world;
  };
  const eventNamed: Post["eventNamed"] = (id) => {
    for (const world of worlds.values()) {
      const event = world.tables.events.get(id);
      if (event !== undefined) return { world, event };
    }
    return undefined;
  };
  const platform = (livemode: boolean) => of(null, livemode);
  const deliveries: Deliveries = createDeliveries(
    { ground, eventNamed, platform },
    { retry: options.retry, timeoutMs: options.deliveryTimeoutMs },
  );
  const primary = of(null, options.livemode);
  for (const { account, livemode } of known.all()) of(account, livemode);
  return {
    primary,
    of,
    all: () => [...worlds.values()],
    eventNamed,
    deliveries,
    forget() {
      deliveries.forget();
      worlds.clear();
      worlds.set("", primary);
    },
  };
}

function createWorld(
  ground: Ground,
  { account, livemode }: RealmRow,
  prefix: string,
  apiVersion: string,
  deliveries: () => Deliveries,
): World {
  const tables = openTables(ground.store, prefix);
  const world: World = {
    kit: ground,
    tables,
    apiVersion,
    livemode,
    account,
    now: () => Math.floor(ground.clock.now() / 1000),
    emit: (actor, type, object, before) =>
      deliveries().add(world, recordEvent(world, actor, type, object, before)),
    settled: (...change) => {
      followIntent(...change);
      followPayment(...change);
    },
    invoiceSettled: followInvoice,
    openDeliveries: (eventId) => deliveries().openOf(eventId),
  };
  return world;
}

/** Stores an event with a snapshot of `object`; sends nothing. Objects are never changed in place, so none is copied. */
export function recordEvent(
  world: World,
  actor: Actor,
  type: string,
  object: object,
  before?: object,
): StoredEvent {
  const event: StoredEvent = {
    id: world.kit.ids("evt_"),
    object: "event",
    ...(world.account === null ? {} : { account: world.account }),
    api_version: world.apiVersion,
    created: world.now(),
    data: {
      object,
      ...(before === undefined ? {} : { previous_attributes: previousAttributes(before, object) }),
    },
    livemode: world.livemode,
    request: actor,
    type,
  };
  return world.tables.events.put(event.id, event);
}
