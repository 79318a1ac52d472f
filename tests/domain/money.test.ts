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
    [500, "ISK", "5.00"],
    [500, "UGX", "5.00"],
    [1, "JPY", "1"],
    [-1, "KWD", "-0.001"],
    [Number.MAX_SAFE_INTEGER, "THB", "90071992547409.91"],
    [Number.MAX_SAFE_INTEGER, "TND", "9007199254740.991"],
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
    expect(formatMoney({ amountMinor: 1234, currency: "KWD" }, "en-US")).toBe("KWD\u00a01.234");
    expect(formatMoney({ amountMinor: 199950, currency: "EUR" }, "de-DE")).toBe("1.999,50\u00a0€");
    expect(formatMoney({ amountMinor: -500, currency: "THB" }, "en-GB")).toBe("-฿5.00");
    // Counted in hundredths, written without them; what should not be there is not hidden.
    expect(formatMoney({ amountMinor: 500, currency: "ISK" }, "en-US")).toBe("kr\u00a05");
    expect(formatMoney({ amountMinor: 501, currency: "UGX" }, "en-US")).toBe("UGX\u00a05.01");
  });

  it("is written with exactly its digits in every currency and language, however large", () => {
    const currencies = fc.constantFrom(...Intl.supportedValuesOf("currency"));
    const locales = fc.constantFrom("th", "en-GB", "de-CH", "ja", "ar-u-nu-latn", "hi");
    fc.assert(
      fc.property(fc.maxSafeInteger(), currencies, locales, (amountMinor, currency, locale) => {
        const money = { amountMinor, currency };
        const digits = (text: string) => text.replace(/\D/g, "");
        const written = new Intl.NumberFormat(locale, {
          style: "currency",
          currency,
          currencyDisplay: "narrowSymbol",
        })
          .formatToParts(1)
          .find(({ type }) => type === "currency")?.value;
        if (/\d/.test(written ?? "")) return;
        const [all, shown] = [digits(decimalOf(money)), digits(formatMoney(money, locale))];
        const whole = ["ISK", "UGX"].includes(currency) && amountMinor % 100 === 0;
        expect(shown).toBe(whole ? all.slice(0, -2) : all);
      }),
      { numRuns: 1_000 },
    );
  });
});
