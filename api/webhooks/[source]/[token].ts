import door from "../[source].js";

// Vercel reads this line without running it, so it is written out, not passed on.
export const config = { runtime: "edge" };

export default door;
