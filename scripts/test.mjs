// npm test [-- vitest's arguments]
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bootstrap, root } from "./bootstrap.mjs";
import { memoryFolder } from "./memory-folder.mjs";

await bootstrap();
process.chdir(root);
process.env.TMPDIR = memoryFolder();
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
process.argv = [process.execPath, vitest, "run", ...process.argv.slice(2)];
await import(pathToFileURL(vitest).href);
