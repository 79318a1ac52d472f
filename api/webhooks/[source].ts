import { buildEdge } from "../../src/runtime/edge.js";

// On Node instead: delete this line, and take `app` from "../_node.js" for the one below.
export const config = { runtime: "edge" };

export default buildEdge(process.env).fetch;
