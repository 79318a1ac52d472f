import { channelsText } from "../../channels/notice-lists.js";
import { BY_RECOVERY, type IncidentTask } from "../../domain/incident.js";
import type { NoticeData, NoticeWay, Template } from "../../domain/notice.js";
import { type DecideContext, type Plan, PlanBuilder } from "../../domain/plan.js";
import type { Instant } from "../../domain/time.js";
import { addEntry, resolvedBy, windClock } from "../../handlers/incident-plan.js";
import { type ClockStep, clockOf, taskDueAt } from "../../policy/incident-clock.js";
import {
  insteadOf,
  languageOnCall,
  namesOf,
  TASK_CHANNELS,
  waysOf,
} from "../../policy/recipients.js";
import { clocksOf, routeOf } from "../../policy/route.js";
import type { Policy } from "../../policy/schema.js";
import { alertKeyOf, pagedRoutings } from "./alert-key.js";
import { clockStateOf } from "./clock-state.js";
import {
  incidentData,
  minutesUnanswered,
  type RollbackHint,
  stormData,
  whenDone,
} from "./notice-data.js";
import { byChannels, type IncidentRows } from "./rows.js";
import { stormCause, threadOf } from "./storm.js";
import { nameOf, tellStorm } from "./tell-storm.js";

export interface DueContext extends DecideContext {
  policy: Policy;
  /** The address of a page with a button that acknowledges; for one receiver, who is named on it. */
  ackUrl(incidentId: string, way: NoticeWay, now: Instant): string | null;
  rollbackHint: RollbackHint;
}

/** What is to be told to users before the plan is written: it is many notices, each once by its cause. */
export interface UsersTelling {
  template: "user-incident" | "user-update" | "user-resolved";
  /** Distinguishes the words of one incident. */
  nth: string;
  /** Of which service: the incident's own, unless another one of its storm is over with it. */
  service?: string;
}

export interface Due {
  plan: Plan;
  users: UsersTelling[];
  took: string[];
}

/** What the incident's clock asks for now, as one plan; and when it is to be looked at again. */
export function decideDue(rows: IncidentRows, ctx: DueContext): Due {
  const { incident, timer } = rows;
  const { policy, now } = ctx;
  const plan = new PlanBuilder(ctx);
  const { due: all, next } = clockOf(clockStateOf(rows, policy, now), policy);
  // Users are many, and telling them takes its time: nobody on call waits for that.
  const paging = all.filter(({ does }) => does !== "users" && does !== "users_resolved");
  const due = paging.length > 0 ? paging : all;
  const telling = new Telling(rows, plan, ctx);
  for (const step of due) {
    plan.insert("incidentStep", {
      id: ctx.ids.next("incidentStep"),
      incidentId: incident.id,
      step: step.step,
      takenAt: now,
    });
    telling.take(step);
  }
  if (!telling.wroteIncident) plan.expect("incident", incident);
  // What was taken may bring more, so the caller looks once more; until then the timer stays overdue.
  if (due.length === 0 && next !== null) {
    // Wound to that already, its message is on the way: one that came twice brings no third.
    const isWound = timer?.status === "waiting" && timer.dueAt === next;
    if (!isWound) windClock(plan, incident.id, timer, ctx, next);
  } else if (due.length === 0 && timer?.status === "waiting") {
    plan.update("timer", timer, { status: "done" });
  }
  return { plan: plan.build(), users: telling.users, took: due.map(({ step }) => step) };
}

/** Writes what each step does. */
class Telling {
  readonly users: UsersTelling[] = [];
  wroteIncident = false;
  readonly #rows: IncidentRows;
  readonly #plan: PlanBuilder;
  readonly #ctx: DueContext;
  /** Who has been told of the storm, with this plan or before. */
  readonly #toldOfStorm: Set<string>;
  /** The channels by which a page goes out with this. */
  readonly #pagedBy = new Set<string>();
  #hasJoined = false;

  constructor(rows: IncidentRows, plan: PlanBuilder, ctx: DueContext) {
    this.#rows = rows;
    this.#plan = plan;
    this.#ctx = ctx;
    this.#toldOfStorm = new Set(rows.storm.told.map(nameOf));
  }

  take(step: ClockStep): void {
    switch (step.does) {
      case "page":
        this.#page(step);
        break;
      case "remind":
        this.#remind(step);
        break;
      case "executives":
        this.#executives(step);
        break;
      case "users":
        this.#tellUsers(step.step);
        break;
      case "acknowledged":
        this.#tellTold(step, "incident-acknowledged", ["slack", "pagerduty"]);
        this.#tellStorm("had");
        break;
      case "reopened":
        this.#tellTold(step, "incident-reopened", ["slack", "pagerduty", "email", "sms"]);
        break;
      case "check":
        this.#say(
          "check",
          `watched for ${step.minute} of ${step.ofMinutes} min: nothing of it is open`,
        );
        break;
      case "end":
        this.#end();
        break;
      case "resolved":
        this.#tellTold(step, "incident-resolved", ["slack", "pagerduty", "email"]);
        this.#tellStorm("had");
        this.#tellStorm("over");
        break;
      case "users_resolved":
        this.#tellUsersOver(step.step);
        break;
      case "tasks":
        this.#tasks();
        break;
      case "task_due":
        this.#taskDue(step);
        break;
    }
  }

  #say(kind: "step" | "check" | "transition", text: string): void {
    addEntry(this.#plan, this.#rows.incident.id, { kind, text }, this.#ctx);
  }

  #page(step: ClockStep & { does: "page" }): void {
    const { incident } = this.#rows;
    const { policy } = this.#ctx;
    if (this.#rows.storm.isOn) {
      this.#pageInStorm(step);
      return;
    }
    const route = routeOf(policy, incident.route, incident.severity);
    const isFirst = step.nth === 0;
    const template = !isFirst
      ? "incident-escalated"
      : (incident.reopenedAt ?? 0) >= incident.routedAt
        ? "incident-reopened"
        : "incident-raised";
    const ways = waysOf(policy, step.roles, step.channels);
    const minutes = minutesUnanswered(this.#rows, this.#ctx.now);
    for (const way of ways) {
      this.#pagedBy.add(way.channel);
      this.#notify(template, step.step, way, {
        stopsAt: "acknowledged",
        instead: insteadOf(policy, route, step.roles, way.channel, step.channels),
        data: {
          escalatedTo: namesOf(step.roles, policy),
          ...(isFirst ? {} : { unansweredMinutes: minutes }),
        },
      });
    }
    const because = isFirst ? "" : `, since nobody has answered for ${minutes} min`;
    this.#say("step", `${namesOf(step.roles, policy)} told by ${channelsText(ways)}${because}`);
  }

  /** Told with all that came in the same time, to each receiver once. */
  #pageInStorm(step: ClockStep & { does: "page" }): void {
    const { policy } = this.#ctx;
    this.#say(
      "step",
      `told with the storm's summary: ${this.#rows.storm.count} incidents in ${policy.storm.minutes} min`,
    );
    this.#summarise(step.roles, step.channels);
  }

  #summarise(roles: readonly string[], channels: readonly NoticeWay["channel"][]): void {
    const { policy, now } = this.#ctx;
    const { storm, incident } = this.#rows;
    const route = routeOf(policy, incident.route, incident.severity);
    this.#joinStorm();
    for (const way of waysOf(policy, roles, channels)) {
      if (this.#toldOfStorm.has(nameOf(way))) continue;
      this.#toldOfStorm.add(nameOf(way));
      this.#plan.notify({
        ...way,
        template: "incident-storm",
        cause: stormCause(storm, incident, now, policy),
        incidentId: threadOf(storm),
        locale: languageOnCall(policy),
        data: { ...stormData(this.#rows, policy, now), escalatedTo: namesOf(roles, policy) },
        instead: insteadOf(policy, route, roles, way.channel, channels),
      });
    }
  }

  /** Its storm is over when it is, with all others that were told together. */
  #joinStorm(): void {
    const { storm, incident } = this.#rows;
    if (this.#hasJoined || storm.isMember) return;
    this.#hasJoined = true;
    const id = this.#ctx.ids.next("incidentStep");
    const takenAt = this.#ctx.now;
    const step = { id, incidentId: incident.id, step: threadOf(storm), takenAt };
    this.#plan.insert("incidentStep", step);
  }

  #tellStorm(what: "had" | "over"): void {
    if (!tellStorm(what, this.#rows, this.#plan, this.#ctx)) return;
    const said = what === "had" ? "that somebody has each incident" : "that all incidents are over";
    this.#say("step", `told of the storm: ${said}`);
  }

  /** A promise that is not kept is said once, where those on call look. */
  #remind({ step, promise, withinMinutes }: ClockStep & { does: "remind" }): void {
    const what = promise === "acknowledge" ? "acknowledged it" : "answered";
    this.#say("step", `nobody has ${what} within ${withinMinutes} min, as was promised`);
    // A page that goes out at this moment says that nobody has answered.
    if (this.#pagedBy.has("slack")) return;
    const { incident, told } = this.#rows;
    const { policy } = this.#ctx;
    const route = routeOf(policy, incident.route, incident.severity);
    const roles = route.steps.flatMap((one) => (one.channels.includes("slack") ? one.roles : []));
    for (const way of byChannels(told, ["slack"])) {
      this.#notify("incident-escalated", step, way, {
        stopsAt: "acknowledged",
        instead: insteadOf(policy, route, roles, "slack"),
        data: { unansweredMinutes: withinMinutes },
      });
    }
  }

  #executives({ step, roles, channels, afterMinutes }: ClockStep & { does: "executives" }): void {
    const { policy } = this.#ctx;
    const ways = waysOf(policy, roles, channels);
    if (this.#rows.storm.isOn) {
      this.#summarise(roles, channels);
      this.#say("step", `${namesOf(roles, policy)} told with the storm's summary`);
      return;
    }
    const { incident } = this.#rows;
    const route = routeOf(policy, incident.route, incident.severity);
    for (const way of ways) {
      this.#notify("incident-escalated", step, way, {
        stopsAt: "resolved",
        instead: insteadOf(policy, route, roles, way.channel, channels),
        data: { escalatedTo: namesOf(roles, policy) },
      });
    }
    this.#say(
      "step",
      `${namesOf(roles, policy)} told by ${channelsText(ways)}: it lasts longer than ${afterMinutes} min`,
    );
  }

  #tellUsers(nth: string): void {
    const told = this.#rows.counts.usersTold > 0;
    if (this.#rows.storm.isOn) this.#joinStorm();
    this.users.push({ template: told ? "user-update" : "user-incident", nth });
    this.#say("step", told ? "users are told how it stands" : "users are told");
  }

  /** Of a storm users hear when all of it is over, and then the users of each service that were told of it. */
  #tellUsersOver(nth: string): void {
    const { storm, counts } = this.#rows;
    const template = "user-resolved";
    if (storm.isMember && storm.open > 0) {
      this.#say("step", "users are told that it is over when all of the storm is");
      return;
    }
    if (storm.isMember) {
      for (const service of storm.services) this.users.push({ template, nth, service });
    } else if (counts.usersTold > 0) this.users.push({ template, nth });
    if (this.users.length > 0) this.#say("step", "users are told that it is over");
  }

  /** Who was told that it began hears how it goes on; at PagerDuty, where each routing has an alert, of each. */
  #tellTold({ step }: ClockStep, template: Template, channels: NoticeWay["channel"][]): void {
    const ways = byChannels(this.#rows.told, channels);
    for (const way of ways) {
      const closes = way.channel === "pagerduty" && template !== "incident-reopened";
      const routings = closes ? pagedRoutings(this.#rows) : [this.#rows.incident.routings];
      for (const routing of routings) {
        const isOwn = routing === this.#rows.incident.routings;
        const data = { alertKey: alertKeyOf(this.#rows.incident, routing) };
        this.#notify(template, isOwn ? step : `${step} of ${routing}`, way, { data });
      }
    }
    if (ways.length > 0)
      this.#say("step", `told by ${channelsText(ways)} ${TOLD[template] ?? template}`);
  }

  #end(): void {
    const { incident } = this.#rows;
    const { now } = this.#ctx;
    this.wroteIncident = true;
    this.#plan
      .update("incident", incident, { ...resolvedBy(BY_RECOVERY, now), updatedAt: now })
      .audit("incident.resolved", incident.id, { before: incident.status, after: "resolved" });
    this.#say("transition", "resolved: it stayed good for as long as the policy watches");
  }

  #tasks(): void {
    const { incident, tasks } = this.#rows;
    const { policy, ids, now } = this.#ctx;
    const clocks = clocksOf(policy, incident.severity);
    const known = new Set(tasks.map(({ task }) => task));
    const owed = (clocks?.tasks ?? []).filter(({ id }) => !known.has(id));
    for (const one of owed) {
      const row: IncidentTask = {
        id: ids.next("incidentTask"),
        incidentId: incident.id,
        task: one.id,
        title: one.title[languageOnCall(policy)] ?? one.title.en,
        role: one.role,
        dueAt: taskDueAt(incident.resolvedAt ?? now, one),
        doneAt: null,
        doneBy: null,
        createdAt: now,
        version: 0,
      };
      this.#plan.insert("incidentTask", row);
    }
    if (owed.length > 0) this.#say("step", `${owed.length} tasks are owed after it`);
  }

  #taskDue({ step, task }: ClockStep & { does: "task_due" }): void {
    const { policy } = this.#ctx;
    const row = this.#rows.tasks.find((one) => one.task === task);
    if (row === undefined) return;
    this.#say("step", `due, and not done: ${row.title}`);
    for (const way of waysOf(policy, [row.role], TASK_CHANNELS)) {
      this.#notify("incident-escalated", step, way, {
        data: {
          taskDue: row.title,
          nextStep: whenDone(row, policy),
          escalatedTo: namesOf([row.role], policy),
        },
      });
    }
  }

  #notify(
    template: Template,
    step: string,
    way: NoticeWay,
    more: {
      stopsAt?: "acknowledged" | "resolved";
      instead?: NoticeWay[];
      data?: NoticeData;
    },
  ): void {
    const { incident } = this.#rows;
    const { policy, now, ackUrl, rollbackHint } = this.#ctx;
    const canAcknowledge = incident.status === "open" && more.stopsAt === "acknowledged";
    this.#plan.notify({
      ...way,
      template,
      cause: `incident:${incident.id} ${step}`,
      locale: languageOnCall(policy),
      data: {
        ...incidentData(this.#rows, policy, now, rollbackHint),
        alertKey: alertKeyOf(incident, incident.routings),
        step,
        ackUrl: canAcknowledge ? ackUrl(incident.id, way, now) : null,
        ...more.data,
      },
      incidentId: incident.id,
      stopsAt: more.stopsAt ?? null,
      instead: more.instead ?? [],
    });
  }
}

/** What who was paged hears of how it goes on, for the timeline. */
const TOLD: Partial<Record<Template, string>> = {
  "incident-acknowledged": "that somebody has it",
  "incident-reopened": "that it has come back",
  "incident-resolved": "that it is over",
};
