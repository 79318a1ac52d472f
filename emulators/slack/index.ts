import { textAnswer } from "../recorder/http.js";
import { escapeHtml, htmlPage, htmlTable, shortTime } from "../recorder/page.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";

export interface SlackOptions extends VendorOptions {
  /** The secret path of the webhook. */
  path?: string | undefined;
  /** Messages in any one second before 429; Slack allows about one, with short bursts. Without it: no limit. */
  burstPerSecond?: number | undefined;
}

/** A message as it reached us. */
export interface SlackMessage {
  id: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  path: string;
  /** The message's own text, or what its blocks and attachments say. */
  text: string;
  payload: Record<string, unknown>;
  /** True when the sender never learnt that it was accepted. */
  answerLost: boolean;
}

export interface SlackRecords {
  /** Where to post. */
  webhookUrl: string;
  /** Newest first. Also GET /messages.json `{data}`, and to read: GET /messages. */
  messages(): SlackMessage[];
}

export type SlackEmulator = SlackRecords & Vendor;

const DEFAULT_PATH = "/services/T00000000/B00000000/signalboxlocal";
const BLOCKS_MAX = 50;

/** A refusal in Slack's way: plain text. */
class SlackFailure extends Error {
  constructor(
    readonly status: number,
    readonly text: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(text);
  }
}

const TEXT_OF_STATUS: Record<number, string> = {
  400: "invalid_payload",
  403: "action_prohibited",
  404: "channel_not_found",
  410: "channel_is_archived",
  429: "rate_limited",
  500: "rollup_error",
};

/** Slack's incoming webhooks on 127.0.0.1. */
export const startSlackEmulator = (options: SlackOptions = {}): Promise<SlackEmulator> =>
  startVendor<SlackRecords>(
    {
      name: "slack",
      api: /^\/services\//,
      faultAnswer: ({ status, code, retryAfterSeconds }) => {
        const wait = retryAfterSeconds ?? (status === 429 ? 1 : undefined);
        const headers: Record<string, string> =
          wait === undefined ? {} : { "retry-after": String(wait) };
        return textAnswer(status, code ?? TEXT_OF_STATUS[status] ?? "error", headers);
      },
      setup: (kit) => setUp(kit, options),
    },
    options,
  );

function setUp(kit: Kit, options: SlackOptions): SlackRecords {
  const path = options.path ?? DEFAULT_PATH;
  const messages = kit.store.table<SlackMessage>("messages");
  const all = () => messages.all().reverse();
  const limit = createLimit(kit, options.burstPerSecond);

  kit.app.post("/services/:team/:channel/:token", async (c) => {
    try {
      if (c.req.path !== path) throw unknownHook(c.req.path, path);
      limit();
      await kit.processing();
      const payload = readPayload(c.req.header("content-type") ?? "", await c.req.text());
      const id = kit.ids("msg_");
      messages.put(id, {
        id,
        createdAt: new Date(kit.clock.now()).toISOString(),
        path: c.req.path,
        text: textOf(payload),
        payload,
        answerLost: kit.answerLost(),
      });
      c.header("x-slack-unique-id", id); // Slack's own name for the request: UNCONFIRMED for this route
      return c.text("ok");
    } catch (error) {
      if (!(error instanceof SlackFailure)) throw error;
      return c.text(error.text, error.status, error.headers);
    }
  });
  kit.app.get("/messages.json", (c) => c.json({ data: all() }));
  kit.app.get("/messages", (c) => c.html(messagesPage(all())));
  kit.app.notFound((c) => c.text("no_service", 404));
  return { webhookUrl: kit.baseUrl + path, messages: all };
}

/** A known team and channel with another token is not the same as no such service. */
const unknownHook = (asked: string, known: string): SlackFailure =>
  asked.slice(0, asked.lastIndexOf("/")) === known.slice(0, known.lastIndexOf("/"))
    ? new SlackFailure(403, "invalid_token")
    : new SlackFailure(404, "no_service");

function createLimit(kit: Kit, burstPerSecond: number | undefined) {
  let recent: number[] = [];
  return (): void => {
    if (burstPerSecond === undefined) return;
    const now = kit.clock.now();
    recent = recent.filter((at) => now - at < 1000);
    if (recent.length >= burstPerSecond)
      throw new SlackFailure(429, "rate_limited", { "retry-after": "1" });
    recent.push(now);
  };
}

function readPayload(contentType: string, body: string): Record<string, unknown> {
  const form = contentType.startsWith("application/x-www-form-urlencoded");
  const json = form ? (new URLSearchParams(body).get("payload") ?? "") : body;
  let payload: unknown;
  try {
    payload = JSON.parse(json);
  } catch {
    throw new SlackFailure(400, "invalid_payload");
  }
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw new SlackFailure(400, "invalid_payload");
  }
  const { text, blocks, attachments } = payload as Record<string, unknown>;
  if (
    blocks !== undefined &&
    !(Array.isArray(blocks) && blocks.length <= BLOCKS_MAX && blocks.every(hasType))
  ) {
    throw new SlackFailure(400, "invalid_blocks");
  }
  const hasText = typeof text === "string" && text !== "";
  const hasMore = [blocks, attachments].some((list) => Array.isArray(list) && list.length > 0);
  if (!hasText && !hasMore) throw new SlackFailure(400, "no_text");
  return payload as Record<string, unknown>;
}

const hasType = (block: unknown): boolean =>
  typeof block === "object" &&
  block !== null &&
  typeof (block as { type?: unknown }).type === "string";

/** Every text in the message, outermost first. */
function textOf(payload: Record<string, unknown>): string {
  const texts: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk);
    else if (typeof node === "object" && node !== null) {
      for (const [name, value] of Object.entries(node)) {
        if (typeof value === "string" && (name === "text" || name === "fallback"))
          texts.push(value);
        else walk(value);
      }
    }
  };
  if (typeof payload.text === "string") return payload.text;
  walk([payload.blocks, payload.attachments]);
  return texts.join("\n");
}

function messagesPage(messages: SlackMessage[]): string {
  const rows = messages.map((message) => [
    `<small>${shortTime(Date.parse(message.createdAt))}</small>`,
    `${escapeHtml(message.text)}<details><summary>payload</summary><pre>${escapeHtml(JSON.stringify(message.payload, null, 2))}</pre></details>`,
  ]);
  return htmlPage(
    `Slack messages (${messages.length})`,
    htmlTable(["Sent (UTC)", "Message"], rows, "No message was sent yet."),
  );
}
