import { AppError } from "./errors.js";

/**
 * What a log line may say of an error: our own errors by code and detail, which we wrote; foreign ones by
 * name and code only, because their text may quote the request that failed, and that may hold a body.
 */
export function describeError(error: unknown): string {
  if (error instanceof AppError) {
    return error.detail === undefined ? error.code : `${error.code} (${error.detail})`;
  }
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `${error.name} ${code}` : error.name;
}
