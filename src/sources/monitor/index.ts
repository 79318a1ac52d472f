import { OWN_SOURCE } from "../../domain/own-signal.js";
import type { Source } from "../source.js";
import { identify } from "./identify.js";
import { normalise } from "./normalise.js";

/**
 * What this deployment tells itself: thresholds, lag, silence, canaries. Sent into the queue by ourselves, so
 * that it is kept, traced, replayed and explained like every event. The door takes none.
 */
export const monitor: Source = Object.freeze({
  id: OWN_SOURCE,
  keepHeaders: [],
  identify,
  normalise,
});
