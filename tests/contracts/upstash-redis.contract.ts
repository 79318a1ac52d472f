import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

interface ServiceUnderTest {
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
const ENCODED = { "upstash-encoding": "base64" };

/**
 * What the app relies on in Upstash Redis's REST API, asked through the real client and through bare HTTP.
 * Runs on the emulator and on a real Redis behind the same front; the data is flushed before each test.
 */
export function upstashRedisContract(name: string, start: () => Promise<ServiceUnderTest>): void {
  describe(`Upstash Redis contract: ${name}`, () => {
    let service: ServiceUnderTest;
    let redis: Redis;
    const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const response = await fetch(`${service.url}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${service.token}`, ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as unknown };
    };
    const run = async (...words: unknown[]) => (await post("/", words)).body;
    const results = async (...commands: unknown[][]) => {
      const { body } = await post("/pipeline", commands);
      return (body as { result: unknown }[]).map((answer) => answer.result);
    };

    beforeAll(async () => {
      service = await start();
      redis = new Redis({ url: service.url, token: service.token, enableTelemetry: false });
    });
    beforeEach(async () => {
      await redis.flushdb();
    });
    afterAll(async () => {
      await service.close();
    });

    describe("through @upstash/redis", () => {
      it("claims a key once with SET NX EX and answers null the second time", async () => {
        expect(await redis.set("claim", "a", { nx: true, ex: 60 })).toBe("OK");
        expect(await redis.set("claim", "b", { nx: true, ex: 60 })).toBeNull();
        expect(await redis.get("claim")).toBe("a");
        expect(await redis.ttl("claim")).toBe(60);
      });

      it("replaces only what is there with XX, returns the old value with GET, keeps the TTL", async () => {
        expect(await redis.set("k", "a", { xx: true })).toBeNull();
        await redis.set("k", "a", { px: 90_000 });
        expect(await redis.set("k", "b", { get: true, keepTtl: true })).toBe("a");
        expect(await redis.ttl("k")).toBeGreaterThan(80);
        await redis.set("k", "c");
        expect(await redis.ttl("k")).toBe(-1);
      });

      it("carries Thai, emoji, control characters and JSON through base64 unchanged", async () => {
        const value = { text: 'สวัสดี 👋\u0000\n"', list: [1, null, true] };
        await redis.set("json", value);
        await redis.hset("hash", { ชื่อ: "ค่า", n: 7 });
        expect(await redis.get("json")).toEqual(value);
        expect(await redis.hgetall("hash")).toEqual({ ชื่อ: "ค่า", n: 7 });
        expect(await redis.strlen("json")).toBe(Buffer.byteLength(JSON.stringify(value)));
      });

      it("answers commands of one tick in one pipeline, each its own", async () => {
        const answers = await Promise.all([
          redis.set("a", 1),
          redis.incr("n"),
          redis.incrby("n", 5),
          redis.rpush("l", "x", "y"),
        ]);
        expect(answers).toEqual(["OK", 1, 6, 2]);
      });

      it("rejects only the failed command of an auto pipeline", async () => {
        await redis.set("text", "abc");
        const [bad, good] = await Promise.allSettled([redis.incr("text"), redis.incr("n")]);
        expect(bad).toMatchObject({
          status: "rejected",
          reason: { message: expect.stringContaining("ERR value is not an integer") },
        });
        expect(good).toEqual({ status: "fulfilled", value: 1 });
      });

      it("runs the rest of a pipeline and of a transaction after a command failed", async () => {
        await redis.set("text", "abc");
        for (const batch of [redis.pipeline(), redis.multi()]) {
          const answers = await batch.incr("text").incr("n").exec({ keepErrors: true });
          expect(answers[0]?.error).toContain("ERR value is not an integer or out of range");
          expect(answers[1]?.error).toBeUndefined();
        }
        expect(await redis.get("n")).toBe(2);
      });

      it("lets nothing come between the commands of a transaction", async () => {
        const turns = Array.from({ length: 20 }, () =>
          redis.multi().incr("n").incr("n").get("n").exec<[number, number, number]>(),
        );
        for (const [first, second, read] of await Promise.all(turns)) {
          expect([second, read]).toEqual([first + 1, first + 1]);
        }
      });

      it("forgets a key when its time is over", async () => {
        await redis.set("soon", 1, { px: 40 });
        await vi.waitFor(async () => expect(await redis.exists("soon")).toBe(0), {
          timeout: 5_000,
          interval: 10,
        });
        expect(await redis.ttl("soon")).toBe(-2);
      });

      it("walks all keys with SCAN, by pattern and type", async () => {
        const keys = Array.from({ length: 57 }, (_, i) => `spill:${i}`);
        const fill = redis.pipeline();
        for (const key of keys) fill.set(key, "x");
        await fill.rpush("spill:list", "x").set("other", "x").exec();
        const found = new Set<string>();
        let cursor = "0";
        do {
          const page = await redis.scan(cursor, { match: "spill:*", count: 10, type: "string" });
          cursor = page[0];
          for (const key of page[1]) found.add(key);
        } while (cursor !== "0");
        expect([...found].sort()).toEqual(keys.sort());
        expect(await redis.dbsize()).toBe(59);
      });

      it("keeps a sorted set by score", async () => {
        await redis.zadd("z", { score: 3, member: "c" }, { score: 1, member: "a" });
        await redis.zadd("z", { score: 2, member: "b" });
        expect(await redis.zrange("z", 0, -1)).toEqual(["a", "b", "c"]);
        expect(await redis.zrange("z", 2, "+inf", { byScore: true, withScores: true })).toEqual([
          "b",
          2,
          "c",
          3,
        ]);
        expect(await redis.zrange("z", 0, 0, { rev: true })).toEqual(["c"]);
        expect(await redis.zremrangebyscore("z", "-inf", "(2")).toBe(1);
      });
    });

    describe("over bare HTTP", () => {
      it("answers 401 with the same text to a missing and to a wrong token", async () => {
        const body = { error: "WRONGPASS invalid or missing auth token" };
        for (const authorization of ["", "Bearer wrong", "Basic abc"]) {
          expect(await post("/", ["ping"], { authorization })).toEqual({ status: 401, body });
        }
      });

      it("takes the token from the query as well", async () => {
        const answer = await post(`/?_token=${service.token}`, ["ping"], { authorization: "" });
        expect(answer).toEqual({ status: 200, body: { result: "PONG" } });
      });

      it("answers 400 with Redis's text when a command fails", async () => {
        await run("set", "k", "abc");
        const failures: [unknown[], string][] = [
          [["get"], "ERR wrong number of arguments for 'get' command"],
          [["GET", "a", "b"], "ERR wrong number of arguments for 'get' command"],
          [["incr", "k"], "ERR value is not an integer or out of range"],
          [["lpush", "k", "x"], WRONG_TYPE],
          [["set", "k", "v", "ex", 0], "ERR invalid expire time in 'set' command"],
          [["set", "k", "v", "nx", "xx"], "ERR syntax error"],
          [["zadd", "z", "one", "m"], "ERR value is not a valid float"],
          [["zrange", "z", "a", "b", "byscore"], "ERR min or max is not a float"],
          [["lset", "none", 0, "v"], "ERR no such key"],
          [["scan", "x"], "ERR invalid cursor"],
          [["nosuch", "a", 1], "ERR unknown command 'nosuch', with args beginning with: 'a' '1' "],
        ];
        for (const [words, error] of failures) {
          expect(await post("/", words), words.join(" ")).toEqual({ status: 400, body: { error } });
        }
      });

      it("answers 400 to what is no command, and 405 to a method it does not know", async () => {
        const bad = ["", "{", "null", "[]", "{}", '[["get"]]', '["get",null]', '["get",{}]'];
        for (const body of bad) {
          const answer = await post("/", body);
          expect(answer, body).toEqual({ status: 400, body: { error: expect.any(String) } });
        }
        for (const body of ["[]", '["ping"]', '[["ping"],[]]']) {
          expect((await post("/pipeline", body)).status, body).toBe(400);
          expect((await post("/multi-exec", body)).status, body).toBe(400);
        }
        const gone = await fetch(service.url, { method: "DELETE" });
        expect(gone.status).toBe(405);
        await gone.arrayBuffer();
      });

      it("discards a whole transaction for an unknown command or a wrong number of arguments", async () => {
        for (const bad of [["nosuch"], ["get"]]) {
          const answer = await post("/multi-exec", [["set", "k", "1"], bad]);
          expect(answer).toEqual({ status: 400, body: { error: expect.stringMatching(/^ERR /) } });
        }
        expect(await run("exists", "k")).toEqual({ result: 0 });
      });

      it("takes numbers and booleans as arguments, and words in any letter case", async () => {
        expect(await run("SeT", "k", 12.5, "eX", 100)).toEqual({ result: "OK" });
        expect(await run("set", "flag", true)).toEqual({ result: "OK" });
        expect(await results(["GET", "k"], ["get", "flag"], ["TTL", "k"])).toEqual([
          "12.5",
          "true",
          100,
        ]);
      });

      it("encodes every string but a bare OK, and neither numbers, null nor errors", async () => {
        const commands = [
          ["set", "k", "วัน"],
          ["get", "k"],
          ["get", "none"],
          ["incr", "n"],
          ["incr", "k"],
          ["rpush", "l", "a", "OK"],
          ["lrange", "l", 0, -1],
          ["type", "k"],
        ];
        const { body } = await post("/pipeline", commands, ENCODED);
        const encoded = (text: string) => Buffer.from(text).toString("base64");
        expect(body).toEqual([
          { result: "OK" },
          { result: encoded("วัน") },
          { result: null },
          { result: 1 },
          { error: "ERR value is not an integer or out of range" },
          { result: 2 },
          { result: [encoded("a"), encoded("OK")] },
          { result: encoded("string") },
        ]);
      });

      it("hands out a sync token and takes it back", async () => {
        const response = await fetch(service.url, {
          method: "POST",
          headers: { authorization: `Bearer ${service.token}`, "upstash-sync-token": "" },
          body: '["ping"]',
        });
        expect(response.headers.get("upstash-sync-token")).toMatch(/.+/);
        await response.arrayBuffer();
      });

      it("refuses a request over 10 MB and takes one just under", async () => {
        const wrap = (bytes: number) => JSON.stringify(["set", "big", "x".repeat(bytes)]);
        const limit = 10 * 1024 * 1024;
        expect(await post("/", wrap(limit))).toEqual({
          status: 400,
          body: { error: "ERR max request size exceeded" },
        });
        expect((await post("/", wrap(limit - 100))).status).toBe(200);
        expect(await run("strlen", "big")).toEqual({ result: limit - 100 });
      });
    });

    describe("commands", () => {
      it("moves expiries: EXPIRE with its conditions, PERSIST, GETEX, GETDEL", async () => {
        await run("set", "k", "v");
        expect(
          await results(
            ["expire", "k", 100, "xx"],
            ["expire", "k", 100, "nx"],
            ["expire", "k", 50, "gt"],
            ["expire", "k", 50, "lt"],
            ["ttl", "k"],
            ["persist", "k"],
            ["pttl", "k"],
            ["getex", "k", "ex", 30],
            ["ttl", "k"],
            ["getex", "k", "persist"],
            ["ttl", "k"],
            ["getdel", "k"],
            ["exists", "k"],
            ["expire", "k", 10],
          ),
        ).toEqual([0, 1, 0, 1, 50, 1, -1, "v", 30, "v", -1, "v", 0, 0]);
      });

      it("deletes a key whose expiry lies in the past", async () => {
        expect(
          await results(["set", "k", "v"], ["expireat", "k", 1], ["exists", "k"], ["type", "k"]),
        ).toEqual(["OK", 1, 0, "none"]);
      });

      it("trims and edits lists from both ends", async () => {
        expect(
          await results(
            ["rpush", "l", "a", "b", "c", "b", "d"],
            ["lpush", "l", "y", "z"],
            ["lrange", "l", 0, -1],
            ["lrem", "l", -1, "b"],
            ["lset", "l", -1, "D"],
            ["lindex", "l", 0],
            ["ltrim", "l", 1, -2],
            ["lpop", "l", 2],
            ["rpop", "l"],
            ["lpop", "l", 5],
            ["exists", "l"],
            ["lpop", "l", 1],
          ),
        ).toEqual([
          5,
          7,
          ["z", "y", "a", "b", "c", "b", "d"],
          1,
          "OK",
          "z",
          "OK",
          ["y", "a"],
          "c",
          ["b"],
          0,
          null,
        ]);
      });

      it("adds to sorted sets under conditions", async () => {
        expect(
          await results(
            ["zadd", "z", 5, "m"],
            ["zadd", "z", "nx", 9, "m", 1, "n"],
            ["zadd", "z", "gt", "ch", 4, "m", 2, "n"],
            ["zadd", "z", "xx", 1, "new"],
            ["zadd", "z", "incr", 1.5, "m"],
            ["zadd", "z", "nx", "incr", 1, "m"],
            ["zincrby", "z", -10, "n"],
            ["zrange", "z", 0, -1, "withscores"],
            ["zrangebyscore", "z", "-inf", "(6.5", "limit", 0, 10],
            ["zcount", "z", "-inf", "+inf"],
            ["zremrangebyrank", "z", 0, 0],
            ["zscore", "z", "m"],
          ),
        ).toEqual([1, 1, 1, 0, "6.5", null, "-8", ["n", "-8", "m", "6.5"], ["n"], 2, 1, "6.5"]);
      });
    });
  });
}
