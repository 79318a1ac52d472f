import { describe, expect, it } from "vitest";
import { localSecrets } from "../../local/secrets.js";
import { awayNote, checkSettings } from "../../local/settings.js";

const URL_HERE = "http://127.0.0.1:3000";
const secrets = localSecrets({
  dir: "/none",
  path: (name) => name,
  read: () => undefined,
  write: () => undefined,
  remove: () => undefined,
});

describe("the settings of a local start", () => {
  it.each([
    ["nonsense", "DATABASE_URL must begin with postgres://"],
    ["mysql://me:hush@db/x", "DATABASE_URL must begin with postgres://"],
    ["postgres://me:hush/hush@db/x", "DATABASE_URL is no address"],
  ])("refuse %s as a database by the variable's name, without the password", (url, sentence) => {
    const check = () => checkSettings({ DATABASE_URL: url }, secrets, URL_HERE);
    expect(check).toThrow(sentence);
    expect(check).not.toThrow(/hush/);
  });

  it("take a Postgres address", () => {
    for (const url of ["postgres://me:hush@db:5432/x", "postgresql:///x?host=/run/postgresql"]) {
      expect(() => checkSettings({ DATABASE_URL: url }, secrets, URL_HERE)).not.toThrow();
    }
  });

  it("in production begin with why nothing is invented", () => {
    const first =
      /^NODE_ENV is production: nothing is invented; unset it[^\n]*\nThe configuration has/;
    expect(() => checkSettings({ NODE_ENV: "production" }, undefined, URL_HERE)).toThrow(first);
  });
});

describe("the note on an address that is not this app's", () => {
  const queue = "http://127.0.0.1:4000";
  it("says where a local queue delivers", () => {
    const env = { PUBLIC_BASE_URL: "https://hooks.example.com" };
    expect(awayNote(env, queue, URL_HERE)).toEqual([
      expect.stringContaining("PUBLIC_BASE_URL is https://hooks.example.com: the local queue"),
    ]);
    expect(awayNote({ PUBLIC_BASE_URL: "http://127.0.0.1:3001" }, queue, URL_HERE)).toHaveLength(1);
  });

  it("is left out for this app, and for a real queue", () => {
    expect(awayNote({}, queue, URL_HERE)).toEqual([]);
    expect(awayNote({ PUBLIC_BASE_URL: "http://localhost:3000" }, queue, URL_HERE)).toEqual([]);
    const env = { PUBLIC_BASE_URL: "https://hooks.example.com" };
    expect(awayNote(env, undefined, URL_HERE)).toEqual([]);
  });
});
