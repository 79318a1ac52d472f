import { buildEdge } from "../../src/runtime/edge.js";

// Without this line, here and in [source]/[token].ts, Vercel runs the door on Node; nothing else changes.
export const config = { runtime: "edge" };

const { fetch } = buildEdge(process.env);

/** The edge calls the export itself, Node calls its `fetch`. */
export default Object.assign((request: Request) => fetch(request), { fetch });
