import type { ObjectSaid } from "../../domain/facts.js";
import type { Ids } from "../../domain/ids.js";
import { joinWord, type LedgerKey, type LedgerObject } from "../../domain/ledger.js";
import type { Instant } from "../../domain/time.js";
import type { Doubt } from "../handler.js";

export const keyText = ({ kind, account, livemode, externalId }: LedgerKey): string =>
  `${kind}:${account}:${livemode ? "live" : "test"}:${externalId}`;

/** The objects as they are read and, by the words of one event, to be. */
export interface JoinedObjects {
  /** All of them, as they are to be. */
  objects: readonly LedgerObject[];
  /** As they were read, by id. */
  before: ReadonlyMap<string, LedgerObject>;
  /** The objects that were spoken of, in the order of the words. */
  spoken: readonly { word: ObjectSaid; object: LedgerObject; changed: boolean }[];
}

/** Joins the words one after the other; what is in doubt is named, and nothing else counts then. */
export function joinWords(
  words: readonly ObjectSaid[],
  rows: readonly LedgerObject[],
  { ids, now }: { ids: Ids; now: Instant },
): JoinedObjects | { doubts: Doubt[] } {
  const known = new Map(rows.map((row) => [keyText(row), row]));
  const doubts: Doubt[] = [];
  const spoken: { word: ObjectSaid; changed: boolean }[] = [];
  for (const word of words) {
    const before = known.get(keyText(word.object)) ?? null;
    const id = before?.id ?? ids.next("ledgerObject");
    const joined = joinWord(before, word, { id, now });
    if (joined.kind === "doubt") {
      doubts.push({ object: word.object, after: before?.version ?? null, why: joined.why });
      continue;
    }
    known.set(keyText(word.object), joined.row);
    spoken.push({ word, changed: joined.kind === "joined" });
  }
  if (doubts.length > 0) return { doubts };
  return {
    objects: [...known.values()],
    before: new Map(rows.map((row) => [row.id, row])),
    spoken: spoken.flatMap(({ word, changed }) => {
      const object = known.get(keyText(word.object));
      return object === undefined ? [] : [{ word, changed, object }];
    }),
  };
}
