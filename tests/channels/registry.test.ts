import { describe, expect, it } from "vitest";
import { buildChannels } from "../../src/channels/registry.js";
import { Permanent } from "../../src/domain/errors.js";
import { notice } from "./notices.js";

describe("registry", () => {
  const channels = buildChannels({ platformName: "Example" });

  for (const [id, channel] of Object.entries(channels)) {
    it(`says that ${id} is not configured, and which variables to set`, async () => {
      expect(channel).toMatchObject({ id, configured: false, timeoutMs: 10_000 });
      const sent = channel.send({ idempotencyKey: "ntc_1", recipient: "x", payload: {} });
      await expect(sent).rejects.toBeInstanceOf(Permanent);
      await expect(sent).rejects.toMatchObject({
        code: "channel_not_configured",
        detail: expect.stringMatching(/^set [A-Z_, and]+$/),
      });
      const rendered = channel.render(notice("incident-raised"));
      await expect(rendered).rejects.toMatchObject({ code: "channel_not_configured" });
    });
  }
});
