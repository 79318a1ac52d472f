import type { Channel, Channels } from "../../src/channels/channel.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import type { Ids } from "../../src/domain/ids.js";
import type { Incident } from "../../src/domain/incident.js";
import { CHANNELS, type ChannelId, type Notice } from "../../src/domain/notice.js";
import { type NoticeRequest, PlanBuilder } from "../../src/domain/plan.js";
import { sendNotification } from "../../src/handlers/send-notification/index.js";
import { apply } from "../../src/store/apply.js";
import type { Database } from "../../src/store/database.js";
import { load, read } from "../../src/store/load.js";
import { countingIds, type StillClock, stillClock } from "./fakes.js";
import type { StoreWorld } from "./store.js";

/** How a service answers a call; `lost`: it took it, and nobody learnt of that. */
export type Answer = "ok" | "unavailable" | "throttled" | "refused" | "lost";

export interface Call {
  channel: ChannelId;
  recipient: string;
  noticeId: string;
  template: string;
  follows: string | null;
  data: Notice["data"];
  answer: Answer;
  /** The incident's status as the call began. */
  status: string;
}

/** Services that answer as they are told: the next answers by channel, then `ok`, or always the same. */
export interface Services {
  channels: Channels;
  calls: Call[];
  next: Partial<Record<ChannelId, Answer[]>>;
  always: Partial<Record<ChannelId, Answer>>;
}

export const isTakenBy = ({ answer }: Call): boolean => answer === "ok" || answer === "lost";

export function services(statusOf: (noticeId: string) => Promise<string>): Services {
  const world: Services = { channels: {} as Channels, calls: [], next: {}, always: {} };
  const channelOf = (id: ChannelId): Channel => ({
    id,
    configured: true,
    atLeastOnce: id === "slack" || id === "sms",
    timeoutMs: 10_000,
    render: ({ id: noticeId, template, data }, follows = null) =>
      Promise.resolve({ noticeId, template, data, follows }),
    async send({ recipient, payload }) {
      const answer = world.next[id]?.shift() ?? world.always[id] ?? "ok";
      const { noticeId, template, data, follows } = payload as unknown as Call;
      const status = await statusOf(noticeId);
      world.calls.push({
        channel: id,
        recipient,
        noticeId,
        template,
        follows,
        data,
        answer,
        status,
      });
      switch (answer) {
        case "ok":
          return { vendorId: `${id}-${world.calls.length}` };
        case "refused":
          throw new Permanent("channel_refused", { detail: `${id} answered 403` });
        case "throttled":
          throw new Transient("channel_unavailable", { retryAfterSeconds: 30, detail: "429" });
        default:
          throw new Transient("channel_unavailable", { detail: `${id} answered 503` });
      }
    },
  });
  world.channels = Object.fromEntries(CHANNELS.map((id) => [id, channelOf(id)])) as Channels;
  return world;
}

/** Incidents, their pages, and a queue that brings each message until it is done. */
export class Pages {
  readonly clock: StillClock;
  readonly ids: Ids;
  readonly services: Services;
  readonly #w: StoreWorld;

  /** @param name parts its ids from those of others in the same database. */
  constructor(w: StoreWorld, name: string) {
    this.#w = w;
    this.ids = countingIds(`${name}_`);
    this.clock = stillClock(w.ctx.now);
    this.services = services(async (noticeId) => {
      const rows = await w.rows(
        "SELECT i.status FROM notice n JOIN incident i ON i.id = n.incident_id WHERE n.id = $1",
        [noticeId],
      );
      return String(rows[0]?.status ?? "none");
    });
  }

  #plan(): PlanBuilder {
    const { clock, ids } = this;
    const now = clock.now();
    return new PlanBuilder({ now, ids, actor: "system:test", eventId: null, requestId: "req_1" });
  }

  async open(id: string): Promise<void> {
    const now = this.clock.now();
    const times = { openedAt: now, routedAt: now, createdAt: now, updatedAt: now };
    const incident: Incident = {
      ...{ id, correlationKey: id, ordinal: 1, kind: "uptime", title: "Down", service: "web" },
      ...{ environment: null, ours: false, aside: false, severity: "P0", status: "open" },
      ...{ url: null, acknowledgedAt: null, acknowledgedBy: null, resolvedAt: null },
      ...{ resolvedBy: null, greenSince: null, reopenedAt: null, reopenings: 0, routings: 0 },
      ...{ suspectId: null, lastGoodId: null, rule: "r", route: "r", version: 0 },
      ...times,
    };
    await apply(this.#w.database, this.#plan().insert("incident", incident).build());
  }

  async incident(id: string): Promise<Incident> {
    const { rows } = await load(this.#w.database, { rows: read("incident", "t.id = ?", [id]) });
    if (rows[0] === undefined) throw new Error(`no incident ${id}`);
    return rows[0];
  }

  async become(id: string, status: Incident["status"]): Promise<void> {
    const incident = await this.incident(id);
    const now = this.clock.now();
    await apply(
      this.#w.database,
      this.#plan().update("incident", incident, { status, updatedAt: now }).build(),
    );
  }

  async tell(
    incidentId: string,
    ...requests: (Pick<NoticeRequest, "channel" | "template" | "cause"> & Partial<NoticeRequest>)[]
  ): Promise<void> {
    const plan = this.#plan();
    for (const request of requests) {
      const recipient = request.channel;
      plan.notify({ recipient, locale: "en", data: { incidentId }, incidentId, ...request });
    }
    await apply(this.#w.database, plan.build());
  }

  /** One delivery of a notice's message. */
  async deliver(
    noticeId: string,
    database: Database = this.#w.database,
  ): Promise<{ outcome: string } | Transient> {
    const outboxId = await this.#outboxOf(noticeId);
    const deps = { database, channels: this.services.channels, clock: this.clock, ids: this.ids };
    try {
      return await sendNotification({ noticeId, outboxId, requestId: "req_1" }, deps);
    } catch (error) {
      if (error instanceof Transient) return error;
      throw error;
    }
  }

  async #outboxOf(noticeId: string): Promise<string> {
    const rows = await this.#w.rows(
      "SELECT id FROM outbox WHERE message ->> 'noticeId' = $1 LIMIT 1",
      [noticeId],
    );
    return String(rows[0]?.id ?? "out_done");
  }

  async notices(incidentId: string): Promise<Record<string, unknown>[]> {
    return this.#w.rows(
      "SELECT id, channel, recipient, template, status, calls, cause, data, error_message FROM notice WHERE incident_id = $1 ORDER BY id",
      [incidentId],
    );
  }

  async waiting(incidentId: string): Promise<string[]> {
    const rows = await this.notices(incidentId);
    return rows
      .filter(({ status }) => status === "pending" || status === "sending")
      .map(({ id }) => String(id));
  }

  /** Brings everything that waits, again and again, with the time that a queue lets pass; at most so many rounds. */
  async drain(incidentId: string, rounds = 12): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      const waiting = await this.waiting(incidentId);
      if (waiting.length === 0) return;
      for (const id of waiting) await this.deliver(id);
      this.clock.advance(60_000);
    }
  }
}
