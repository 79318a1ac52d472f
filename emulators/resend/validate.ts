import { z } from "zod";

/** Resend's error names, with the status of each. */
export const STATUS_OF = {
  validation_error: 422,
  missing_required_field: 422,
  invalid_idempotency_key: 400,
  missing_api_key: 401,
  restricted_api_key: 401,
  invalid_api_key: 403,
  not_found: 404,
  method_not_allowed: 405,
  invalid_idempotent_request: 409,
  concurrent_idempotent_requests: 409,
  rate_limit_exceeded: 429,
  daily_quota_exceeded: 429,
  monthly_quota_exceeded: 429,
  application_error: 500,
  internal_server_error: 500,
} as const;

export type ErrorName = keyof typeof STATUS_OF;

export class ResendFailure extends Error {
  constructor(
    readonly errorName: ErrorName,
    message: string,
    readonly status: number = STATUS_OF[errorName],
  ) {
    super(message);
  }
}

const TO_MAX = 50;
const ADDRESS = /^(?:[^<>]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/;
const TAG = /^[A-Za-z0-9_-]{1,256}$/;

const address = (field: string) =>
  z.string().regex(ADDRESS, {
    error: `Invalid \`${field}\` field. The email address needs to follow the \`email@example.com\` or \`Name <email@example.com>\` format.`,
  });

const addresses = (field: string) =>
  z
    .union([address(field).transform((one) => [one]), z.array(address(field))], {
      error: address(field).safeParse("").error?.issues[0]?.message ?? "",
    })
    .refine((list) => list.length >= 1 && list.length <= TO_MAX, {
      error: `Invalid \`${field}\` field. The number of addresses must be between 1 and ${TO_MAX}.`,
    });

const TagSchema = z.strictObject({
  name: z.string().regex(TAG),
  value: z.string().regex(TAG),
});

const AttachmentSchema = z.object({
  filename: z.string().optional(),
  content: z
    .union([z.string(), z.object({ type: z.literal("Buffer"), data: z.array(z.int()) })])
    .optional(),
  path: z.string().optional(),
  content_type: z.string().optional(),
  content_id: z.string().optional(),
});

/** What POST /emails takes. Templates and topics of the real API are refused, not ignored. */
const MailSchema = z.strictObject({
  from: address("from"),
  to: addresses("to"),
  subject: z.string(),
  cc: addresses("cc").optional(),
  bcc: addresses("bcc").optional(),
  reply_to: addresses("reply_to").optional(),
  html: z.string().optional(),
  text: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  tags: z.array(TagSchema).optional(),
  attachments: z.array(AttachmentSchema).optional(),
  scheduled_at: z.iso.datetime({ offset: true }).optional(),
});

export type MailInput = z.output<typeof MailSchema>;

/** @throws ResendFailure missing_required_field or validation_error, as the real API names them. */
export function readMail(value: unknown): MailInput {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ResendFailure("validation_error", "The request body must be a JSON object.");
  }
  const fields = value as Record<string, unknown>;
  for (const name of ["from", "to", "subject"]) {
    if (fields[name] === undefined || fields[name] === "") {
      throw new ResendFailure("missing_required_field", `Missing \`${name}\` field.`);
    }
  }
  if (fields.html === undefined && fields.text === undefined) {
    throw new ResendFailure("missing_required_field", "Missing `html` or `text` field.");
  }
  const read = MailSchema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const own = issue?.message.startsWith("Invalid `") ?? false;
  const where = issue?.path.join(".") || "body";
  throw new ResendFailure(
    "validation_error",
    own ? (issue?.message ?? "") : `Invalid \`${where}\` field: ${issue?.message}`,
  );
}
