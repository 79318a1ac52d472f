import { ID_PREFIX, type IdKind, type Ids } from "../domain/ids.js";
import type { Clock } from "../domain/time.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's base 32, as in a ULID
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;
const POOL_BYTES = 4_096;

/** Ids in the manner of ULIDs: 48 bits of milliseconds, 80 of chance, sorted by time as text. */
export function createIds(clock: Clock): Ids {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  const random = (): string => {
    if (used + RANDOM_CHARS > POOL_BYTES) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    let out = "";
    for (let i = 0; i < RANDOM_CHARS; i += 1) out += ALPHABET[(pool[used + i] ?? 0) & 31];
    used += RANDOM_CHARS;
    return out;
  };
  const time = (): string => {
    let left = clock.now();
    let out = "";
    for (let i = 0; i < TIME_CHARS; i += 1) {
      out = ALPHABET[left % 32] + out;
      left = Math.floor(left / 32);
    }
    return out;
  };
  return Object.freeze({ next: (kind: IdKind) => `${ID_PREFIX[kind]}_${time()}${random()}` });
}
