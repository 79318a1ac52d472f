/** An operator's key: a beginning that scanners for leaked secrets can know, and 256 bits of chance. */
export const newKey = (): string =>
  `sbk_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`;
