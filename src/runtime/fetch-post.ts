import type { Post } from "../domain/ports.js";

/** The edge's way to POST. */
export const fetchPost: Post = async ({ url, headers, body, timeoutMs }) => {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
  return { status: response.status, text: await response.text() };
};
