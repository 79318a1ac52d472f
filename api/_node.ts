import { buildNode } from "../src/runtime/node.js";

/** One runtime per instance, shared by all Node functions in it. Vercel makes no function of `_` files. */
export const { app } = buildNode(process.env);
