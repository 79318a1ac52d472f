import { describe, expect, it } from "vitest";
import { loadSample } from "../../../cli/samples/index.js";
import { betterStack } from "../../../src/sources/better-stack/index.js";
import {
  bytesOf,
  factsOf,
  identityOf,
  NOW,
  outcomeOf,
  payload,
  RECEIVED_AT,
  rawRequest,
  secretsOf,
} from "../kit.js";

const GROUP = "better-stack:incident:600000001";
const own = (name: string) => payload("better-stack", name);
const sample = (name: string) => loadSample("better-stack", name);
const keyOf = async (given: { headers: Record<string, string>; body: unknown }) =>
  (await identityOf(betterStack, given)).eventKey;

describe("better-stack: the credential", () => {
  const verify = (headers: Record<string, string>, pathToken: string | null) =>
    betterStack.verify(
      rawRequest(headers, bytesOf("{}"), pathToken),
      secretsOf("token-1", "token-0"),
    );

  it("may be the last part of the path, for status pages", async () => {
    expect(await verify({}, "token-1")).toEqual({ kind: "verified", by: "SECRET" });
    expect(await verify({}, "token-0")).toEqual({ kind: "verified", by: "SECRET_PREVIOUS_1" });
    expect(await verify({}, "token-2")).toMatchObject({ kind: "bad_signature" });
    expect(await verify({}, "")).toMatchObject({ kind: "missing_signature" });
  });

  it("is enough once, beside one that is not ours", async () => {
    const proxy = { Authorization: "Bearer of-a-proxy" };
    expect(await verify(proxy, "token-1")).toMatchObject({ kind: "verified" });
    expect(await verify({ "X-Webhook-Token": "wrong" }, "token-1")).toMatchObject({
      kind: "verified",
    });
    expect(await verify({ "X-Webhook-Token": "token-1, token-1" }, null)).toEqual({
      kind: "bad_signature",
      detail: "no live token in X-Webhook-Token",
    });
  });
});

describe("better-stack: incidents", () => {
  it("raise a signal when they start", () => {
    expect(factsOf(betterStack, sample("incident-started"))).toEqual([
      {
        kind: "signal.raised",
        groupKey: GROUP,
        signalKind: "uptime",
        title: "Shop: checkout: Status 502",
        level: "fatal",
        service: "Shop: checkout",
        environment: null,
        url: "https://shop.example.com/api/health",
        ours: false,
        occurredAt: NOW - 600_000,
      },
    ]);
  });

  it("acknowledge and resolve it, each at its own time", () => {
    expect(factsOf(betterStack, sample("incident-acknowledged"))).toMatchObject([
      { kind: "signal.acknowledged", groupKey: GROUP, occurredAt: NOW - 300_000 },
    ]);
    expect(factsOf(betterStack, sample("incident-resolved"))).toMatchObject([
      { kind: "signal.resolved", groupKey: GROUP, occurredAt: NOW },
    ]);
  });

  it("raise it again when they are reopened, and say nothing by a comment", () => {
    expect(factsOf(betterStack, own("reopened"))).toMatchObject([
      { kind: "signal.raised", groupKey: "better-stack:incident:31", occurredAt: RECEIVED_AT },
    ]);
    expect(factsOf(betterStack, own("comment"))).toEqual([]);
  });

  it("without a word for what happened go by their times", () => {
    expect(factsOf(betterStack, own("no-event"))).toMatchObject([{ kind: "signal.resolved" }]);
    const { headers, body } = sample("incident-acknowledged");
    const odd = { headers, body: { ...body, event: "escalated" } };
    expect(factsOf(betterStack, odd)).toMatchObject([{ kind: "signal.acknowledged" }]);
  });

  it("need no address: a missed heartbeat has none", () => {
    expect(factsOf(betterStack, own("heartbeat-missed"))).toMatchObject([
      {
        kind: "signal.raised",
        groupKey: "better-stack:incident:32",
        signalKind: "backup",
        level: "error",
        title: "Nightly backup: Missed heartbeat",
        url: null,
      },
    ]);
  });

  it.each([
    ["SSL certificate expires soon (7 days)", "certificate", "warning"],
    ["Domain expires in 10 days", "certificate", "warning"],
    ["SSL certificate has expired", "uptime", "fatal"],
    ["Missed heartbeat", "uptime", "fatal"],
    ["Timeout (no headers received)", "uptime", "fatal"],
  ])("with the cause %s are of kind %s and %s", (cause, signalKind, level) => {
    const started = sample("incident-started");
    const body = structuredClone(started.body) as { data: { attributes: { cause: string } } };
    body.data.attributes.cause = cause;
    expect(factsOf(betterStack, { headers: started.headers, body })).toMatchObject([
      { kind: "signal.raised", signalKind, level },
    ]);
  });

  it("of this very deployment are told by the monitor's name or host", () => {
    for (const ours of ["shop.example.com", "shop: checkout"]) {
      expect(factsOf(betterStack, sample("incident-started"), [ours])).toMatchObject([
        { ours: true },
      ]);
    }
  });

  it("without an id are dead letters", () => {
    const body = { event: "started", data: { type: "incident", attributes: {} } };
    expect(outcomeOf(() => factsOf(betterStack, { headers: {}, body }))).toBe("unexpected_shape");
  });
});

describe("better-stack: errors and the rest", () => {
  const error = (event: string) => {
    const { headers, body } = own("error-new");
    const data = structuredClone(body.data) as { attributes: { event: string } };
    data.attributes.event = event;
    return { headers, body: { ...body, data } };
  };

  it("raises a new error", () => {
    expect(factsOf(betterStack, own("error-new"), ["91"])).toEqual([
      {
        kind: "signal.raised",
        groupKey: "better-stack:error:91:e5f6",
        signalKind: "error",
        title: "TypeError: total is undefined",
        level: "error",
        service: "Shop",
        environment: null,
        url: "https://errors.example.com/e5f6",
        ours: true,
        occurredAt: RECEIVED_AT,
      },
    ]);
  });

  it("knows each kind of an error's news", () => {
    const kinds = [
      "threshold",
      "spike",
      "reoccurred",
      "unresolved",
      "resolved",
      "ignored",
      "tagged",
    ];
    expect(kinds.map((kind) => factsOf(betterStack, error(kind))[0]?.kind ?? null)).toEqual([
      ...Array(4).fill("signal.raised"),
      "signal.resolved",
      "signal.resolved",
      null,
    ]);
  });

  it("has no facts of monitors, status pages and bodies of the owner's own making", () => {
    expect(factsOf(betterStack, own("monitor-updated"))).toEqual([]);
    expect(factsOf(betterStack, sample("status-page-incident"))).toEqual([]);
    expect(factsOf(betterStack, own("own-template"))).toEqual([]);
  });
});

describe("better-stack: identity", () => {
  it("is what it is about, its state, and the time of that state", async () => {
    expect(await identityOf(betterStack, sample("incident-resolved"))).toEqual({
      eventKey: `incident:600000001:resolved:${NOW}`,
      type: "incident.resolved",
      occurredAt: NOW,
    });
    expect(await keyOf(own("no-event"))).toBe(`incident:31:resolved:${NOW + 300_000}`);
    expect(await keyOf(own("monitor-updated"))).toBe(`monitor:4:updated:${NOW}`);
    expect(await identityOf(betterStack, sample("status-page-incident"))).toEqual({
      eventKey: "status_page:incident:5001:7102",
      type: "status_page.incident",
      occurredAt: NOW,
    });
  });

  it("has the bytes in it where the state has no time of its own", async () => {
    expect(await keyOf(own("reopened"))).toMatch(/^incident:31:reopened:[0-9a-f]{64}$/);
    expect(await keyOf(own("comment"))).toMatch(/^incident:31:comment:[0-9a-f]{64}$/);
    expect(await keyOf(own("error-new"))).toMatch(/^error:e5f6:new_error:[0-9a-f]{64}$/);
    expect(await keyOf(own("own-template"))).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("is not that of the state for a word that is unknown, or the news would count as a duplicate", async () => {
    const { headers, body } = sample("incident-started");
    const odd = await identityOf(betterStack, { headers, body: { ...body, event: "escalated" } });
    expect(odd.type).toBe("incident.escalated");
    expect(odd.eventKey).toMatch(/^incident:600000001:escalated:[0-9a-f]{64}$/);
  });
});
