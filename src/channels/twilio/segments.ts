/** The GSM 03.38 alphabet; those of the second line take two septets. */
const GSM = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const GSM_TWICE = new Set("^{}\\[~]|€");

/** What two segments hold: each of several loses a few letters to its header. */
const SEPTETS_MAX = 2 * 153;
const UNITS_MAX = 2 * 67;

export const isGsm = (text: string): boolean =>
  [...text].every((character) => GSM.has(character) || GSM_TWICE.has(character));

/** True while the text is one SMS or two; each is paid for. One letter outside GSM-7 more than halves the room. */
export function fitsTwoSegments(text: string): boolean {
  if (!isGsm(text)) return text.length <= UNITS_MAX;
  const twice = [...text].filter((character) => GSM_TWICE.has(character)).length;
  return text.length + twice <= SEPTETS_MAX;
}

/** The text in letters that every phone takes at full length: accents are dropped, what has no such letter too. */
export function plainLetters(text: string): string {
  return [...text.normalize("NFKD").replace(/\p{M}/gu, "")]
    .filter((character) => isGsm(character))
    .join("")
    .replace(/\s+/g, " ")
    .trim();
}
