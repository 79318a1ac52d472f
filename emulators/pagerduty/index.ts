import { z } from "zod";
import { jsonAnswer } from "../recorder/http.js";
import type { Table } from "../recorder/store.js";
import { type Kit, startVendor, type Vendor, type VendorOptions } from "../recorder/vendor.js";

export interface PagerDutyOptions extends VendorOptions {
  /** The routing keys that are known: 32 characters each. Without it, every key of that length is. */
  routingKeys?: string[] | undefined;
}

/** An alert by its deduplication key. After a resolve, a trigger with the same key opens a new one. */
export interface PagerDutyAlert {
  id: string;
  routingKey: string;
  dedupKey: string;
  state: "triggered" | "acknowledged" | "resolved";
  severity: string;
  summary: string;
  source: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** What was accepted for it, oldest first. */
  events: PagerDutyEvent[];
}

export interface PagerDutyEvent {
  /** ISO 8601, UTC. */
  at: string;
  action: "trigger" | "acknowledge" | "resolve";
  body: Record<string, unknown>;
  /** True when the sender never learnt that it was accepted. */
  answerLost: boolean;
}

export interface PagerDutyRecords {
  /** Newest first. Also GET /alerts.json `{data}`. */
  alerts(): PagerDutyAlert[];
}

export type PagerDutyEmulator = PagerDutyRecords & Vendor;

const BODY_BYTES_MAX = 512 * 1024;

/** @see https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
const EnqueueSchema = z
  .object({
    routing_key: z.string({ error: "'routing_key' is missing or blank" }).length(32, {
      error: "Length of 'routing_key' is incorrect (should be 32 characters)",
    }),
    event_action: z.enum(["trigger", "acknowledge", "resolve"], {
      error: "'event_action' is missing or invalid (must be one of: trigger, acknowledge, resolve)",
    }),
    dedup_key: z
      .string()
      .max(255, { error: "Length of 'dedup_key' is incorrect (should be 255 characters at most)" })
      .optional(),
    payload: z
      .looseObject({
        summary: z
          .string({ error: "'payload.summary' is missing or blank" })
          .min(1, { error: "'payload.summary' is missing or blank" })
          .max(1024, {
            error: "Length of 'payload.summary' is incorrect (should be 1024 characters at most)",
          }),
        source: z
          .string({ error: "'payload.source' is missing or blank" })
          .min(1, { error: "'payload.source' is missing or blank" }),
        severity: z.enum(["critical", "error", "warning", "info"], {
          error:
            "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')",
        }),
      })
      .optional(),
  })
  .loose();

type Enqueue = z.output<typeof EnqueueSchema>;

class PagerDutyFailure extends Error {
  constructor(
    readonly status: number,
    readonly errors: string[],
  ) {
    super(errors.join("; "));
  }
}

const failureBody = (errors: string[]) => ({
  status: "invalid event",
  message: "Event object is invalid",
  errors,
});

/** PagerDuty's Events API v2 on 127.0.0.1. */
export const startPagerDutyEmulator = (
  options: PagerDutyOptions = {},
): Promise<PagerDutyEmulator> =>
  startVendor<PagerDutyRecords>(
    {
      name: "pagerduty",
      api: /^\/v2\//,
      faultAnswer: ({ status, retryAfterSeconds }) => {
        const headers: Record<string, string> =
          retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
        if (status === 429) {
          return jsonAnswer(
            429,
            {
              status: "throttle exceeded",
              message: "Requests for this service are arriving too quickly. Please retry later.",
            },
            headers,
          );
        }
        return status < 500
          ? jsonAnswer(status, failureBody(["Invalid event"]), headers)
          : jsonAnswer(status, { status: "error", message: "Internal Server Error" }, headers);
      },
      setup: (kit) => setUp(kit, options),
    },
    options,
  );

function setUp(kit: Kit, options: PagerDutyOptions): PagerDutyRecords {
  const alerts = kit.store.table<PagerDutyAlert>("alerts");
  const all = () => alerts.all().reverse();

  kit.app.post("/v2/enqueue", async (c) => {
    try {
      await kit.processing();
      const event = readEvent(await c.req.text(), options.routingKeys);
      const dedupKey = event.dedup_key || crypto.randomUUID().replaceAll("-", "");
      record(kit, alerts, event, dedupKey);
      return c.json({ status: "success", message: "Event processed", dedup_key: dedupKey }, 202);
    } catch (error) {
      if (!(error instanceof PagerDutyFailure)) throw error;
      return c.json(failureBody(error.errors), error.status);
    }
  });
  kit.app.get("/alerts.json", (c) => c.json({ data: all() }));
  kit.app.notFound((c) => c.json({ error: { message: "Not Found", code: 2100 } }, 404));
  return { alerts: all };
}

function readEvent(text: string, routingKeys: string[] | undefined): Enqueue {
  if (Buffer.byteLength(text) > BODY_BYTES_MAX) {
    throw new PagerDutyFailure(413, ["Event payload exceeds 512 KB"]);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new PagerDutyFailure(400, ["JSON is invalid"]);
  }
  const read = EnqueueSchema.safeParse(json);
  if (!read.success)
    throw new PagerDutyFailure(
      400,
      read.error.issues.map((i) => i.message),
    );
  const event = read.data;
  if (event.event_action === "trigger" && event.payload === undefined) {
    throw new PagerDutyFailure(400, ["'payload' is missing or blank"]);
  }
  if (event.event_action !== "trigger" && !event.dedup_key) {
    throw new PagerDutyFailure(400, ["'dedup_key' is missing or blank"]);
  }
  if (routingKeys !== undefined && !routingKeys.includes(event.routing_key)) {
    throw new PagerDutyFailure(400, ["Invalid routing key"]);
  }
  return event;
}

function record(kit: Kit, alerts: Table<PagerDutyAlert>, event: Enqueue, dedupKey: string): void {
  const at = new Date(kit.clock.now()).toISOString();
  const open = alerts
    .all()
    .find(
      (a) =>
        a.dedupKey === dedupKey && a.routingKey === event.routing_key && a.state !== "resolved",
    );
  const entry: PagerDutyEvent = {
    at,
    action: event.event_action,
    body: event,
    answerLost: kit.answerLost(),
  };
  if (open === undefined) {
    if (event.event_action !== "trigger" || event.payload === undefined) return; // nothing to acknowledge: dropped
    const { summary, source, severity } = event.payload;
    const id = kit.ids("Q");
    const key = event.routing_key;
    const head = { id, routingKey: key, dedupKey, state: "triggered", createdAt: at } as const;
    alerts.put(id, { ...head, summary, source, severity, events: [entry] });
    return;
  }
  const states = { trigger: open.state, acknowledge: "acknowledged", resolve: "resolved" } as const;
  alerts.put(open.id, {
    ...open,
    state: states[event.event_action],
    events: [...open.events, entry],
  });
}
