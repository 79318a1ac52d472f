import { app } from "./_node.js";

export default { fetch: app.fetch };
