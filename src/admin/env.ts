import type { Caller } from "../domain/operator.js";

/** What a request is known by while it is answered; `caller` is set before any route that needs one. */
export type AdminEnv = { Variables: { requestId: string; caller: Caller } };
