import type { Source } from "./source.js";
import { stripe } from "./stripe/index.js";

/** The only list of sources: everything that goes over "all sources" goes over this. */
export const sources = [stripe] as const;

export type SourceId = (typeof sources)[number]["id"];

const BY_ID: ReadonlyMap<string, Source> = new Map(sources.map((source) => [source.id, source]));

/** The source of this name, as it stands in the webhook's address. */
export function sourceById(id: string): Source | undefined {
  return BY_ID.get(id);
}
