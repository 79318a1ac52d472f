import { unknownRoute } from "./errors.js";
import type { Route, World } from "./world.js";

/** Makes the routes of one resource for one world. */
export type Resource = (world: World) => Route[];

export interface Router {
  /** @throws the answer for an unknown URL. */
  find(world: World, method: string, path: string): { route: Route; id: string };
}

/** Finds the route for a path such as `/v1/charges/ch_1/refunds`; at most one part of a path is an id. */
export function createRouter(resources: Resource[]): Router {
  const byWorld = new Map<World, Map<string, Route>>();
  const routesOf = (world: World) => {
    const known = byWorld.get(world) ?? new Map<string, Route>();
    if (known.size === 0) {
      for (const route of resources.flatMap((resource) => resource(world))) {
        known.set(`${route.method} ${route.path}`, route);
      }
      byWorld.set(world, known);
    }
    return known;
  };
  return {
    find(world, method, path) {
      const routes = routesOf(world);
      const exact = routes.get(`${method} ${path}`);
      if (exact !== undefined) return { route: exact, id: "" };
      const parts = path.split("/");
      for (let at = parts.length - 1; at > 2; at--) {
        const route = routes.get(`${method} ${parts.with(at, ":id").join("/")}`);
        if (route !== undefined) return { route, id: decodeURIComponent(parts[at] ?? "") };
      }
      throw unknownRoute(method, path);
    },
  };
}
