/** An amount in the currency's smallest unit (satang, cents, whole yen); never a float. */
export interface Money {
  amountMinor: number;
  /** ISO 4217, upper case. */
  currency: string;
}

/**
 * ISO 4217 gives these no decimals. The gateway once did, and still counts them in hundredths, which are always whole:
 * 500 is five krónur. Its own page on currencies calls that a special case; that page decides, not the standard.
 */
const WHOLE_HUNDREDTHS: ReadonlySet<string> = new Set(["ISK", "UGX"]);

/** Currencies whose smallest unit, as the gateway counts, is not a hundredth (else as ISO 4217). */
const EXPONENTS: Readonly<Record<string, number>> = Object.freeze({
  ...Object.fromEntries(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
      .split(" ")
      .map((code) => [code, 0]),
  ),
  ...Object.fromEntries("BHD IQD JOD KWD LYD OMR TND".split(" ").map((code) => [code, 3])),
});

/** How many decimals the currency has: 0, 2 or 3. */
export function exponentOf(currency: string): number {
  return EXPONENTS[currency.toUpperCase()] ?? 2;
}

/** The amount as a decimal string, made without a float: 1999 THB is `19.99`, 500 JPY is `500`. */
export function decimalOf({ amountMinor, currency }: Money): string {
  const exponent = exponentOf(currency);
  const digits = Math.abs(amountMinor)
    .toString()
    .padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent);
  const part = exponent === 0 ? "" : `.${digits.slice(-exponent)}`;
  return `${amountMinor < 0 ? "-" : ""}${whole}${part}`;
}

/**
 * The amount as a reader of the locale writes it: `฿1,999.00`, or `THB 1,999.00` where it stands alone.
 * `Intl` takes the decimal string as it is, so no float rounds it.
 */
export function formatMoney(
  money: Money,
  locale: string,
  currencyDisplay: "narrowSymbol" | "code" = "narrowSymbol",
): string {
  const isWhole = WHOLE_HUNDREDTHS.has(money.currency) && money.amountMinor % 100 === 0;
  const exponent = isWhole ? 0 : exponentOf(money.currency);
  return new Intl.NumberFormat(locale, {
    style: "currency",
    currency: money.currency,
    currencyDisplay,
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  }).format(decimalOf(money) as `${number}`);
}

/** The other way of `decimalOf`: `19.99` THB is 1999. Null when it is no amount of the currency. */
export function minorOf(decimal: string, currency: string): number | null {
  const exponent = exponentOf(currency);
  const [, whole = "", part = ""] = /^(\d{1,12})(?:\.(\d{1,3}))?$/.exec(decimal) ?? [];
  if (whole === "" || part.length > exponent) return null;
  return Number(whole + part.padEnd(exponent, "0"));
}
