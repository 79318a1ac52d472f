/** All that Vercel's edge has of Node's `process`. Only tsconfig.edge.json knows this file. */
declare const process: { readonly env: Readonly<Record<string, string | undefined>> };
