import fc from "fast-check";
import { expect, it } from "vitest";
import { openStore } from "../../../emulators/recorder/store.js";

interface Row {
  id: string;
  created: number;
  owner: string;
}

const change = fc.record({
  id: fc.integer({ min: 0, max: 30 }).map((n) => `r${n}`),
  created: fc.integer({ min: 0, max: 8 }),
  owner: fc.constantFrom("a", "b", "c"),
  remove: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

it("gives every span in order, whatever was written, moved and removed before", () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 120 }),
      fc.record({ from: fc.integer({ max: 8, min: 0 }), to: fc.integer({ max: 8, min: 0 }) }),
      fc.constantFrom("a", "b", "c"),
      (changes, bounds, owner) => {
        const table = openStore(null).orderedTable<Row>("rows", ["owner"]);
        let written: Row[] = [];
        for (const { remove, ...row } of changes) {
          const at = written.findIndex(({ id }) => id === row.id);
          if (remove) {
            table.remove(row.id);
            written = written.filter(({ id }) => id !== row.id);
            continue;
          }
          table.put(row.id, row);
          if (at === -1) written.push(row);
          else written[at] = row;
        }
        const inOrder = [...written].sort((a, b) => a.created - b.created);
        const fits = (row: Row) =>
          row.owner === owner && row.created >= bounds.from && row.created <= bounds.to;
        const where = { field: "owner", value: owner };
        const wanted = inOrder.filter(fits);
        expect([...table.oldestFirst({ ...bounds, where })]).toEqual(wanted);
        expect([...table.newestFirst({ ...bounds, where })]).toEqual([...wanted].reverse());
        const [middle] = inOrder.slice(Math.floor(inOrder.length / 2));
        if (middle === undefined) return;
        const at = inOrder.indexOf(middle);
        expect([...table.oldestFirst({ beyond: middle.id })]).toEqual(inOrder.slice(at + 1));
        expect([...table.newestFirst({ beyond: middle.id })]).toEqual(
          inOrder.slice(0, at).reverse(),
        );
      },
    ),
  );
});
