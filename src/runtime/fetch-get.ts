/** One GET, bounded in time; redirects are not followed. Rejects when there is no answer in time. */
export async function fetchGet(url: string, timeoutMs: number): Promise<FetchedAnswer> {
  const response = await fetch(url, {
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, text: await response.text() };
}

export interface FetchedAnswer {
  status: number;
  text: string;
}
