/** The GSM 03.38 alphabet; those of the second line take two septets. */
const GSM =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_TWICE = "^{}\\[~]|€";

/** How many SMS a text becomes: 160 septets or 70 UTF-16 units in one, 153 or 67 in each of several. */
export function segmentsOf(text: string): number {
  const characters = [...text];
  const isGsm = characters.every((c) => GSM.includes(c) || GSM_TWICE.includes(c));
  const length = isGsm
    ? characters.reduce((sum, c) => sum + (GSM_TWICE.includes(c) ? 2 : 1), 0)
    : text.length;
  const [one, each] = isGsm ? [160, 153] : [70, 67];
  return length <= one ? 1 : Math.ceil(length / each);
}
