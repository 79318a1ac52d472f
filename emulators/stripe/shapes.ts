import type { World } from "./world.js";

/** An object, a list or an answer in the shape of an API version. */
export function presented(_world: World, value: object, _version: string): object {
  return value;
}
