import { jsonAnswer } from "../recorder/http.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";
import { segmentsOf } from "./segments.js";

export interface TwilioOptions extends VendorOptions {
  accountSid: string;
  authToken: string;
}

/** A message as it reached us. */
export interface TwilioMessage {
  sid: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  to: string;
  from: string | null;
  messagingServiceSid: string | null;
  body: string;
  segments: number;
  /** True when the sender never learnt that it was accepted. */
  answerLost: boolean;
}

export interface TwilioRecords {
  /** Newest first. Also GET /messages.json `{data}`. */
  messages(): TwilioMessage[];
}

export type TwilioEmulator = TwilioRecords & Vendor;

const BODY_LENGTH_MAX = 1600;
const E164 = /^\+[1-9]\d{6,14}$/;

/** @see https://www.twilio.com/docs/api/errors */
class TwilioFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

const failureBody = ({ status, code, message }: TwilioFailure) => ({
  code,
  message,
  more_info: `https://www.twilio.com/docs/errors/${code}`,
  status,
});

const faultFailure = (status: number): TwilioFailure => {
  if (status === 429) return new TwilioFailure(429, 20429, "Too Many Requests");
  if (status >= 500)
    return new TwilioFailure(status, 20500, "An internal server error has occurred");
  return new TwilioFailure(status, 20001, "Bad request");
};

/** Twilio's message resource on 127.0.0.1. */
export const startTwilioEmulator = (options: TwilioOptions): Promise<TwilioEmulator> =>
  startVendor<TwilioRecords>(
    {
      name: "twilio",
      api: /^\/2010-04-01\//,
      faultAnswer: ({ status, retryAfterSeconds }) =>
        jsonAnswer(
          status,
          failureBody(faultFailure(status)),
          retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
        ),
      setup: (kit) => setUp(kit, options),
    },
    options,
  );

function setUp(kit: Kit, options: TwilioOptions): TwilioRecords {
  const messages = kit.store.table<TwilioMessage>("messages");
  const all = () => messages.all().reverse();
  const base = `/2010-04-01/Accounts/${options.accountSid}`;
  const expected = `Basic ${Buffer.from(`${options.accountSid}:${options.authToken}`).toString("base64")}`;

  type Context = Parameters<Parameters<Kit["app"]["get"]>[1]>[0];
  const api =
    (run: (context: Context) => Promise<Response> | Response) => async (context: Context) => {
      try {
        if (context.req.header("authorization") !== expected)
          throw new TwilioFailure(401, 20003, "Authenticate");
        return await run(context);
      } catch (error) {
        if (!(error instanceof TwilioFailure)) throw error;
        return context.json(failureBody(error), error.status);
      }
    };

  kit.app.post(
    `${base}/Messages.json`,
    api(async (c) => {
      const form = new URLSearchParams(await c.req.text());
      await kit.processing();
      const message = readMessage(kit, form);
      messages.put(message.sid, message);
      return c.json(shown(message, options.accountSid), 201);
    }),
  );
  kit.app.get(
    `${base}/Messages/:file`,
    api((c) => {
      const message = messages.get(c.req.param("file").replace(/\.json$/, ""));
      if (message === undefined) throw notFound(c.req.path);
      return c.json(shown(message, options.accountSid));
    }),
  );
  kit.app.get("/messages.json", (c) => c.json({ data: all() }));
  kit.app.notFound(
    api((c) => {
      throw notFound(c.req.path);
    }),
  );
  return { messages: all };
}

const notFound = (path: string) =>
  new TwilioFailure(404, 20404, `The requested resource ${path} was not found`);

function readMessage(kit: Kit, form: URLSearchParams): TwilioMessage {
  const to = form.get("To");
  const from = form.get("From");
  const service = form.get("MessagingServiceSid");
  const body = form.get("Body");
  if (!to) throw new TwilioFailure(400, 21604, "A 'To' phone number is required.");
  if (!E164.test(to)) throw new TwilioFailure(400, 21211, `Invalid 'To' Phone Number: ${to}`);
  if (!from && !service) {
    throw new TwilioFailure(400, 21603, "A 'From' phone number is required.");
  }
  if (from && !E164.test(from) && !/^[A-Za-z0-9 ]{1,11}$/.test(from)) {
    throw new TwilioFailure(400, 21212, `Invalid 'From' Phone Number: ${from}`);
  }
  if (!body) throw new TwilioFailure(400, 21602, "Message body is required.");
  if (body.length > BODY_LENGTH_MAX) {
    throw new TwilioFailure(
      400,
      21617,
      "The concatenated message body exceeds the 1600 character limit",
    );
  }
  return {
    sid: `SM${crypto.randomUUID().replaceAll("-", "")}`,
    createdAt: new Date(kit.clock.now()).toISOString(),
    to,
    from,
    messagingServiceSid: service,
    body,
    segments: segmentsOf(body),
    answerLost: kit.answerLost(),
  };
}

/** As the 2010 API writes it: RFC 2822 dates, numbers as text. */
function shown(message: TwilioMessage, accountSid: string): object {
  const date = new Date(message.createdAt).toUTCString().replace("GMT", "+0000");
  return {
    account_sid: accountSid,
    api_version: "2010-04-01",
    body: message.body,
    date_created: date,
    date_sent: null,
    date_updated: date,
    direction: "outbound-api",
    error_code: null,
    error_message: null,
    from: message.from,
    messaging_service_sid: message.messagingServiceSid,
    num_media: "0",
    num_segments: String(message.segments),
    price: null,
    price_unit: "USD",
    sid: message.sid,
    status: message.messagingServiceSid === null ? "queued" : "accepted",
    to: message.to,
    uri: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}.json`,
  };
}
