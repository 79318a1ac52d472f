import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import type { Entitlement } from "../../src/domain/entitlement.js";
import type { NoticeData } from "../../src/domain/notice.js";
import { platformNotice } from "../../src/domain/platform-notice.js";
import { Secret } from "../../src/domain/secret.js";
import { channelContract } from "./contract.js";
import { notice } from "./notices.js";
import { startVendor, type Vendor } from "./vendor.js";

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(24, byte).toString("base64")}`;
const [LIVE, BEFORE] = [secretOf(1), secretOf(2)];
const clock = { now: Date.now }; // what the library verifies against

function build(url: string, timeoutMs = 10_000, given = [LIVE]) {
  const secrets = given.map((secret) => new Secret("PLATFORM_WEBHOOK_SECRET", secret));
  const platform = { url: `${url}/hooks/signalbox`, secrets, clock };
  return buildChannels({ platform, platformName: "Example", timeoutMs }).platform;
}

channelContract("platform", {
  template: "entitlement-changed",
  recipient: "platform-of-example",
  build,
  accepts: { status: 204 },
  vendorId: null,
  refuses: (status) => ({ status, body: "no" }),
  secrets: [LIVE, LIVE.slice("whsec_".length)],
});

const AT = Date.UTC(2026, 10, 21, 7, 5);
const entitlement: Entitlement = {
  id: "ent_1",
  account: "",
  livemode: true,
  userRef: "user  7\u200b",
  packageRef: "ADVANCED",
  ordinal: 2,
  paymentId: "pay_1",
  subscriptionId: null,
  originRef: "pi_1",
  status: "active",
  grantedAt: AT,
  paidAt: AT,
  startsAt: AT,
  endsAt: Date.UTC(2027, 4, 21, 7, 5),
  months: 6,
  warnedDays: null,
  revokedAt: null,
  revokedBecause: null,
  updatedAt: AT,
  version: 3,
};
const access = { active: true, endsAt: null };

describe("the webhook to the platform's own application", () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.behave({ status: 200 });
  });
  afterEach(() => vendor.close());

  async function send(secrets?: string[]) {
    const request = platformNotice({ kind: "restored", entitlement, access, cause: "restored" });
    const data: NoticeData = request.data;
    const channel = build(vendor.url, 10_000, secrets);
    const payload = await channel.render(notice("entitlement-changed", { ...request, data }));
    const stored = JSON.parse(JSON.stringify(payload));
    await channel.send({ idempotencyKey: "ntc_1", recipient: "platform", payload: stored });
    const seen = vendor.seen.at(-1);
    const headers = Object.fromEntries(
      ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => [
        name,
        String(seen?.headers[name]),
      ]),
    );
    return { body: seen?.body ?? "", headers, path: seen?.path };
  }

  it("is verified by the library, and says what the user has", async () => {
    const { body, headers, path } = await send();
    expect(path).toBe("/hooks/signalbox");
    expect(headers["webhook-id"]).toBe("ntc_1");
    expect(new Webhook(LIVE).verify(body, headers)).toEqual({
      type: "entitlement.granted",
      timestamp: "2026-11-21T07:05:00.000Z",
      data: {
        entitlementId: "ent_1",
        version: 3,
        livemode: true,
        account: "",
        userId: "user  7\u200b", // byte for byte, since it is compared
        package: "ADVANCED",
        status: "active",
        startsAt: "2026-11-21T07:05:00.000Z",
        endsAt: "2027-05-21T07:05:00.000Z",
        ordinal: 2,
        cause: "restored",
        access: { active: true, endsAt: null },
      },
    });
    expect(() => new Webhook(LIVE).verify(`${body} `, headers)).toThrow();
    expect(() => new Webhook(BEFORE).verify(body, headers)).toThrow();
  });

  it("is verified by either secret while they are rotated", async () => {
    const { body, headers } = await send([LIVE, BEFORE]);
    for (const secret of [LIVE, BEFORE]) {
      expect(new Webhook(secret).verify(body, headers)).toHaveProperty("type");
    }
  });

  it("has one cause for one change of a row, and another for the next", () => {
    const causeOf = (version: number) =>
      platformNotice({
        kind: "revoked",
        entitlement: { ...entitlement, version },
        access,
        cause: "refunded",
      }).cause;
    expect(causeOf(3)).toBe(causeOf(3));
    expect(causeOf(3)).not.toBe(causeOf(5));
  });

  it("has no word for people's notices", async () => {
    const rendered = build(vendor.url).render(notice("payment-received", { channel: "platform" }));
    await expect(rendered).rejects.toThrow("channel platform has no template payment-received");
  });
});
