import type { Secret } from "../../domain/secret.js";
import type { RawRequest, Verdict } from "../source.js";

/**
 * Nothing is signed here: the sender repeats a credential that its owner typed in. It may come as the
 * password of `Authorization: Basic` (any user), as `X-Webhook-Token`, or, for status pages, which
 * can send neither, as the last part of the path.
 *
 * One right credential is enough, whatever else came along: each alone is the whole proof, and
 * a proxy before us may add an `Authorization` of its own. Every credential is compared with every secret,
 * so the time tells nothing.
 */
export async function verify(request: RawRequest, secrets: readonly Secret[]): Promise<Verdict> {
  const authorization = request.headers.get("authorization");
  const header = request.headers.get("x-webhook-token");
  if (!authorization && !header && !request.pathToken) {
    return {
      kind: "missing_signature",
      detail: "no Authorization, no X-Webhook-Token and no token in the path",
    };
  }
  const given = [passwordOf(authorization ?? ""), header, request.pathToken];
  let by: string | null = null;
  for (const secret of secrets) {
    for (const credential of given) {
      const right = secret.matches(credential ?? "");
      if (right && by === null) by = secret.name;
    }
  }
  return by === null
    ? { kind: "bad_signature", detail: `no live token in ${placesOf(authorization, header)}` }
    : { kind: "verified", by };
}

function placesOf(authorization: string | null, header: string | null): string {
  const places = [authorization && "Authorization", header && "X-Webhook-Token"].filter(Boolean);
  return places.length === 0 ? "the path" : places.join(" or ");
}

/** The password of a Basic header; null for another scheme, or for what is not base64 of `user:password` in UTF-8. */
function passwordOf(authorization: string): string | null {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization.trim())?.[1];
  if (encoded === undefined) return null;
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    const pair = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = pair.indexOf(":");
    return colon < 0 ? null : pair.slice(colon + 1);
  } catch {
    return null;
  }
}
