import { buildEdge } from "../../src/runtime/edge.js";
import { buildNode } from "../../src/runtime/node.js";
import { environmentOf } from "../env.js";
import type { Contender, LaneSetup } from "../lanes/lane.js";
import { honoContender } from "./listen.js";

/** The whole deployment as Node runs it, every middleware and log line included. */
export function openNodeDoor(setup: LaneSetup): Promise<Contender> {
  return honoContender(buildNode(environmentOf(setup)).app);
}

/** The edge's door, which posts with `fetch`; here on Node, whose `fetch` is the one that can be measured. */
export function openFetchDoor(setup: LaneSetup): Promise<Contender> {
  return honoContender(buildEdge(environmentOf(setup)));
}
