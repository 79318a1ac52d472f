import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type House, openHouse, SECRETS } from "../support/house.js";

let h: House;
beforeAll(async () => {
  h = await openHouse();
});
afterAll(() => h.close());

const secret = SECRETS.RESEND_WEBHOOK_SECRET;
const pay = async (uniqueId: string): Promise<void> => {
  const response = await h.post("stripe", "payment-succeeded", { uniqueId });
  expect(response.status).toBe(202);
  await h.rest();
};
const mailOf = async (uniqueId: string) => {
  const payments = await h.list("payments");
  const payment = payments.find(({ externalId }) => String(externalId).endsWith(`_${uniqueId}`));
  const notices = await h.list("notifications");
  return notices.find(({ cause }) => String(cause).includes(String(payment?.externalId)));
};
const report = async (
  emailId: unknown,
  event: "delivered" | "bounced",
  o: { messageId?: string; secret?: string } = {},
) => {
  const url = `${h.url}/api/webhooks/resend`;
  const answer = await h.resend.sendWebhook({ emailId: String(emailId), event, url, secret, ...o });
  await h.rest();
  return answer;
};

describe("what becomes of a mail", () => {
  it("is known on its notice, and stops the next mail after a bounce for good", async () => {
    await pay("first");
    const first = await mailOf("first");
    expect(first).toMatchObject({ status: "sent", vendorId: h.resend.mails()[0]?.id });

    const delivered = await report(first?.vendorId, "delivered");
    expect(delivered.status).toBe(202);
    expect(await mailOf("first")).toMatchObject({ status: "delivered" });

    const again = await report(first?.vendorId, "delivered", { messageId: delivered.messageId });
    expect([again.status, JSON.parse(again.body)]).toMatchObject([200, { status: "duplicate" }]);

    expect((await report(first?.vendorId, "bounced")).status).toBe(202);
    expect(await mailOf("first")).toMatchObject({
      status: "bounced",
      error: { code: "notice_undelivered" },
    });

    await pay("second");
    const second = await mailOf("second");
    expect(second).toMatchObject({
      status: "suppressed",
      calls: 0,
      vendorId: null,
      error: { code: "recipient_suppressed" },
    });
    expect(h.resend.mails()).toHaveLength(1);
    const { data } = await h.admin<{ data: unknown[] }>("notifications?status=suppressed");
    expect(data).toHaveLength(1);
    const audit = await h.list("audit");
    const said = audit.map(({ action }) => action);
    for (const action of ["notice.delivered", "notice.bounced", "suppression.added"]) {
      expect(said).toContain(action);
    }
    expect(JSON.stringify(audit)).not.toContain("@");
  });

  it("is not believed of whoever does not have the secret", async () => {
    const mail = h.resend.mails()[0]?.id;
    const forged = await report(mail, "delivered", { secret: "whsec_Zm9yZ2VkLXNlY3JldA==" });
    expect([forged.status, JSON.parse(forged.body)]).toMatchObject([
      401,
      { code: "bad_signature" },
    ]);
  });
});
