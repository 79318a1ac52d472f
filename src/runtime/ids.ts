import { ID_PREFIX, type IdKind, type Ids } from "../domain/ids.js";
import type { Clock } from "../domain/time.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's base 32, as in a ULID
const TIME_CHARS = 10;
const COUNT_CHARS = 3;
const RANDOM_CHARS = 13;
const POOL_BYTES = 4_096;

/**
 * Ids in the manner of ULIDs: 50 bits of milliseconds, 15 that count within one, 65 of chance. As text
 * they sort by time, and those of one instance by the order of their making.
 */
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
  let last = 0;
  let time = digits(last, TIME_CHARS);
  let count = 0;
  const next = (kind: IdKind): string => {
    const now = clock.now();
    count = now === last ? (count + 1) % 32 ** COUNT_CHARS : 0;
    if (now !== last) time = digits(now, TIME_CHARS);
    last = now;
    return `${ID_PREFIX[kind]}_${time}${digits(count, COUNT_CHARS)}${random()}`;
  };
  return Object.freeze({ next });
}

function digits(value: number, length: number): string {
  let left = value;
  let out = "";
  for (let i = 0; i < length; i += 1) {
    out = ALPHABET[left % 32] + out;
    left = Math.floor(left / 32);
  }
  return out;
}
