import { PlanBuilder } from "../../domain/plan.js";
import { defineHandler } from "../handler.js";

/** Notes that a test event of ours has come back, for the check that waits for it. */
export const noteTest = defineHandler({
  id: "note-test",
  reactsTo: ["test.arrived"],
  load: () => ({}),
  decide: ({ marker }, _rows, ctx) =>
    new PlanBuilder(ctx)
      .audit("test_event.arrived", marker)
      .because("a test event of our own came back: its way is good, and nobody is told")
      .build(),
});
