// npm run check:vercel: what Vercel would make of this repository, built and called. See check-vercel/.
import { runTypeScript } from "./bootstrap.mjs";

await runTypeScript("scripts/check-vercel/main.ts", process.argv.slice(2));
