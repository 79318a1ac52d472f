import { resourceMissing } from "../errors.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { StoredEvent } from "../rows.js";
import { presented, presentedBefore } from "../shapes.js";
import { kindOfId } from "../tables.js";
import type { Route, World } from "../world.js";

const KEPT_S = 30 * 24 * 60 * 60;

/** An event as it is sent and read: with the number of endpoints that have not confirmed it. */
export function readEvent(
  world: World,
  event: StoredEvent,
  version: string = event.api_version,
): object {
  const { request, type, data, ...head } = event;
  const { object, previous_attributes: before } = data;
  return {
    ...head,
    api_version: version,
    data: {
      object: presented(world, object as object, version),
      ...(before === undefined
        ? {}
        : { previous_attributes: presentedBefore(object, before, version) }),
    },
    pending_webhooks: world.openDeliveries(event.id),
    request,
    type,
  };
}

const THIN_PREFIX = "evt_65";

/** The id of the thin event that stands for a snapshot. */
export const thinIdOf = (snapshot: string): string => snapshot.replace(/^evt_/, THIN_PREFIX);

/**
 * The thin event of the same change: it names its object and holds nothing of it.
 * @see https://docs.stripe.com/webhooks/migrate-snapshot-to-thin-events
 */
function thinEvent(event: StoredEvent): object {
  const { object } = event.data as { object: { id?: string; object: string } };
  const kind = object.id === undefined ? undefined : kindOfId(object.id);
  const { id, idempotency_key } = event.request;
  return {
    id: thinIdOf(event.id),
    object: "v2.core.event",
    ...(event.account === undefined ? {} : { context: event.account }),
    created: new Date(event.created * 1000).toISOString(),
    livemode: event.livemode,
    reason: id === null ? null : { type: "request", request: { id, idempotency_key } },
    related_object:
      kind === undefined
        ? null
        : { id: object.id, type: object.object, url: `/v1/${kind}/${object.id}` },
    snapshot_event: event.id,
    type: `v1.${event.type}`,
  };
}

export interface PayloadOptions {
  /** The version whose shape is wanted; nothing: the event's own. */
  apiVersion?: string | null | undefined;
  thin?: boolean | undefined;
}

/** What an endpoint is sent. */
export const payloadOf = (world: World, event: StoredEvent, options: PayloadOptions): object =>
  options.thin === true
    ? thinEvent(event)
    : readEvent(world, event, options.apiVersion ?? event.api_version);

/** `charge.*` stands for every type that begins so. */
export const typeMatches = (pattern: string, type: string): boolean =>
  pattern === "*" ||
  pattern === type ||
  (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));

export const eventRoutes = (world: World): Route[] => [
  {
    method: "GET",
    path: "/v1/events",
    accepts: [...LIST_PARAMS, "type", "types", "delivery_success"],
    run: ({ input }) => {
      const type = input.text("type");
      const patterns = input.texts("types") ?? (type ? [type] : ["*"]);
      const success = input.flag("delivery_success");
      const oldest = world.now() - KEPT_S;
      const page = listOf("/v1/events", "event", input, world.tables.events, {
        matches: (event) =>
          event.created > oldest &&
          patterns.some((pattern) => typeMatches(pattern, event.type)) &&
          (success === undefined || success === (world.openDeliveries(event.id) === 0)),
      });
      return { ...page, data: page.data.map((event) => readEvent(world, event)) };
    },
  },
  {
    method: "GET",
    path: "/v1/events/:id",
    accepts: ["expand"],
    run: ({ id }) => {
      const event = world.tables.events.get(id);
      if (event === undefined || event.created <= world.now() - KEPT_S) {
        throw resourceMissing("event", id, "id");
      }
      return readEvent(world, event);
    },
  },
  {
    method: "GET",
    path: "/v2/core/events/:id",
    accepts: [],
    run: ({ id }) => {
      const event = world.tables.events.get(id.replace(THIN_PREFIX, "evt_"));
      if (event === undefined || event.created <= world.now() - KEPT_S) {
        throw resourceMissing("event", id, "id");
      }
      return thinEvent(event);
    },
  },
];
