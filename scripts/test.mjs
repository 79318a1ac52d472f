// npm test [-- vitest's arguments]
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bootstrap, root } from "./bootstrap.mjs";

await bootstrap();
process.chdir(root);
const { memoryFolder } = await import("./memory-folder.mjs"); // an old Node has not all that it imports
/** All that the run leaves behind goes with it; of one that was killed the next run's global setup clears it. */
const folder = mkdtempSync(join(memoryFolder(), `signalbox-run-${process.pid}-`));
chmodSync(folder, 0o711); // as root, Postgres runs as another user
process.env.TMPDIR = folder;
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
process.argv = [process.execPath, vitest, "run", ...process.argv.slice(2)];
await import(pathToFileURL(vitest).href);
