/** A page as far as a person uses it. */
export interface ReadPage {
  status: number;
  title: string;
  /** The button's words; null where there is none. */
  button: string | null;
  /** What the button posts. */
  field: { name: string; value: string } | null;
}

const CALL_TIMEOUT_MS = 30_000;

/** Opens the page; with a field, as its button does. */
export async function readPage(url: string, field: ReadPage["field"] = null): Promise<ReadPage> {
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
  const init: RequestInit =
    field === null
      ? { signal }
      : { method: "POST", body: new URLSearchParams({ [field.name]: field.value }), signal };
  const answer = await fetch(url, init);
  const html = await answer.text();
  const part = (pattern: RegExp): string | null => pattern.exec(html)?.[1]?.trim() ?? null;
  const name = part(/<input type="hidden" name="([^"]+)"/);
  const value = part(/<input type="hidden"[^>]* value="([^"]*)"/);
  return {
    status: answer.status,
    title: part(/<h1[^>]*>([^<]*)</) ?? part(/<title>([^<]*)</) ?? "",
    button: part(/<button[^>]*>([^<]*)</),
    field: name === null || value === null ? null : { name, value },
  };
}
