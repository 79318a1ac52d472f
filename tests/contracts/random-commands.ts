import fc from "fast-check";

/** Few keys and values, so that commands meet each other's data, of the right type and of the wrong one. */
const key = fc.constantFrom("k1", "k2", "k3", "k4");
const member = fc.constantFrom("a", "b", "c", "é", "👋", "", "-1", "OK");
const value = fc.constantFrom("x", "", "10", "-3", "007", "9223372036854775807", "ว", "3.5");
const index = fc.constantFrom("0", "1", "-1", "2", "-2", "5", "-9", "x");
const count = fc.constantFrom("0", "1", "2", "-1", "7", "1.5");
const amount = fc.constantFrom("1", "-1", "5", "9223372036854775807", "-9223372036854775808", "z");
const score = fc.constantFrom("1", "2", "-1.5", "0", "inf", "-inf", "1e3", "+4", "nan", "");
/** Not a bare "(", which Redis reads as (0 and the emulator refuses. */
const bound = fc.constantFrom("-inf", "+inf", "1", "(1", "2", "(0", "-1.5", "x");
const seconds = fc.constantFrom("1000", "2000", "0", "-5", "9223372036854775807", "x");
const timeUnit = fc.constantFrom("EX", "px", "EXAT", "PXAT");

/** The same word list, with letter case left to chance. */
const word = (...words: string[]) =>
  fc
    .tuple(fc.constantFrom(...words), fc.boolean())
    .map(([text, upper]) => (upper ? text.toUpperCase() : text));
const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 3) =>
  fc.array(arbitrary, { minLength: 0, maxLength });

type Part = fc.Arbitrary<string | string[]>;
const command = (...parts: Part[]): fc.Arbitrary<string[]> =>
  fc.tuple(...parts).map((words) => words.flat());

/** Relative expiries stay far off and absolute ones far in the past or the future, so that no test meets an edge. */
const expiry = fc
  .tuple(timeUnit, fc.constantFrom("1000000", "99999999999999", "0", "-1", "x"))
  .map((pair) => [...pair]);

const strings = [
  command(word("get", "strlen", "getdel", "incr", "decr", "type", "ttl", "persist"), key),
  command(word("set"), key, value),
  command(
    word("set"),
    key,
    value,
    some(word("nx", "xx", "get", "keepttl"), 2),
    fc.oneof(fc.constant<string[]>([]), expiry),
  ),
  command(word("getex"), key, fc.oneof(expiry, fc.constantFrom<string[]>([], ["persist"]))),
  command(word("setnx", "getset", "append"), key, value),
  command(word("setex"), key, seconds, value),
  command(word("incrby", "decrby"), key, amount),
  command(word("mget", "exists", "del", "unlink"), some(key)),
  command(word("mset"), some(fc.oneof(key, value), 4)),
  command(word("expire"), key, seconds, some(word("nx", "xx", "gt", "lt", "zz"), 2)),
];
const hashes = [
  command(word("hset"), key, some(member, 4)),
  command(word("hsetnx"), key, member, value),
  command(word("hget", "hexists"), key, member),
  command(word("hmget", "hdel"), key, some(member)),
  command(word("hgetall", "hkeys", "hvals", "hlen"), key),
  command(word("hincrby"), key, member, amount),
];
const lists = [
  command(word("lpush", "rpush"), key, some(member)),
  command(word("lpop", "rpop"), key, some(count, 1)),
  command(word("lrange", "ltrim"), key, index, index),
  command(word("llen"), key),
  command(word("lrem"), key, count, member),
  command(word("lindex"), key, index),
  command(word("lset"), key, index, member),
];
const sets = [
  command(word("sadd", "srem"), key, some(member)),
  command(word("smembers", "scard"), key),
  command(word("sismember"), key, member),
];
const sortedSets = [
  command(
    word("zadd"),
    key,
    some(word("nx", "xx", "gt", "lt", "ch", "incr"), 2),
    some(fc.tuple(score, member), 2).map((pairs) => pairs.flat()),
  ),
  command(word("zincrby"), key, score, member),
  command(word("zrem"), key, some(member)),
  command(word("zscore"), key, member),
  command(word("zcard"), key),
  command(
    word("zrange"),
    key,
    fc.oneof(index, bound),
    fc.oneof(index, bound),
    some(word("byscore", "rev", "withscores"), 2),
    fc.oneof(
      fc.constant<string[]>([]),
      fc.tuple(index, count).map((limit) => ["limit", ...limit]),
    ),
  ),
  command(word("zrangebyscore"), key, bound, bound, some(word("withscores"), 1)),
  command(word("zcount", "zremrangebyscore"), key, bound, bound),
  command(word("zremrangebyrank"), key, index, index),
];
const wrong = [
  command(fc.constantFrom("get", "zadd", "HSET", "lpop", "nosuch", "ping"), some(key)),
];

/** One command over four keys, often right, sometimes wrong. */
export const anyCommand: fc.Arbitrary<string[]> = fc.oneof(
  fc.oneof(...strings),
  fc.oneof(...hashes),
  fc.oneof(...lists),
  fc.oneof(...sets),
  fc.oneof(...sortedSets),
  { arbitrary: fc.oneof(...wrong), weight: 1 },
);

/** An expiry counted from now, in seconds; the second of two equal ones is later by the milliseconds between them. */
const lasting = (words: readonly string[]): boolean =>
  words[0]?.toLowerCase() === "expire" && ["1000", "2000"].includes(words[2] ?? "");

/** No two expiries of a sequence are equal, because GT and LT would tell by the speed of the machine which is later. */
export const anySequence = fc
  .array(anyCommand, { minLength: 1, maxLength: 40, size: "max" })
  .map((sequence) =>
    sequence.map((words, i) =>
      lasting(words) ? words.with(2, String(Number(words[2]) + 10 * (i + 1))) : words,
    ),
  );
