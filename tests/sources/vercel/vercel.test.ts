import { describe, expect, it } from "vitest";
import { loadSample } from "../../../cli/samples/index.js";
import { vercel } from "../../../src/sources/vercel/index.js";
import { factsOf, identityOf, NOW, outcomeOf, payload, RECEIVED_AT } from "../kit.js";

const GROUP = "vercel:prj_sample_shop:production:deployment";

function changed(name: string, fields: object, type?: string) {
  const { headers, body } = loadSample("vercel", name);
  return {
    headers,
    body: {
      ...body,
      ...(type === undefined ? {} : { type }),
      payload: { ...(body.payload as object), ...fields },
    },
  };
}

describe("vercel: deployments", () => {
  it("are recorded with their state, target, address and commit", () => {
    expect(factsOf(vercel, loadSample("vercel", "deployment-ready"))).toEqual([
      {
        kind: "deployment.changed",
        externalId: "dpl_sample_good",
        project: "prj_sample_shop",
        name: "shop",
        state: "ready",
        target: "production",
        url: "https://shop-4f2k9x1aa-example.vercel.app",
        commit: "3c5a1f0b9d2e4c6788a1b2c3d4e5f60718293a4b",
        labels: [],
        ours: false,
        occurredAt: NOW - 2_000,
      },
    ]);
  });

  it.each([
    ["[security] Mend the log-in", ["security"]],
    ["  [Security][HOTFIX] Mend the log-in", ["security", "hotfix"]],
    ["[security]\n\n[payment] in the body", ["security", "payment"]],
    ["Mend the log-in [security]", []],
    ["[] nothing in it", []],
    ["[not closed", []],
    [`[${"x".repeat(41)}] too long`, []],
    [
      Array.from({ length: 12 }, (_, n) => `[l${n}]`).join(""),
      Array.from({ length: 10 }, (_, n) => `l${n}`),
    ],
  ])("carry the labels that their commit's message begins with: %s", (message, labels) => {
    const meta = { githubCommitMessage: message };
    const deployment = { id: "dpl_1", name: "shop", meta };
    const [fact] = factsOf(vercel, changed("deployment-created", { deployment }));
    expect(fact).toMatchObject({ kind: "deployment.changed", labels });
  });

  it("know six states, and which of them end the trouble of their project and target", () => {
    const kinds = ["created", "ready", "succeeded", "error", "canceled", "promoted"].map((word) =>
      factsOf(vercel, changed("deployment-created", {}, `deployment.${word}`)).map((fact) =>
        fact.kind === "deployment.changed" ? fact.state : fact.kind,
      ),
    );
    expect(kinds).toEqual([
      ["created"],
      ["ready"],
      ["succeeded", "signal.resolved"],
      ["failed", "signal.raised"],
      ["canceled"],
      ["promoted", "signal.resolved"],
    ]);
  });

  it("raise a signal when they fail, and resolve it with the next good one", () => {
    expect(factsOf(vercel, loadSample("vercel", "deployment-error"))[1]).toEqual({
      kind: "signal.raised",
      groupKey: GROUP,
      deployedTo: { project: "prj_sample_shop", target: "production" },
      signalKind: "deployment",
      level: "error",
      title: "Deployment of shop to production failed",
      service: "shop",
      environment: "production",
      url: "https://vercel.com/example/shop/sample_bad",
      ours: false,
      occurredAt: NOW,
    });
    expect(factsOf(vercel, loadSample("vercel", "deployment-succeeded"))[1]).toMatchObject({
      kind: "signal.resolved",
      groupKey: GROUP,
      deployedTo: { project: "prj_sample_shop", target: "production" },
      by: null,
    });
  });

  it("are previews where the target is null, and then fail less loudly", () => {
    expect(factsOf(vercel, changed("deployment-error", { target: null }))).toMatchObject([
      { target: "preview" },
      { level: "warning", groupKey: "vercel:prj_sample_shop:preview:deployment" },
    ]);
  });

  it("of this very deployment are told by the project's id or name", () => {
    const failed = loadSample("vercel", "deployment-error");
    for (const ours of ["prj_sample_shop", "shop"]) {
      expect(factsOf(vercel, failed, [ours])[1]).toMatchObject({ ours: true });
    }
  });

  it("may come from any host of repositories, from none, and from a personal account", () => {
    const commitOf = (meta: object) =>
      factsOf(
        vercel,
        changed("deployment-created", { team: null, deployment: { id: "dpl_1", meta } }),
      );
    expect(commitOf({ gitlabCommitSha: "abcdef1" })).toMatchObject([{ commit: "abcdef1" }]);
    expect(commitOf({ bitbucketCommitSha: "abcdef2" })).toMatchObject([{ commit: "abcdef2" }]);
    expect(commitOf({ githubCommitSha: "$(sh)" })).toMatchObject([{ commit: null }]);
    expect(commitOf({})).toMatchObject([{ commit: null, name: "shop" }]);
  });
});

describe("vercel: the rest", () => {
  it("has no facts: a rollback names no deployment, the old type is of another shape", () => {
    expect(factsOf(vercel, payload("vercel", "rollback"))).toEqual([]);
    expect(factsOf(vercel, payload("vercel", "deployment-before-2021"))).toEqual([]);
  });

  it("makes a dead letter of a deployment without an id or a project", () => {
    const codeOf = (fields: object) =>
      outcomeOf(() => factsOf(vercel, changed("deployment-error", fields)));
    expect(codeOf({ deployment: null })).toBe("unexpected_shape");
    expect(codeOf({ deployment: { name: "shop" } })).toBe("unexpected_shape");
    expect(codeOf({ deployment: { id: "dpl_1" }, project: null, name: null })).toBe(
      "unexpected_shape",
    );
  });

  it("is named by its id, at its time, which may be written either way", async () => {
    const { body } = loadSample("vercel", "deployment-succeeded");
    expect(await identityOf(vercel, { headers: {}, body })).toEqual({
      eventKey: "uev_sample_deployment_succeeded",
      type: "deployment.succeeded",
      occurredAt: NOW,
    });
    const iso = { ...body, createdAt: "2026-11-01T09:00:00.000Z" };
    expect(await identityOf(vercel, { headers: {}, body: iso })).toMatchObject({ occurredAt: NOW });
    const timeless = { ...body, createdAt: null };
    expect(factsOf(vercel, { headers: {}, body: timeless })).toMatchObject([
      { occurredAt: RECEIVED_AT },
      {},
    ]);
  });
});
