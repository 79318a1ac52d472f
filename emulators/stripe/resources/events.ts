import { resourceMissing } from "../errors.js";
import { LIST_PARAMS, listOf } from "../lists.js";
import type { Route, StoredEvent, World } from "../world.js";

const KEPT_S = 30 * 24 * 60 * 60;

/** An event as it is sent and read: with the number of endpoints that have not confirmed it. */
export function readEvent(world: World, event: StoredEvent): object {
  const { request, type, ...head } = event;
  return { ...head, pending_webhooks: world.openDeliveries(event.id), request, type };
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
      const rows = world.tables.events
        .all()
        .filter((event) => event.created > world.now() - KEPT_S)
        .filter((event) => patterns.some((pattern) => typeMatches(pattern, event.type)))
        .filter(
          (event) => success === undefined || success === (world.openDeliveries(event.id) === 0),
        );
      const page = listOf("/v1/events", "event", input, rows);
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
