import { resourceMissing } from "../errors.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Route, StoredEvent, World } from "../world.js";

const KEPT_S = 30 * 24 * 60 * 60;

/** An event as it is sent and read: with the number of endpoints that have not confirmed it. */
export function readEvent(world: World, event: StoredEvent): object {
  const { request, type, ...head } = event;
  return { ...head, pending_webhooks: world.openDeliveries(event.id), request, type };
}

export interface PayloadOptions {
  /** The version whose shape is wanted; nothing: the event's own. */
  apiVersion?: string | null | undefined;
  thin?: boolean | undefined;
}

/** What an endpoint is sent. */
export function payloadOf(world: World, event: StoredEvent, _options: PayloadOptions): object {
  return readEvent(world, event);
}

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
];
