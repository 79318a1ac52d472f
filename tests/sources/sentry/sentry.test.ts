import { describe, expect, it } from "vitest";
import { loadSample } from "../../../cli/samples/index.js";
import { sentry } from "../../../src/sources/sentry/index.js";
import { factsOf, identityOf, NOW, outcomeOf, payload, RECEIVED_AT } from "../kit.js";

const INSTALLATION = "7f1a2b3c-0000-4000-8000-5a6b7c8d9e0f";
const GROUP = `sentry:${INSTALLATION}:issue:9000000001`;
const TITLE = "TypeError: Cannot read properties of undefined (reading 'total') — ตะกร้าสินค้า";

/** The sample with another action, and the time at which it was sent. */
function acting(name: string, action: string, data: object = {}) {
  const { headers, body } = loadSample("sentry", name);
  return {
    headers: { ...headers, "Sentry-Hook-Timestamp": String(NOW / 1000 + 5) },
    body: { ...body, action, data: { ...(body.data as object), ...data } },
  };
}
const issueWith = (fields: object) => ({
  issue: {
    ...(loadSample("sentry", "issue-created").body.data as { issue: object }).issue,
    ...fields,
  },
});

describe("sentry: issues", () => {
  it("raises a new issue", () => {
    expect(factsOf(sentry, loadSample("sentry", "issue-created"))).toEqual([
      {
        kind: "signal.raised",
        groupKey: GROUP,
        signalKind: "error",
        title: TITLE,
        level: "error",
        service: "shop",
        environment: null,
        url: "https://example-org.sentry.io/issues/9000000001/",
        ours: false,
        occurredAt: NOW - 5_000,
      },
    ]);
  });

  it("raises it again when it comes back, at the time of the sending", () => {
    expect(factsOf(sentry, acting("issue-created", "unresolved"))).toMatchObject([
      { kind: "signal.raised", groupKey: GROUP, occurredAt: NOW + 5_000 },
    ]);
  });

  it("resolves it, also when it was archived, by either of its words", () => {
    for (const action of ["resolved", "ignored", "archived"]) {
      expect(factsOf(sentry, acting("issue-resolved", action))).toEqual([
        {
          kind: "signal.resolved",
          groupKey: GROUP,
          signalKind: "error",
          title: TITLE,
          by: null,
          occurredAt: NOW + 5_000,
        },
      ]);
    }
  });

  it("acknowledges it when a person assigned it, and keeps that name out; Sentry's own rules are nobody", () => {
    const assigned = acting(
      "issue-created",
      "assigned",
      issueWith({ assignedTo: { name: "Ann" } }),
    );
    expect(factsOf(sentry, assigned)).toEqual([]);
    const actor = { type: "user", id: 1, name: "Ann" };
    const facts = factsOf(sentry, { ...assigned, body: { ...assigned.body, actor } });
    expect(facts).toMatchObject([{ kind: "signal.acknowledged", groupKey: GROUP, by: null }]);
    expect(JSON.stringify(facts)).not.toContain("Ann");
  });

  it("knows every level, and takes an unknown one for an error", () => {
    const levels = ["fatal", "error", "warning", "info", "debug", "sample", null].map((level) => {
      const [fact] = factsOf(sentry, acting("issue-created", "created", issueWith({ level })));
      return fact?.kind === "signal.raised" ? fact.level : null;
    });
    expect(levels).toEqual(["fatal", "error", "warning", "info", "info", "error", "error"]);
  });

  it("tells what is in this very deployment by the project's id or slug", () => {
    const issue = loadSample("sentry", "issue-created");
    for (const ours of ["shop", "4500000000000001"]) {
      expect(factsOf(sentry, issue, [ours])).toMatchObject([{ ours: true }]);
    }
    expect(factsOf(sentry, issue, ["other"])).toMatchObject([{ ours: false }]);
  });
});

describe("sentry: alerts", () => {
  it("raise the same group as the issue they are about, without who was hit", () => {
    const facts = factsOf(sentry, loadSample("sentry", "event-alert"), ["shop"]);
    expect(facts).toEqual([
      {
        kind: "signal.raised",
        groupKey: GROUP,
        signalKind: "error",
        title: TITLE,
        level: "error",
        service: "shop",
        environment: "production",
        url: "https://example-org.sentry.io/issues/9000000001/events/5a17e0000000400080000000000000e1/",
        ours: true,
        occurredAt: NOW,
      },
    ]);
    expect(JSON.stringify(facts)).not.toMatch(/somchai|192\.0\.2\.10|user_sample/);
  });

  it("of a metric raise and resolve one group", () => {
    const groupKey = `sentry:${INSTALLATION}:metric:8000000001`;
    expect(factsOf(sentry, loadSample("sentry", "metric-alert-critical"), ["shop"])).toEqual([
      {
        kind: "signal.raised",
        groupKey,
        signalKind: "metric",
        title: "Critical: Failure rate of checkout",
        level: "error",
        tags: { called: "critical" }, // its own word, which people read beside ours
        service: "shop",
        environment: "production",
        url: "https://example-org.sentry.io/alerts/rules/details/12/",
        ours: true,
        occurredAt: NOW - 300_000,
      },
    ]);
    expect(factsOf(sentry, loadSample("sentry", "metric-alert-resolved"))).toMatchObject([
      { kind: "signal.resolved", groupKey, signalKind: "metric", occurredAt: NOW },
    ]);
    expect(factsOf(sentry, acting("metric-alert-critical", "warning"))).toMatchObject([
      { level: "warning" },
    ]);
    expect(factsOf(sentry, acting("metric-alert-critical", "other"))).toEqual([]);
  });
});

describe("sentry: what has no facts, and what cannot be", () => {
  it("keeps single errors, comments and what it does not know without facts", () => {
    expect(factsOf(sentry, payload("sentry", "error-created"))).toEqual([]);
    expect(factsOf(sentry, payload("sentry", "comment-created"))).toEqual([]);
    expect(factsOf(sentry, acting("issue-created", "admired"))).toEqual([]);
  });

  it("makes a dead letter of a body whose header is gone, or that is not what the header says", () => {
    const { body, headers } = loadSample("sentry", "issue-created");
    const codeOf = (given: Record<string, string>, data: unknown) =>
      outcomeOf(() => factsOf(sentry, { headers: given, body: { ...body, data } }));
    expect(codeOf({}, body.data)).toBe("unexpected_shape");
    expect(codeOf(headers, {})).toBe("unexpected_shape");
    expect(codeOf(headers, { issue: { id: null } })).toBe("unexpected_shape");
    const asAlert = { ...body, action: "triggered" };
    expect(
      outcomeOf(() =>
        factsOf(sentry, { headers: { "Sentry-Hook-Resource": "event_alert" }, body: asAlert }),
      ),
    ).toBe("unexpected_shape");
  });

  it("takes the door's time where nothing tells one", () => {
    const { headers, body } = loadSample("sentry", "issue-resolved");
    expect(factsOf(sentry, { headers, body })).toMatchObject([{ occurredAt: RECEIVED_AT }]);
  });
});

describe("sentry: identity", () => {
  const keyOf = async (given: { headers: Record<string, string>; body: unknown }) =>
    (await identityOf(sentry, given)).eventKey;

  it("is the installation, the resource with its action, and what is one of a kind", async () => {
    expect(await identityOf(sentry, payload("sentry", "error-created"))).toEqual({
      eventKey: `00000000-0000-4000-8000-000000000001:error.created:${"0".repeat(31)}1`,
      type: "error.created",
      occurredAt: NOW - 750,
    });
    expect(await keyOf(loadSample("sentry", "metric-alert-resolved"))).toBe(
      `${INSTALLATION}:metric_alert.resolved:8000000001:${NOW}`,
    );
    expect(await keyOf(loadSample("sentry", "event-alert"))).toMatch(
      /:event_alert\.triggered:5a17e0000000400080000000000000e1:sha256-/,
    );
    expect(await keyOf(payload("sentry", "comment-created"))).toMatch(/:comment\.created:17:/);
  });

  it("does not take the id of the request, which is fresh on every attempt", async () => {
    const { headers, body } = loadSample("sentry", "issue-created");
    const keys = ["1", "2"].map((id) => keyOf({ headers: { ...headers, "Request-ID": id }, body }));
    expect(await keys[0]).toBe(await keys[1]);
  });

  it("tells a second resolving from the first, and a rule from another", async () => {
    const first = acting("issue-resolved", "resolved");
    const again = acting(
      "issue-resolved",
      "resolved",
      issueWith({ lastSeen: "2026-11-02T09:00:00Z" }),
    );
    expect(await keyOf(first)).not.toBe(await keyOf(again));
    const rule = (triggered_rule: string) =>
      keyOf(acting("event-alert", "triggered", { triggered_rule }));
    expect(await rule("one")).not.toBe(await rule("two"));
  });

  it("of an unreadable body keeps the resource in its type", async () => {
    const given = { headers: { "Sentry-Hook-Resource": "issue" }, body: new Uint8Array(0) };
    expect(await identityOf(sentry, given)).toMatchObject({ type: "issue.unknown" });
  });
});
