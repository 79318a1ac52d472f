import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { environmentOf } from "./env.js";
import { median } from "./stats.js";

const ENTRY = fileURLToPath(new URL("../api/webhooks/[source].ts", import.meta.url));
const IMPORT_TIMEOUT_MS = 30_000;

export interface BundleFigures {
  rawBytes: number;
  gzippedBytes: number;
  /** Of a fresh process each: reading, compiling and running the module, the door built at its end. */
  importMs: number;
  /** The same for a module that only has a line: what any import costs. */
  emptyImportMs: number;
}

/** The edge function as one file: its size, and how long a cold instance takes to have it. */
export async function measureEdgeBundle(dir: string, processes: number): Promise<BundleFigures> {
  const result = await build({
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    conditions: ["edge-light", "worker", "import"],
    target: "es2022",
  });
  const bytes = result.outputFiles[0]?.contents ?? new Uint8Array();
  const bundle = join(dir, "edge.mjs");
  const empty = join(dir, "empty.mjs");
  await writeFile(bundle, bytes);
  await writeFile(empty, "export default 1;\n");
  const times: { bundle: number[]; empty: number[] } = { bundle: [], empty: [] };
  for (let i = 0; i < processes; i += 1) {
    times.bundle.push(await importMs(bundle));
    times.empty.push(await importMs(empty));
  }
  return {
    rawBytes: bytes.length,
    gzippedBytes: gzipSync(bytes).length,
    importMs: median(times.bundle),
    emptyImportMs: median(times.empty),
  };
}

async function importMs(file: string): Promise<number> {
  const script = `const at = performance.now();
await import(${JSON.stringify(pathToFileURL(file).href)});
process.stdout.write(String(performance.now() - at));`;
  const env = environmentOf({ name: "edge", sinkUrl: "", databaseUrl: "" });
  const args = ["--input-type=module", "--eval", script];
  const options = { env, timeout: IMPORT_TIMEOUT_MS };
  return Number((await promisify(execFile)(process.execPath, args, options)).stdout);
}
