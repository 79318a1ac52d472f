import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStore } from "../../../emulators/recorder/store.js";

const newFile = () => join(mkdtempSync(join(tmpdir(), "recorder-")), "deep", "journal.jsonl");

describe("the journal", () => {
  it("gives back at the next opening what was committed, in the same order", () => {
    const file = newFile();
    const first = openStore(file);
    const table = first.table<{ n: number; text?: string }>("things");
    table.put("a", { n: 1 });
    table.put("b", { n: 2, text: "สวัสดี\n" });
    table.put("__proto__", { n: 3 });
    first.commit();
    table.put("a", { n: 4 });
    table.remove("b");
    first.commit();
    table.put("never", { n: 5 }); // not committed, and the process is gone
    const again = openStore(file).table<{ n: number }>("things");
    expect(again.all()).toEqual([{ n: 4 }, { n: 3 }]);
    expect(again.get("never")).toBeUndefined();
  });

  it("drops a last line that a kill has torn, and goes on from there", () => {
    const file = newFile();
    const first = openStore(file);
    first.table("things").put("a", { n: 1 });
    first.commit();
    appendFileSync(file, '[["things","b","{\\"n\\"');
    const second = openStore(file);
    expect(second.table("things").all()).toEqual([{ n: 1 }]);
    second.table("things").put("c", { n: 3 });
    second.commit();
    expect(openStore(file).table("things").all()).toEqual([{ n: 1 }, { n: 3 }]);
  });

  it("refuses a journal that is damaged elsewhere", () => {
    const file = newFile();
    openStore(file).close();
    writeFileSync(file, "nonsense\n[]\n");
    expect(() => openStore(file)).toThrow(/line 1 is damaged/);
  });

  it("stays as long as what it holds, however often a row changes", () => {
    const file = newFile();
    const store = openStore(file);
    const table = store.table("things");
    for (let n = 0; n < 50_000; n++) {
      table.put("a", { n });
      if (n % 100 === 0) store.commit();
    }
    store.close();
    expect(readFileSync(file, "utf8").length).toBeLessThan(1_000_000);
    expect(openStore(file).table("things").all()).toEqual([{ n: 49_999 }]);
  });

  it("forgets everything when cleared", () => {
    const file = newFile();
    const store = openStore(file);
    const table = store.table("things");
    table.put("a", {});
    store.commit();
    store.clear();
    expect(table.all()).toEqual([]);
    store.close();
    expect(openStore(file).table("things").all()).toEqual([]);
  });
});
