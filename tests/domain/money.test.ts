import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimalOf, exponentOf, formatMoney } from "../../src/domain/money.js";

describe("money", () => {
  it.each([
    [199900, "THB", "1999.00"],
    [500, "JPY", "500"],
    [1234, "KWD", "1.234"],
    [5, "USD", "0.05"],
    [-5, "USD", "-0.05"],
    [0, "KWD", "0.000"],
  ])("writes %i minor units of %s as %s", (amountMinor, currency, text) => {
    expect(decimalOf({ amountMinor, currency })).toBe(text);
  });

  it("loses nothing between minor units and their decimal text", () => {
    const currencies = fc.constantFrom("THB", "JPY", "KWD", "USD");
    const amounts = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    fc.assert(
      fc.property(amounts, currencies, (amountMinor, currency) => {
        const digits = decimalOf({ amountMinor, currency }).replace(".", "");
        expect(Number(digits)).toBe(amountMinor === 0 ? Number(digits) : amountMinor);
        expect(exponentOf(currency.toLowerCase())).toBe(exponentOf(currency));
      }),
    );
  });

  it("is written as the reader writes it", () => {
    expect(formatMoney({ amountMinor: 199900, currency: "THB" }, "th-TH")).toBe("฿1,999.00");
    expect(formatMoney({ amountMinor: 500, currency: "JPY" }, "en-US")).toBe("¥500");
  });
});
