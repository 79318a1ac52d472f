import { gzipSync } from "node:zlib";
import { EdgeRuntime } from "edge-runtime";
import { build } from "esbuild";

const GLOBAL_NAME = "edgeFunction";

export interface EdgeBundle {
  /** A script that leaves the function's module in the global `edgeFunction`. */
  code: string;
  gzippedBytes: number;
  /** Every file that went in, by its path. */
  inputs: string[];
  /** What was left to the runtime to import; on the edge there is nothing to import. */
  externals: string[];
}

/** Bundles an edge function in one file, as the platform does. @throws when an import can't be resolved. */
export async function bundleEdge(entry: string): Promise<EdgeBundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    globalName: GLOBAL_NAME,
    platform: "browser",
    conditions: ["edge-light", "edge", "worker", "import"],
    target: "es2022",
    external: ["node:*"], // found and named, instead of a failed build
    logLevel: "silent",
  });
  const code = outputFiles[0]?.text ?? "";
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  return {
    code,
    gzippedBytes: gzipSync(code).length,
    inputs: Object.keys(metafile.inputs),
    externals: [...new Set(imports.filter((i) => i.external === true).map((i) => i.path))],
  };
}

export interface EdgeInstance {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** An instance of a bundled function in an edge VM: no Node, no `eval`, only `process.env`. */
export function startEdge(
  bundle: Pick<EdgeBundle, "code">,
  env: Readonly<Record<string, string>>,
): EdgeInstance {
  const runtime = new EdgeRuntime({
    initialCode: `${bundle.code}
const handle = ${GLOBAL_NAME}.default;
addEventListener("fetch", (event) => event.respondWith(handle(event.request)));`,
    extend: (context) => Object.assign(context, { process: { env: { ...env } } }),
  });
  return {
    fetch: (url, init) =>
      runtime.dispatchFetch(url, init as Parameters<typeof runtime.dispatchFetch>[1]),
  };
}
