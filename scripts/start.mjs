// npm start
import { runTypeScript } from "./bootstrap.mjs";

await runTypeScript("local/start.ts", process.argv.slice(2));
