import { ERROR_CODES, type ErrorCode } from "./errors.js";

/** On every answer of ours: nothing of it is kept by a cache or guessed at by a browser. */
export const ANSWER_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

/** RFC 9457, with the code, a sentence, and the id to search the log by. */
export function problem(
  code: ErrorCode,
  detail: string,
  requestId: string,
  headers: Record<string, string> = {},
): Response {
  const { status, sentence, hint } = ERROR_CODES[code];
  return new Response(
    JSON.stringify({ type: "about:blank", title: sentence, status, code, detail, hint, requestId }),
    {
      status,
      headers: {
        ...ANSWER_HEADERS,
        "content-type": "application/problem+json",
        "x-request-id": requestId,
        ...headers,
      },
    },
  );
}
