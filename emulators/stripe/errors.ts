/** The `error` object of Stripe's answers. */
export interface ErrorBody {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  code?: string;
  message: string;
  param?: string;
  decline_code?: string;
  charge?: string;
  payment_intent?: unknown;
  payment_method?: unknown;
  doc_url?: string;
  request_log_url?: string;
}

/** A refusal, with the status and body that Stripe would answer. */
export class StripeFailure extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
  ) {
    super(body.message);
  }
}

const invalid = (status: number, body: Omit<ErrorBody, "type">): StripeFailure =>
  new StripeFailure(status, { type: "invalid_request_error", ...body });

const docUrl = (code: string) => `https://docs.stripe.com/error-codes/${code.replaceAll("_", "-")}`;

export const parameterMissing = (param: string): StripeFailure =>
  invalid(400, {
    code: "parameter_missing",
    doc_url: docUrl("parameter_missing"),
    message: `Missing required param: ${param}.`,
    param,
  });

/** Also said of parameters that the real API knows and this emulator does not. */
export const parameterUnknown = (param: string): StripeFailure =>
  invalid(400, {
    code: "parameter_unknown",
    doc_url: docUrl("parameter_unknown"),
    message: `Received unknown parameter: ${param}`,
    param,
  });

export const parameterInvalid = (param: string, message: string, code?: string): StripeFailure =>
  invalid(400, {
    ...(code === undefined ? {} : { code, doc_url: docUrl(code) }),
    message,
    param,
  });

/** @param status 404 for the object of the path, 400 for one named in a parameter. */
export const resourceMissing = (
  kind: string,
  id: string,
  param: string,
  status: 400 | 404 = 404,
): StripeFailure =>
  invalid(status, {
    code: "resource_missing",
    doc_url: docUrl("resource_missing"),
    message: `No such ${kind}: '${id}'`,
    param,
  });

export const unexpectedState = (code: string, message: string, extra: Partial<ErrorBody> = {}) =>
  invalid(400, { code, doc_url: docUrl(code), message, ...extra });

export const unknownRoute = (method: string, path: string): StripeFailure =>
  invalid(404, {
    message: `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
  });

export const keyMissing = (): StripeFailure =>
  invalid(401, {
    message:
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
  });

export const keyInvalid = (key: string): StripeFailure =>
  invalid(401, {
    message: `Invalid API Key provided: ${key.slice(0, 8)}${"*".repeat(8)}${key.slice(-4)}`,
  });

export const idempotencyMismatch = (key: string): StripeFailure =>
  new StripeFailure(400, {
    type: "idempotency_error",
    message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
  });

export const idempotencyBusy = (key: string): StripeFailure =>
  new StripeFailure(409, {
    type: "idempotency_error",
    code: "idempotency_key_in_use",
    message: `There is currently another in-progress request using this Idempotent Key (${key}). Please try again later.`,
  });

/** The body for a status that a fault asks for. */
export function faultBody(status: number, code: string | undefined): ErrorBody {
  const withCode = (body: ErrorBody): ErrorBody => (code === undefined ? body : { ...body, code });
  if (status === 429) {
    return {
      type: "invalid_request_error",
      code: code ?? "rate_limit",
      message:
        "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
    };
  }
  if (status === 401) return withCode(keyInvalid("sk_test_00000000").body);
  if (status === 409) {
    return withCode({
      type: "invalid_request_error",
      code: "lock_timeout",
      message:
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
    });
  }
  if (status >= 500) {
    return withCode({
      type: "api_error",
      message:
        "Sorry! There was an error while talking to Stripe. Please let us know at support@stripe.com.",
    });
  }
  return withCode({ type: "invalid_request_error", message: "The request was refused." });
}
