import { Permanent } from "../../domain/errors.js";
import type { Ids } from "../../domain/ids.js";
import type { Incident, IncidentStep, IncidentTask } from "../../domain/incident.js";
import type { TimerRow } from "../../domain/outbox.js";
import { PlanBuilder } from "../../domain/plan.js";
import { type Clock, type Instant, isoOf } from "../../domain/time.js";
import { addEntry, reopened, resolvedBy, windClock } from "../../handlers/incident-plan.js";
import { apply } from "../../store/apply.js";
import type { Database } from "../../store/database.js";
import { load, read } from "../../store/load.js";
import { untilStill } from "../../store/until-still.js";
import type { Relay } from "../relay-outbox.js";
import type { AckLink } from "./ack-link.js";

export interface ActDeps {
  database: Database;
  clock: Clock;
  ids: Ids;
  relay: Relay;
}

/** Who does it to which incident, and in their own words why; the words stand in the timeline. */
export interface IncidentAct {
  incidentId: string;
  /** `operator:anna`. */
  actor: string;
  because?: string | undefined;
}

interface ActRows {
  incident: Incident;
  timer: TimerRow | undefined;
  steps: IncidentStep[];
  tasks: IncidentTask[];
}
/** What is written; null when it is so already. */
type Decide = (rows: ActRows, plan: PlanBuilder, now: Instant, act: Acting) => Incident | null;
interface Acting {
  say(kind: "transition" | "note", text: string): void;
  wind(): void;
}

/**
 * Loads the incident, decides, writes; again while its row moves. An act that finds things as it wants them
 * writes nothing, so that doing it twice does it once.
 */
function actOn(
  { incidentId, actor }: IncidentAct,
  deps: ActDeps,
  decide: Decide,
  step: string | null = null,
): Promise<Incident> {
  const { database, clock, ids } = deps;
  return untilStill(`incident ${incidentId}`, async () => {
    const found = await load(database, {
      incident: read("incident", "t.id = ?", [incidentId]),
      timer: read("timer", "t.kind = 'incident.due' AND t.subject = ?", [incidentId]),
      steps: read("incidentStep", "t.incident_id = ? AND t.step = ?", [incidentId, step]),
      tasks: read("incidentTask", "t.incident_id = ?", [incidentId]),
    });
    const incident = found.incident[0];
    if (incident === undefined) {
      throw new Permanent("not_found", { detail: `There is no incident ${incidentId}.` });
    }
    const now = clock.now();
    const ctx = { now, ids, actor, eventId: null, requestId: ids.next("request") };
    const plan = new PlanBuilder(ctx);
    const timer = found.timer[0];
    const rows = { incident, timer, steps: found.steps, tasks: found.tasks };
    const next = decide(rows, plan, now, {
      say: (kind, text) => addEntry(plan, incident.id, { kind, text }, ctx),
      wind: () => windClock(plan, incident.id, timer, ctx),
    });
    if (next === null) return incident;
    const built = plan.build();
    await apply(database, built);
    await deps.relay(built.inserts.outbox ?? []);
    return next;
  });
}

const withReason = (text: string, because: string | undefined): string =>
  because === undefined || because === "" ? text : `${text}: ${because}`;

function change(
  rows: ActRows,
  plan: PlanBuilder,
  now: Instant,
  fields: Partial<Incident>,
): Incident {
  const { status: before } = rows.incident;
  const next = { ...rows.incident, ...fields, updatedAt: now };
  // As when a source opens it again: one word finds both.
  const done = next.status === "open" ? "reopened" : next.status;
  plan
    .update("incident", rows.incident, next)
    .audit(`incident.${next.status === before ? "changed" : done}`, next.id, {
      before,
      after: next.status,
    });
  return next;
}

/**
 * Somebody has it: no further page is sent from the commit of this on.
 *
 * @param act `takesOver`: also from somebody who has said their name.
 * @returns the incident as it stands; unchanged when somebody had it already.
 * @throws Permanent `not_found`; `conflict` when it is over; Transient.
 */
export function acknowledge(
  act: IncidentAct & { takesOver?: boolean | undefined },
  deps: ActDeps,
): Promise<Incident> {
  return actOn(act, deps, (rows, plan, now, { say, wind }) => {
    const { incident } = rows;
    if (incident.status === "resolved") throw overAlready(incident);
    const seen = { acknowledgedAt: now, acknowledgedBy: act.actor };
    if (incident.status === "acknowledged") {
      // A link only says by which way it went out: whoever says their name has it from then on.
      const isNamed = !incident.acknowledgedBy?.startsWith(BY_LINK);
      if (incident.acknowledgedBy === act.actor) return null;
      if (isNamed && act.takesOver !== true) {
        if (act.because === undefined) return null;
        say("note", act.because);
        plan.expect("incident", incident).audit("incident.noted", incident.id);
        return incident;
      }
      say("transition", withReason(`taken over by ${act.actor}`, act.because));
      return change(rows, plan, now, { ...seen, acknowledgedAt: incident.acknowledgedAt });
    }
    say("transition", withReason(`acknowledged by ${act.actor}`, act.because));
    wind();
    return change(rows, plan, now, { status: "acknowledged", ...seen });
  });
}

const overAlready = ({ id, resolvedAt, resolvedBy: by }: Incident): Permanent =>
  new Permanent("conflict", {
    detail: `${id} is over since ${resolvedAt === null ? "before" : isoOf(resolvedAt)}, by ${by}.`,
  });

const BY_LINK = "link:";

export type LinkOutcome = "acknowledged" | "before" | "used" | "over";

/**
 * Acknowledges by a link, which is good once: its use is a step of the incident, unique by the link's nonce.
 *
 * @returns `before`: somebody else had; `used`: this very link had been used; `over`: the incident has ended.
 * @throws Permanent `not_found` when the incident is kept no more; Transient.
 */
export async function acknowledgeByLink(
  link: AckLink,
  deps: ActDeps,
): Promise<{ outcome: LinkOutcome; incident: Incident }> {
  const step = `ack_link:${link.nonce}`;
  let outcome: LinkOutcome = "acknowledged";
  const actor = `${BY_LINK}${link.channel}`;
  const incident = await actOn(
    { incidentId: link.incidentId, actor },
    deps,
    (rows, plan, now, { say, wind }) => {
      const { id, status } = rows.incident;
      if (rows.steps.length > 0) outcome = "used";
      else if (status === "resolved") outcome = "over";
      else outcome = status === "acknowledged" ? "before" : "acknowledged";
      if (outcome === "used" || outcome === "over") return null;
      const stepId = deps.ids.next("incidentStep");
      plan.insert("incidentStep", { id: stepId, incidentId: id, step, takenAt: now });
      if (outcome === "before") return rows.incident;
      say("transition", `acknowledged by the link in a message by ${link.channel}`);
      wind();
      const seen = { acknowledgedAt: now, acknowledgedBy: actor };
      return change(rows, plan, now, { status: "acknowledged", ...seen });
    },
    step,
  );
  return { outcome, incident };
}

/**
 * A person says that it is over, although one of its alerts may be open still. What is raised later opens it
 * again, but for what stands `apart` and was never over: a dispute whose loss was accepted.
 *
 * @throws Permanent `not_found`; Transient.
 */
export function resolve(act: IncidentAct, deps: ActDeps): Promise<Incident> {
  return actOn(act, deps, (rows, plan, now, { say, wind }) => {
    if (rows.incident.status === "resolved") return null;
    say("transition", withReason(`resolved by ${act.actor}`, act.because));
    wind();
    return change(rows, plan, now, { ...resolvedBy(act.actor, now), greenSince: null });
  });
}

/** It was not over after all: nobody has it, and its route begins anew. @throws Permanent `not_found`; Transient. */
export function reopen(act: IncidentAct, deps: ActDeps): Promise<Incident> {
  return actOn(act, deps, (rows, plan, now, { say, wind }) => {
    if (rows.incident.status !== "resolved") return null;
    say("transition", withReason(`reopened by ${act.actor}`, act.because));
    wind();
    return change(rows, plan, now, reopened({ ...rows.incident, resolvedBy: act.actor }, now));
  });
}

/** A person's word for the timeline. @throws Permanent `not_found`; Transient. */
export function note(act: IncidentAct & { text: string }, deps: ActDeps): Promise<Incident> {
  return actOn(act, deps, (rows, plan, _now, { say }) => {
    say("note", act.text);
    plan.expect("incident", rows.incident).audit("incident.noted", rows.incident.id);
    return rows.incident;
  });
}

/**
 * What was owed after the incident is done.
 *
 * @throws Permanent `not_found` for an incident or a task that there is not; Transient.
 */
export async function finishTask(
  act: IncidentAct & { task: string },
  deps: ActDeps,
): Promise<IncidentTask> {
  let done: IncidentTask | undefined;
  await actOn(act, deps, (rows, plan, now, { say, wind }) => {
    const task = rows.tasks.find((one) => one.task === act.task);
    if (task === undefined) {
      const known = rows.tasks.map((one) => one.task).join(", ") || "none";
      throw new Permanent("not_found", {
        detail: `There is no task ${act.task}; there are: ${known}.`,
      });
    }
    done = task;
    if (task.doneAt !== null) return null;
    done = { ...task, doneAt: now, doneBy: act.actor };
    plan
      .update("incidentTask", task, done)
      .audit("incident.task_done", rows.incident.id, { task: task.task });
    say("note", withReason(`${task.title}: done by ${act.actor}`, act.because));
    wind();
    return rows.incident;
  });
  if (done === undefined) throw new Error("a task is found or refused");
  return done;
}
