import { describe, expect, it } from "vitest";
import { keyOfParts, typeName } from "../../src/sources/identity.js";
import {
  at,
  idText,
  instantOfIso,
  instantOfMillis,
  instantOfSeconds,
  oneLine,
  readBody,
  text,
  webUrl,
} from "../../src/sources/read.js";
import { bytesOf } from "./kit.js";

describe("reading a body", () => {
  it("tells what is wrong with it and quotes nothing of it", () => {
    const details = [
      new Uint8Array(0),
      new Uint8Array([0xc3, 0x28]),
      bytesOf("\uFEFF{}"),
      bytesOf('{"secret": nope}'),
    ].map(readBody);
    expect(details).toEqual(
      [
        "the body is empty",
        "the body is not UTF-8",
        "the body begins with a byte order mark",
        "the body is not JSON",
      ].map((detail) => ({ kind: "unreadable", detail })),
    );
  });

  it("reads a body whatever the one before it was", () => {
    const cut = new Uint8Array([0x22, 0xe0, 0xb8]); // ends within a letter
    const invalid = new Uint8Array([0x22, 0xff, 0x22]);
    for (const odd of [cut, invalid, cut, bytesOf("\uFEFF{}")]) {
      expect(readBody(odd).kind).toBe("unreadable");
      expect(readBody(bytesOf('{"name":"ก"}'))).toEqual({ kind: "object", value: { name: "ก" } });
    }
  });

  it("reads own fields only, and stops where the path ends", () => {
    const value: unknown = JSON.parse('{"a":[{"b":1}],"__proto__":{"c":2}}');
    expect(at(value, "a", 0, "b")).toBe(1);
    expect(at(value, "__proto__", "c")).toBe(2);
    expect(at(value, "toString")).toBeUndefined();
    expect(at(value, "a", 1, "b")).toBeUndefined();
    expect(at("text", "length")).toBeUndefined();
  });
});

describe("reading times", () => {
  it("reads seconds, milliseconds and ISO times, with any offset or none", () => {
    expect(instantOfSeconds(1_793_523_600)).toBe(1_793_523_600_000);
    expect(instantOfSeconds(1566248777.677)).toBe(1_566_248_777_677);
    expect(instantOfSeconds("1793523600")).toBe(1_793_523_600_000);
    expect(instantOfMillis(1_793_523_600_123)).toBe(1_793_523_600_123);
    const nine = 1_793_523_600_000;
    for (const iso of [
      "2026-11-01T09:00:00Z",
      "2026-11-01T16:00:00+07:00",
      "2026-11-01T09:00:00.000000+00:00",
      "2026-11-01T09:00:00",
    ]) {
      expect(instantOfIso(iso)).toBe(nine);
    }
  });

  it("reads no time where there is none that the house could hold", () => {
    for (const value of ["soon", "", "-1", -1, 1e300, Number.NaN, null, {}, "999999999999"]) {
      expect(instantOfSeconds(value)).toBeNull();
    }
    for (const value of [1e15, -1, "1793523600123", null])
      expect(instantOfMillis(value)).toBeNull();
    for (const value of ["1", "2026-11-01", "2026-13-01T00:00:00Z", "+275760-01-01T00:00:00Z", 5]) {
      expect(instantOfIso(value)).toBeNull();
    }
  });
});

describe("reading text", () => {
  it("replaces what a database cannot hold", () => {
    expect(text("a\u0000b\uD800c😀")).toBe("a\uFFFDb\uFFFDc😀");
    for (const nothing of ["", " \n", 5, null, undefined, {}]) expect(text(nothing)).toBeNull();
    expect(idText(2 ** 53)).toBeNull();
    expect(idText(17)).toBe("17");
  });

  it("makes one line of a title and cuts between characters", () => {
    expect(oneLine(" a\r\n\tb\u0007c ")).toBe("a b c");
    const long = oneLine("😀".repeat(400));
    expect([...long]).toHaveLength(300);
    expect(long.endsWith("😀…")).toBe(true);
  });

  it("takes web addresses only as links", () => {
    expect(webUrl("https://example.com/a?b")).toBe("https://example.com/a?b");
    for (const bad of ["javascript:alert(1)", "example.com", "", null])
      expect(webUrl(bad)).toBeNull();
    expect(webUrl(`https://example.com/${"a".repeat(2000)}`)).toBeNull();
  });
});

describe("event keys", () => {
  it("keep ids as they are, and put a hash for what is no plain id", async () => {
    expect(await keyOfParts("acct_1", "evt_1")).toBe("acct_1:evt_1");
    const odd = await keyOfParts("a:b", "ก");
    expect(odd).toMatch(/^sha256-[0-9a-f]{64}:sha256-[0-9a-f]{64}$/);
    expect(await keyOfParts("a", "b", "ก")).not.toBe(odd);
    expect(await keyOfParts("x".repeat(5000))).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(await keyOfParts("a\u0000")).not.toBe(await keyOfParts("a"));
  });

  it("stay within 255 characters, however many parts there are", async () => {
    expect(await keyOfParts(...Array.from({ length: 5 }, () => "y".repeat(80)))).toMatch(
      /^sha256:[0-9a-f]{64}$/,
    );
  });

  it("come with types that a list can show", () => {
    expect(typeName("charge.refunded")).toBe("charge.refunded");
    expect(typeName(`a b\n${"é".repeat(200)}`)).toMatch(/^a_b_+$/);
    expect(typeName("x".repeat(500))).toHaveLength(100);
  });
});
