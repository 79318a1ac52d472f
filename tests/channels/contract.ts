import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Channel, ChannelReceipt } from "../../src/channels/channel.js";
import { Permanent, Transient } from "../../src/domain/errors.js";
import type { Template } from "../../src/domain/notice.js";
import { notice } from "./notices.js";
import { type Behaviour, holdClosedPort, startVendor, type Vendor } from "./vendor.js";

export interface UnderTest {
  /** A template that the channel can render. */
  template: Template;
  recipient: string;
  build(url: string, timeoutMs: number): Channel;
  /** The vendor's way to say yes. */
  accepts: { status: number; headers?: Record<string, string>; body?: string };
  vendorId: string | null;
  /** The vendor's way to say no with this status. */
  refuses(status: number): { status: number; headers?: Record<string, string>; body?: string };
  /** Text that no error may ever hold. */
  secrets: string[];
}

const TIMEOUT_MS = 150;
const LONG_MS = 10_000;

/** What every channel keeps to, whoever the vendor is. */
export function channelContract(name: string, under: UnderTest): void {
  describe(`${name} keeps the contract of a channel`, () => {
    let vendor: Vendor;
    beforeEach(async () => {
      vendor = await startVendor();
    });
    afterEach(() => vendor.close());

    async function send(behaviour: Behaviour, timeoutMs = LONG_MS): Promise<ChannelReceipt> {
      vendor.behave(behaviour);
      const channel = under.build(vendor.url, timeoutMs);
      const payload = await channel.render(notice(under.template));
      const stored: Record<string, unknown> = JSON.parse(JSON.stringify(payload));
      const { recipient } = under;
      return channel.send({ idempotencyKey: "ntc_01EXAMPLE", recipient, payload: stored });
    }

    async function failure(behaviour: Behaviour, timeoutMs = LONG_MS): Promise<Error> {
      const error = await send(behaviour, timeoutMs).then(
        () => new Error("it was sent"),
        (thrown: Error) => thrown,
      );
      const told = JSON.stringify([error.message, error.stack, error.cause, { ...error }]);
      for (const secret of under.secrets) expect(told).not.toContain(secret);
      return error;
    }

    it("hands the notice over in one call and keeps the vendor's id", async () => {
      expect(await send(under.accepts)).toEqual({ vendorId: under.vendorId });
      expect(vendor.seen).toHaveLength(1);
    });

    it("renders the same bytes twice, and none of them is a secret or the recipient", async () => {
      const channel = under.build(vendor.url, LONG_MS);
      const [one, two] = [
        JSON.stringify(await channel.render(notice(under.template))),
        JSON.stringify(await channel.render(notice(under.template))),
      ];
      expect(one).toBe(two);
      for (const secret of under.secrets) expect(one).not.toContain(secret);
    });

    for (const status of [408, 425, 429, 500, 502, 503, 504]) {
      it(`takes ${status} for something that may work later`, async () => {
        const error = await failure(under.refuses(status));
        expect(error).toBeInstanceOf(Transient);
        expect(error).toMatchObject({ code: "channel_unavailable" });
        expect(error.message).toContain(String(status));
        expect(vendor.seen).toHaveLength(1);
      });
    }

    for (const status of [400, 401, 403, 404, 410, 422]) {
      it(`takes ${status} for a refusal that needs a person`, async () => {
        const error = await failure(under.refuses(status));
        expect(error).toBeInstanceOf(Permanent);
        expect(error).toMatchObject({ code: "channel_refused" });
        expect(error.message).toContain(String(status));
      });
    }

    const date = "Thu, 20 Nov 2025 07:05:00 GMT";
    const waits: [said: string, seconds: number][] = [
      ["7", 7],
      ["0", 1],
      ["99999", 3_600],
      ["Thu, 20 Nov 2025 07:05:42 GMT", 42],
      ["Thu, 20 Nov 2025 07:00:00 GMT", 1],
    ];
    for (const [said, seconds] of waits) {
      it(`waits ${seconds} s when 429 says Retry-After: ${said}`, async () => {
        const answer = under.refuses(429);
        const headers = { ...answer.headers, date, "retry-after": said };
        expect(await failure({ ...answer, headers })).toMatchObject({ retryAfterSeconds: seconds });
      });
    }

    it("gives up at its time limit when no answer comes", async () => {
      const error = await failure("hang", TIMEOUT_MS);
      expect(error).toBeInstanceOf(Transient);
      expect(error.message).toContain(`did not answer in ${TIMEOUT_MS} ms`);
    });

    it("gives up at its time limit when an error's body never ends", async () => {
      const error = await failure({ status: 500, hangsInBody: true }, TIMEOUT_MS);
      expect(error).toBeInstanceOf(Transient);
    });

    it("takes a cut line for something that may work later", async () => {
      const error = await failure("cut");
      expect(error).toBeInstanceOf(Transient);
      expect(error.message).toContain("could not be reached");
    });

    it("takes a closed port for something that may work later", async () => {
      const closed = await holdClosedPort(vendor);
      const channel = under.build(closed.url, LONG_MS);
      const payload = await channel.render(notice(under.template));
      const call = { idempotencyKey: "ntc_01EXAMPLE", recipient: under.recipient, payload };
      await expect(channel.send(call)).rejects.toBeInstanceOf(Transient);
      closed.release();
    });

    it("repeats no sentence of the vendor, since it may hold an address", async () => {
      const error = await failure({ status: 400, body: `no such user ${under.recipient}` });
      expect(error.message).not.toContain(under.recipient);
    });
  });
}
