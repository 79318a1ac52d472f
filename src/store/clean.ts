/** `JSON.stringify` writes NUL and lone surrogates as escapes; Postgres refuses both in jsonb and text. */
const UNSTORABLE = /\\u(?:0000|d[89a-f][0-9a-f]{2})/;
const REPLACEMENT = "\uFFFD";

/** The text with NUL and lone surrogates as U+FFFD, so that it can be stored. */
export function cleanText(text: string): string {
  return text.replaceAll("\u0000", REPLACEMENT).toWellFormed();
}

/** JSON that Postgres takes. The rare dirty value is cleaned; the rest costs one scan. */
export function toStorableJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!UNSTORABLE.test(json)) return json;
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === "string" ? cleanText(inner) : inner,
  );
}
