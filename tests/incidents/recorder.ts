import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Channel, Channels } from "../../src/channels/channel.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import { CHANNELS, type ChannelId } from "../../src/domain/notice.js";

/** How a channel's service answers at a moment: `down` 503, `refuses` 400, `mute` takes it and never says so. */
export type Behaviour = "well" | "down" | "refuses" | "mute";

/** A message that a service has taken. */
export interface Arrival {
  channel: ChannelId;
  noticeId: string;
  recipient: string;
  at: number;
}

/** The services of all channels, on 127.0.0.1: what they took, in its order. */
export interface Recorder {
  arrivals: Arrival[];
  channels: Channels;
  close(): Promise<void>;
}

/** As the real ones: what has no idempotency key may be told twice. */
const AT_LEAST_ONCE: readonly ChannelId[] = ["slack", "sms"];
const TIMEOUT_MS = 10_000;

export async function startRecorder(
  now: () => number,
  behaviourOf: (channel: ChannelId) => Behaviour,
): Promise<Recorder> {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { channel, noticeId, recipient } = JSON.parse(Buffer.concat(chunks).toString());
      const behaviour = behaviourOf(channel);
      if (behaviour === "down" || behaviour === "refuses") {
        response.writeHead(behaviour === "down" ? 503 : 400).end();
        return;
      }
      arrivals.push({ channel, noticeId, recipient, at: now() });
      if (behaviour === "mute") response.destroy();
      else response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const channels = Object.fromEntries(CHANNELS.map((id) => [id, channelOf(id, url)])) as Record<
    ChannelId,
    Channel
  >;
  return {
    arrivals,
    channels,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function channelOf(id: ChannelId, url: string): Channel {
  return {
    id,
    configured: id !== "platform",
    atLeastOnce: AT_LEAST_ONCE.includes(id),
    timeoutMs: TIMEOUT_MS,
    render: ({ id: noticeId }) => Promise.resolve({ noticeId }),
    async send({ recipient, payload }) {
      const body = JSON.stringify({ channel: id, recipient, ...payload });
      const answer = await fetch(url, { method: "POST", body }).catch(() => null);
      if (answer === null || answer.status >= 500) throw new Transient("channel_unavailable");
      if (answer.status >= 400) throw new Permanent("channel_refused");
      return { vendorId: `${id}-${payload.noticeId}` };
    },
  };
}
