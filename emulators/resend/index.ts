import { type Answer, jsonAnswer } from "../recorder/http.js";
import { createIdempotency } from "../recorder/idempotency.js";
import { htmlPage } from "../recorder/page.js";
import type { Table } from "../recorder/store.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";
import type { Mail } from "./mail.js";
import { mailboxPage, mailPage } from "./mailbox.js";
import { type ErrorName, type MailInput, ResendFailure, readMail, STATUS_OF } from "./validate.js";
import { postWebhook, type WebhookAnswer, type WebhookOrder, WebhookSchema } from "./webhook.js";

export interface ResendOptions extends VendorOptions {
  apiKey: string;
  /** Requests per second before 429; without it nothing is limited and no ratelimit headers are sent. */
  ratePerSecond?: number | undefined;
}

export interface ResendRecords {
  /** Newest first. Also GET /mailbox.json `{data}`, and to read: GET /mailbox. */
  mails(): Mail[];
  /** Posts a signed webhook of a mail, once; the answer is told. Also POST /_emulator/webhooks. */
  sendWebhook(order: WebhookOrder): Promise<WebhookAnswer>;
}

export type ResendEmulator = ResendRecords & Vendor;

const KEY_TTL_MS = 24 * 60 * 60 * 1000;
const KEY_LENGTH_MAX = 256;
const BATCH_MAX = 100;

type Context = Parameters<Parameters<Kit["app"]["get"]>[1]>[0];

/** Resend's mail sending API on 127.0.0.1, with a mailbox to read what was sent. */
export const startResendEmulator = (options: ResendOptions): Promise<ResendEmulator> =>
  startVendor<ResendRecords>(
    {
      name: "resend",
      api: /^\/emails/,
      faultAnswer: ({ status, code, retryAfterSeconds }) => {
        const answer = failureAnswer(faultFailure(status, code));
        const retry: Record<string, string> =
          retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
        return { ...answer, headers: { ...answer.headers, ...retry } };
      },
      setup: (kit) => setUp(kit, options),
    },
    options,
  );

function faultFailure(status: number, code: string | undefined): ResendFailure {
  const named = Object.keys(STATUS_OF).find((name) => name === code) as ErrorName | undefined;
  const byStatus = Object.entries(STATUS_OF).find(([, value]) => value === status);
  const name =
    named ??
    (status === 429 ? "rate_limit_exceeded" : (byStatus?.[0] as ErrorName | undefined)) ??
    "application_error";
  return new ResendFailure(name, `The request failed: ${name.replaceAll("_", " ")}.`, status);
}

const failureAnswer = ({ status, errorName, message }: ResendFailure): Answer =>
  jsonAnswer(status, { statusCode: status, name: errorName, message });

function setUp(kit: Kit, options: ResendOptions): ResendRecords {
  const mails = kit.store.table<Mail>("mails");
  const all = () =>
    mails
      .all()
      .reverse()
      .map((mail) => asOf(mail, kit.clock.now()));
  const limit = createLimit(kit, options.ratePerSecond);
  const send = createSender(kit, mails);

  const api = (run: (context: Context) => Promise<object> | object) => async (context: Context) => {
    const headers: Record<string, string> = {};
    try {
      authenticate(context.req.header("authorization"), options.apiKey);
      limit(headers);
      return context.json(await run(context), 200, headers);
    } catch (error) {
      if (!(error instanceof ResendFailure)) throw error;
      const { body, status } = failureAnswer(error);
      return context.body(String(body), status, { ...headers, "content-type": "application/json" });
    }
  };
  const named = (id: string): Mail => {
    const mail = mails.get(id);
    if (mail === undefined) throw new ResendFailure("not_found", "Email not found");
    return mail;
  };

  const { app } = kit;
  app.post(
    "/emails",
    api((c) =>
      send(
        c,
        (body) => [readMail(body)],
        ([id]) => ({ id }),
      ),
    ),
  );
  app.post(
    "/emails/batch",
    api((c) => send(c, readBatch, (ids) => ({ data: ids.map((id) => ({ id })) }))),
  );
  app.get(
    "/emails",
    api((c) => listing(c, all())),
  );
  app.get(
    "/emails/:id",
    api((c) => shown(asOf(named(c.req.param("id")), kit.clock.now()))),
  );
  app.patch(
    "/emails/:id",
    api(async (c) => reschedule(mails, named(c.req.param("id")), await c.req.text())),
  );
  app.post(
    "/emails/:id/cancel",
    api((c) => cancel(kit, mails, named(c.req.param("id")))),
  );

  mailboxRoutes(kit, mails, all);
  const sendWebhook = async (order: WebhookOrder): Promise<WebhookAnswer> => {
    const read = WebhookSchema.parse(order);
    const mail = named(read.emailId);
    mails.put(mail.id, { ...mail, lastEvent: read.event });
    return postWebhook(mail, read, kit.clock.now());
  };
  kit.control("webhooks", WebhookSchema, (order) =>
    mails.get(order.emailId) === undefined ? { error: "no such mail" } : sendWebhook(order),
  );
  app.notFound(
    api((c) => {
      throw new ResendFailure("not_found", `Not found: ${c.req.method} ${c.req.path}`);
    }),
  );
  return { mails: all, sendWebhook };
}

/** What a person sees of it: the mails, newest first, and each as it would arrive. */
function mailboxRoutes({ app, clock }: Kit, mails: Table<Mail>, all: () => Mail[]): void {
  app.get("/mailbox", (c) => c.html(mailboxPage(all())));
  app.get("/mailbox.json", (c) => c.json({ data: all() }));
  app.get("/mailbox/:id", (c) => {
    const mail = mails.get(c.req.param("id"));
    return mail === undefined
      ? c.html(htmlPage("No such mail", '<p><a href="/mailbox">All mails</a></p>'), 404)
      : c.html(mailPage(asOf(mail, clock.now())));
  });
}

function authenticate(header: string | undefined, apiKey: string): void {
  const key = /^Bearer (.+)$/.exec(header ?? "")?.[1];
  if (key === undefined) throw new ResendFailure("missing_api_key", "Missing API Key");
  if (key !== apiKey) throw new ResendFailure("invalid_api_key", "API key is invalid");
}

/** Counts requests by the second of the emulator's clock. */
function createLimit(kit: Kit, ratePerSecond: number | undefined) {
  let second = 0;
  let used = 0;
  return (headers: Record<string, string>): void => {
    if (ratePerSecond === undefined) return;
    const now = Math.floor(kit.clock.now() / 1000);
    used = now === second ? used + 1 : 1;
    second = now;
    headers["ratelimit-limit"] = String(ratePerSecond);
    headers["ratelimit-remaining"] = String(Math.max(0, ratePerSecond - used));
    headers["ratelimit-reset"] = "1";
    if (used <= ratePerSecond) return;
    headers["retry-after"] = "1";
    throw new ResendFailure(
      "rate_limit_exceeded",
      `Too many requests. You can only make ${ratePerSecond} requests per second. See rate limit response headers for more information. Or contact support to increase rate limit.`,
    );
  };
}

/** Accepts what `read` makes of the body, once per idempotency key and payload. */
function createSender(kit: Kit, mails: Table<Mail>) {
  const keys = createIdempotency(kit.store.table("idempotency"), KEY_TTL_MS, kit.clock.now);
  return async (
    context: Context,
    read: (body: unknown) => MailInput[],
    answer: (ids: string[]) => object,
  ): Promise<object> => {
    const text = await context.req.text();
    const inputs = read(parseJson(text));
    const key = context.req.header("idempotency-key") ?? null;
    const work = async () => {
      await kit.processing();
      const ids = inputs.map((input) => mails.put(...newMail(kit, input, key)).id);
      return answer(ids);
    };
    if (key === null) return work();
    if (key.length < 1 || key.length > KEY_LENGTH_MAX) {
      throw new ResendFailure(
        "invalid_idempotency_key",
        "The key must be between 1-256 chars. Retry with a valid key.",
      );
    }
    const claim = keys.claim(key, `${context.req.path}\n${text}`);
    switch (claim.kind) {
      case "replay":
        return JSON.parse(claim.answer.body) as object;
      case "mismatch":
        throw new ResendFailure(
          "invalid_idempotent_request",
          "Same idempotency key used with a different request payload. Change your idempotency key or payload.",
        );
      case "busy":
        throw new ResendFailure(
          "concurrent_idempotent_requests",
          "Same idempotency key used while original request is still in progress. Try the request again later.",
        );
      case "fresh":
        try {
          const body = await work();
          claim.keep({ status: 200, body: JSON.stringify(body) });
          return body;
        } finally {
          claim.release();
        }
    }
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ResendFailure(
      "validation_error",
      `The request body is not JSON: ${String(cause)}`,
      400,
    );
  }
}

function readBatch(body: unknown): MailInput[] {
  if (!Array.isArray(body) || body.length < 1 || body.length > BATCH_MAX) {
    throw new ResendFailure(
      "validation_error",
      `The batch must be an array of 1 to ${BATCH_MAX} emails.`,
    );
  }
  return body.map(readMail);
}

function newMail(kit: Kit, input: MailInput, idempotencyKey: string | null): [string, Mail] {
  const id = crypto.randomUUID();
  const attachments = (input.attachments ?? []).map((a) => ({
    filename: a.filename ?? a.path ?? "attachment",
    contentType: a.content_type ?? null,
    bytes:
      typeof a.content === "string"
        ? Buffer.from(a.content, "base64").length
        : (a.content?.data.length ?? 0),
  }));
  const mail: Mail = {
    id,
    from: input.from,
    to: input.to,
    cc: input.cc ?? [],
    bcc: input.bcc ?? [],
    replyTo: input.reply_to ?? [],
    subject: input.subject,
    html: input.html ?? null,
    text: input.text ?? null,
    headers: input.headers ?? {},
    tags: input.tags ?? [],
    attachments,
    createdAt: new Date(kit.clock.now()).toISOString(),
    scheduledAt: input.scheduled_at ?? null,
    lastEvent: input.scheduled_at === undefined ? "delivered" : "scheduled",
    idempotencyKey,
    answerLost: kit.answerLost(),
  };
  return [id, mail];
}

/** A scheduled mail is delivered once the clock has passed its time. */
const asOf = (mail: Mail, now: number): Mail =>
  mail.lastEvent === "scheduled" && Date.parse(mail.scheduledAt ?? "") <= now
    ? { ...mail, lastEvent: "delivered" }
    : mail;

const orNull = (list: string[]) => (list.length === 0 ? null : list);

const shown = (mail: Mail) => ({
  object: "email",
  id: mail.id,
  message_id: `<${mail.id}@emulated.resend.dev>`,
  to: mail.to,
  from: mail.from,
  created_at: mail.createdAt,
  subject: mail.subject,
  html: mail.html,
  text: mail.text,
  bcc: orNull(mail.bcc),
  cc: orNull(mail.cc),
  reply_to: orNull(mail.replyTo),
  last_event: mail.lastEvent,
  scheduled_at: mail.scheduledAt,
  tags: mail.tags,
});

function listing(context: Context, mails: Mail[]): object {
  const limit = Number(context.req.query("limit") ?? 20);
  const after = context.req.query("after");
  const start = after === undefined ? 0 : mails.findIndex((mail) => mail.id === after) + 1;
  const page = mails.slice(start, start + limit);
  const data = page.map((mail) => {
    const { html: _html, text: _text, tags: _tags, object: _object, ...row } = shown(mail);
    return row;
  });
  return { object: "list", has_more: start + limit < mails.length, data };
}

function reschedule(mails: Table<Mail>, mail: Mail, text: string): object {
  const body = parseJson(text) as { scheduled_at?: unknown };
  const at = typeof body.scheduled_at === "string" ? Date.parse(body.scheduled_at) : Number.NaN;
  if (Number.isNaN(at))
    throw new ResendFailure("validation_error", "Invalid `scheduled_at` field.");
  if (mail.lastEvent !== "scheduled") {
    throw new ResendFailure("validation_error", "Only scheduled emails can be updated.");
  }
  mails.put(mail.id, { ...mail, scheduledAt: new Date(at).toISOString() });
  return { object: "email", id: mail.id };
}

function cancel(kit: Kit, mails: Table<Mail>, mail: Mail): object {
  if (asOf(mail, kit.clock.now()).lastEvent !== "scheduled") {
    throw new ResendFailure("validation_error", "Only scheduled emails can be canceled.");
  }
  mails.put(mail.id, { ...mail, lastEvent: "canceled" });
  return { object: "email", id: mail.id };
}
