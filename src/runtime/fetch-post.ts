import type { Post } from "../domain/ports.js";

/** The edge's way to POST. */
export const fetchPost: Post = async ({ url, headers, body, timeoutMs }) => {
  // Not `AbortSignal.timeout`: its timer outlives the answer.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    const { signal } = late;
    const init = { method: "POST", headers, body, signal, redirect: "manual" } as const;
    const response = await fetch(url, init);
    return { status: response.status, text: await response.text() };
  } finally {
    clearTimeout(timer);
  }
};
