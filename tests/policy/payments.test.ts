import { describe, expect, it } from "vitest";
import { POLICY_NAMES } from "../../src/policy/names.js";
import {
  buyerOf,
  monthsOf,
  packageOfItems,
  paymentPolicy,
  readPackageOf,
} from "../../src/policy/payments.js";
import { presetOf } from "../../src/policy/presets/index.js";

const policy = presetOf("runbook").payments;
const said = (metadata: Record<string, string>, rest = {}) =>
  buyerOf({ metadata, ...rest }, policy);

describe("payment policies", () => {
  it.each(POLICY_NAMES)("%s is data of the schema, in a zone and currency that exist", (name) => {
    const preset = presetOf(name).payments;
    expect(paymentPolicy.parse(structuredClone(preset))).toEqual(preset);
    expect(Intl.supportedValuesOf("currency")).toContain(preset.currency);
    const { timeZone } = preset;
    const shown = new Intl.DateTimeFormat(preset.defaultLocale, { timeZone, dateStyle: "long" });
    expect(shown.resolvedOptions().timeZone).toBe(timeZone);
  });

  it("sells six months of ADVANCED in baht at Bangkok's time on tbat, and for ever elsewhere", () => {
    const tbat = presetOf("tbat").payments;
    expect(monthsOf("ADVANCED", tbat)).toBe(6);
    expect(monthsOf("BASIC", tbat)).toBeNull();
    expect(monthsOf("constructor", tbat)).toBeNull();
    expect(tbat).toMatchObject({ currency: "THB", timeZone: "Asia/Bangkok", defaultLocale: "th" });
    expect(monthsOf("ADVANCED", policy)).toBeNull();
  });
});

describe("who bought what", () => {
  it.each([
    [{ userId: "u1", user_id: "u2" }, { userRef: "u1" }],
    [{ user: " u3 " }, { userRef: "u3" }],
    [{ userId: "", user_id: "u4" }, { userRef: "u4" }],
    [{ userId: "x".repeat(256) }, { userRef: null }],
    [{ plan: "pro", package_id: "max" }, { packageRef: "max" }],
    [{ order: "o1" }, { orderRef: "o1" }],
    [{ language: "th_TH" }, { locale: "th-TH" }],
    [{ locale: "auto" }, { locale: null }],
    [{}, { userRef: null, packageRef: null, orderRef: null, locale: null }],
  ])("%j says %j", (metadata, buyer) => {
    expect(said(metadata)).toMatchObject(buyer);
  });

  it("takes the platform's own reference and the payer's locale where the metadata says nothing", () => {
    expect(said({}, { clientRef: "u5", locale: "en-GB" })).toMatchObject({
      userRef: "u5",
      locale: "en-GB",
    });
    expect(said({ user: "u6" }, { clientRef: "u5" }).userRef).toBe("u6");
  });

  it("knows a package by its price, then by its product", () => {
    const packageOf = readPackageOf("price_1=ADVANCED, prod_2 = BASIC");
    expect(packageOf).toEqual({ price_1: "ADVANCED", prod_2: "BASIC" });
    const mapped = { ...policy, packageOf: packageOf ?? {} };
    const items = [
      { price: "constructor", product: null },
      { price: "price_9", product: "prod_2" },
      { price: "price_1", product: "prod_2" },
    ];
    expect(packageOfItems(items, mapped)).toBe("BASIC");
    expect(packageOfItems([{ price: "price_1", product: "prod_2" }], mapped)).toBe("ADVANCED");
    expect(packageOfItems([], mapped)).toBeNull();
  });

  it.each(["price_1", "=ADVANCED", "price_1=", "a=b=c", "a=b,,c=d"])(
    "refuses the mapping %j",
    (t) => {
      expect(readPackageOf(t)).toBeNull();
    },
  );
});
