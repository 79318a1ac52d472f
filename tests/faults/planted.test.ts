import { describe, expect, it } from "vitest";
import { PLANTED_FAULTS as OF_INCIDENTS } from "../incidents/planted-faults.js";
import { PLANTED_FAULTS as OF_PAYMENTS } from "../payments/planted-faults.js";
import { withFault } from "./planted.js";

describe.each([
  ["test:incidents:mutants", OF_INCIDENTS],
  ["test:payments:mutants", OF_PAYMENTS],
])("npm run %s", (_, faults) => {
  it.each(faults.map((fault) => [fault.name, fault] as const))(
    "can still plant: %s",
    (_name, fault) => {
      expect(withFault(fault)).toContain(fault.to);
    },
  );
});
