import { afterEach, describe, expect, it } from "vitest";
import type { OutboxRow } from "../../../src/domain/outbox.js";
import { type IncidentClockDeps, runIncidentClock } from "../../../src/operations/incidents/due.js";
import {
  cancelMaintenance,
  completeMaintenance,
  failMaintenance,
  scheduleMaintenance,
} from "../../../src/operations/maintenance/act.js";
import { sweepMaintenance } from "../../../src/operations/maintenance/sweep.js";
import { raiseOwn } from "../../../src/operations/raise-own.js";
import { policyWith } from "../../policy/policies.js";
import { type DeploymentWorld, deploymentWorld } from "../deployments/world.js";

const HOUR = 3_600_000;
const MINUTE = 60_000;

let w: DeploymentWorld;
afterEach(() => w.close());

const acts = {
  complete: completeMaintenance,
  fail: failMaintenance,
  cancel: cancelMaintenance,
} as const;

const raise = (service: string) =>
  raiseOwn(
    {
      ...{ kind: "raised", at: w.clock.now(), groupKey: `probe:${service}`, signalKind: "uptime" },
      ...{ level: "fatal", title: `${service} is down`, service, environment: "production" },
      ...{ url: null, tags: {} },
    },
    w.deps,
  );
const clockOf = async (service: string) => {
  const text = `SELECT t.subject, t.status, extract(epoch from t.due_at)::float8 * 1000 AS "dueAt" FROM timer t
    JOIN incident i ON i.id = t.subject WHERE t.kind = 'incident.due' AND i.service = $1`;
  const [row] = await w.rows(text, [service]);
  return row as { subject: string; status: string; dueAt: number };
};
const paged = async (service: string) => {
  const text = `SELECT count(*)::int AS n FROM notice n JOIN incident i ON i.id = n.incident_id
    WHERE i.service = $1 AND n.template = 'incident-raised'`;
  return Number((await w.rows(text, [service]))[0]?.n);
};

/** Its clock, as its timer runs it. */
async function run(service: string): Promise<void> {
  const deps: IncidentClockDeps = {
    ...w.deps,
    ackUrl: () => null,
    rollbackHint: () => null,
    tellUsers: async () => undefined,
  };
  await runIncidentClock({ incidentId: (await clockOf(service)).subject }, deps);
}

/** Two hours of maintenance of web, ten minutes in; web and api went down, and their clocks have run. */
async function inMaintenance() {
  w = await deploymentWorld(policyWith({ maintenance: [] }));
  const startsAt = w.clock.now() + HOUR;
  const { id } = await scheduleMaintenance(
    {
      ...{ title: "New database", services: ["Web"], noticeHours: null, actor: "operator:anna" },
      ...{ startsAt, endsAt: startsAt + 2 * HOUR },
    },
    w.deps,
  );
  w.clock.advance(HOUR);
  await sweepMaintenance(w.deps);
  w.clock.advance(10 * MINUTE);
  for (const service of ["web", "api"]) {
    await raise(service);
    await run(service);
  }
  return { id, endsAt: startsAt + 2 * HOUR };
}

describe("a maintenance that a person ends before its time", () => {
  it.each(["complete", "fail", "cancel"] as const)(
    "lets the page of what still burns leave at once: %s",
    async (act) => {
      const { id, endsAt } = await inMaintenance();
      expect(await clockOf("web")).toMatchObject({ status: "waiting", dueAt: endsAt });
      expect([await paged("web"), (await paged("api")) > 0]).toEqual([0, true]);
      const other = await clockOf("api");
      w.clock.advance(20 * MINUTE);
      const relayed: OutboxRow[] = [];
      const deps = {
        ...w.deps,
        relay: async (rows: readonly OutboxRow[]) => void relayed.push(...rows),
      };
      await acts[act]({ id, actor: "operator:anna", because: "by hand" }, deps);
      expect(await clockOf("web")).toMatchObject({ status: "waiting", dueAt: w.clock.now() });
      expect(relayed.map(({ message }) => message.type)).toContain("timer.due.v1");
      expect(await clockOf("api"), "was in no maintenance").toEqual(other);
      await run("web");
      expect(await paged("web")).toBeGreaterThan(0);
    },
  );

  it("is seen by the next sweep where a clock was wound by a look that had not seen it", async () => {
    const { id, endsAt } = await inMaintenance();
    await completeMaintenance({ id, actor: "operator:anna" }, w.deps);
    const late = "UPDATE timer SET due_at = to_timestamp($1::float8 / 1000), version = version + 1";
    await w.rows(late, [endsAt]);
    w.clock.advance(MINUTE);
    await sweepMaintenance(w.deps);
    expect(await clockOf("web")).toMatchObject({ dueAt: w.clock.now() });
  });

  it("leaves the clocks alone when its time is over already, or has not come", async () => {
    const { id, endsAt } = await inMaintenance();
    w.clock.advance(endsAt - w.clock.now());
    await completeMaintenance({ id, actor: "operator:anna" }, w.deps);
    expect(await clockOf("web")).toMatchObject({ dueAt: endsAt });
    await run("web");
    const before = await clockOf("web");
    const startsAt = w.clock.now() + HOUR;
    const next = await scheduleMaintenance(
      {
        ...{ title: "Another", services: ["web"], noticeHours: null, actor: "operator:anna" },
        ...{ startsAt, endsAt: startsAt + HOUR },
      },
      w.deps,
    );
    w.clock.advance(MINUTE);
    await cancelMaintenance({ id: next.id, actor: "operator:anna" }, w.deps);
    expect(await clockOf("web")).toEqual(before);
  });
});

describe("the status page", () => {
  const shown = async () => {
    const text = `SELECT data->>'phase' AS phase FROM notice WHERE channel = 'status_page' AND template = 'user-maintenance' ORDER BY created_at, id`;
    return (await w.rows(text)).map(({ phase }) => phase);
  };

  it("shows the end of a maintenance that it showed as begun, also when that is canceled and users had no notice", async () => {
    const { id } = await inMaintenance();
    await cancelMaintenance(
      { id, actor: "operator:anna", because: "the copy is not whole" },
      w.deps,
    );
    await cancelMaintenance({ id, actor: "operator:anna" }, w.deps);
    expect(await shown()).toEqual(["begun", "canceled"]);
  });

  it("says nothing of a canceled maintenance of which it never said that it comes", async () => {
    w = await deploymentWorld(policyWith({ maintenance: [] }));
    const startsAt = w.clock.now() + HOUR;
    const { id } = await scheduleMaintenance(
      {
        ...{ title: "Silent", services: [], noticeHours: null, actor: "operator:anna" },
        ...{ startsAt, endsAt: startsAt + HOUR },
      },
      w.deps,
    );
    await cancelMaintenance({ id, actor: "operator:anna" }, w.deps);
    await sweepMaintenance(w.deps);
    expect(await shown()).toEqual([]);
  });

  it.each(["complete", "fail", "cancel"] as const)(
    "is told by the next sweep where whoever ended it broke off before telling: %s",
    async (act) => {
      const { id } = await inMaintenance();
      const gone = { ...w.deps, hasStatusPage: false };
      await acts[act]({ id, actor: "operator:anna", because: "by hand" }, gone);
      expect(await shown()).toEqual(["begun"]);
      for (let minute = 0; minute < 2; minute += 1) {
        w.clock.advance(MINUTE);
        await sweepMaintenance(w.deps);
      }
      const phase = { complete: "completed", fail: "failed", cancel: "canceled" }[act];
      expect(await shown()).toEqual(["begun", phase]);
    },
  );
});
