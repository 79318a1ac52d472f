import { instantOf } from "../../domain/time.js";
import type { Clocks, Policy } from "../schema.js";
import { type Path, pathText, type Say, sayDoubles } from "./problem.js";
import { checkRoles } from "./routes.js";

/** Clocks that contradict each other, or the routes that they run beside. */
export function checkClocks(policy: Policy, say: Say): void {
  const first = new Map<string, number>();
  for (const [n, clock] of policy.clocks.entries()) {
    const path = ["clocks", n];
    for (const [m, severity] of clock.severities.entries()) {
      const before = first.get(severity);
      if (before === undefined) first.set(severity, n);
      else {
        const there = pathText(["clocks", before]);
        say([...path, "severities", m], `${severity} has its clocks in ${there} already`);
      }
    }
    checkClock(policy, clock, path, say);
  }
  checkAnswers(policy, say);
}

function checkClock(policy: Policy, clock: Clocks, path: Path, say: Say): void {
  const {
    acknowledgeWithinMinutes: acknowledge,
    firstResponseWithinMinutes: response,
    tellUsersWithinMinutes: users,
    tellUsersEveryMinutes: every,
    tellExecutivesAfterMinutes: executivesAfter,
    executives,
  } = clock;
  if (acknowledge !== null && response !== null && acknowledge > response) {
    say(
      [...path, "acknowledgeWithinMinutes"],
      `an answer is due after ${response} min, so somebody must have it by then, not after ${acknowledge}`,
    );
  }
  if (every !== null && users === null) {
    say([...path, "tellUsersEveryMinutes"], "users are told again, but never for the first time");
  }
  if (every === 0) say([...path, "tellUsersEveryMinutes"], "users would be told without end");
  const names = executives.roles.length > 0 && executives.channels.length > 0;
  if (executivesAfter !== null && !names) {
    say([...path, "executives"], "executives are to be told: name their roles and channels");
  }
  if (executivesAfter === null && (executives.roles.length > 0 || executives.channels.length > 0)) {
    say([...path, "executives"], "they are never told: `tellExecutivesAfterMinutes` is null");
  }
  checkRoles(policy, executives.roles, [...path, "executives", "roles"], say);
  sayDoubles(clock.tasks, [...path, "tasks"], "a task", say);
  for (const [n, { role }] of clock.tasks.entries()) {
    if (!Object.hasOwn(policy.roles, role)) {
      say([...path, "tasks", n, "role"], `there is no role ${role}`);
    }
  }
}

/** Somebody must have heard of an incident before an answer to it is due. */
function checkAnswers({ severities, routes, clocks, rules }: Policy, say: Say): void {
  for (const [severity, { respond, route: own }] of Object.entries(severities)) {
    if (respond === "next_business_day") continue;
    const answer = respond === "immediate" ? 0 : respond.withinMinutes;
    const clock = clocks.find((each) => each.severities.some((one) => one === severity));
    const acknowledge = clock?.acknowledgeWithinMinutes ?? Number.POSITIVE_INFINITY;
    const others = rules.filter((rule) => rule.severity === severity).map(({ route }) => route);
    for (const name of new Set([own, ...others.flatMap((route) => route ?? [])])) {
      const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
      if (route === undefined || route.deliver === "digest" || route.deliver === "record") continue;
      const due = Math.min(answer, acknowledge);
      if (route.holdMinutes > due) {
        say(
          ["routes", name, "holdMinutes"],
          `${severity} is to be answered within ${due} min, before anybody hears of it`,
        );
      }
      if ((route.withinMinutes ?? 0) > answer) {
        say(
          ["routes", name, "withinMinutes"],
          `${severity} is to be answered within ${answer} min, and may be told later than that`,
        );
      }
    }
  }
}

/** Windows that are none, periods that end before they begin, and times around an exam that nobody answers for. */
export function checkCalendar(policy: Policy, say: Say): void {
  const { businessHours, maintenance, lockdown } = policy;
  if (businessHours.from >= businessHours.to) {
    say(["businessHours", "to"], `the day ends at ${businessHours.to}, before it begins`);
  }
  sayDoubles(maintenance, ["maintenance"], "a maintenance", say);
  for (const [n, { from, to }] of maintenance.entries()) {
    if (from === to) say(["maintenance", n, "to"], "it ends as it begins: it is no window");
  }
  sayDoubles(lockdown.periods, ["lockdown", "periods"], "a period", say);
  sayDoubles(lockdown.exams, ["lockdown", "exams"], "an exam", say);
  for (const part of ["periods", "exams"] as const) {
    for (const [n, { from, to }] of lockdown[part].entries()) {
      if ((instantOf(from) ?? 0) >= (instantOf(to) ?? 0)) {
        say(["lockdown", part, n, "to"], "it ends before it begins");
      }
    }
  }
  checkApprovals(policy, say);
}

type Approval = Policy["lockdown"]["approvals"][number];

/** From the farthest on to the exam's end each moment has one rule. */
function checkApprovals({ lockdown, roles }: Policy, say: Say): void {
  const { approvals, exams } = lockdown;
  const path = ["lockdown", "approvals"];
  sayDoubles(approvals, path, "an approval", say);
  if (exams.length > 0 && approvals.length === 0) {
    say(path, "there are exams, and nothing says who approves a deployment around them");
  }
  for (const [n, { role, fromHoursBefore, untilHoursBefore }] of approvals.entries()) {
    if (role !== null && !Object.hasOwn(roles, role)) {
      say([...path, n, "role"], `there is no role ${role}`);
    }
    if (untilHoursBefore !== null && untilHoursBefore >= fromHoursBefore) {
      say([...path, n, "untilHoursBefore"], "it ends before it begins");
    }
  }
  const inOrder = approvals
    .map((approval, n) => ({ approval, n }))
    .sort((a, b) => b.approval.fromHoursBefore - a.approval.fromHoursBefore);
  for (const [m, { approval, n }] of inOrder.entries()) {
    const after = inOrder[m + 1];
    const gap = gapOf(approval, after?.approval);
    if (gap !== null) say([...path, n, "untilHoursBefore"], gap);
  }
}

function gapOf(approval: Approval, after: Approval | undefined): string | null {
  const until = approval.untilHoursBefore;
  if (after === undefined) {
    return until === null ? null : "the last approval lasts until the exam's end: null";
  }
  if (until !== null && until > after.fromHoursBefore) {
    return `from ${until} h until ${after.fromHoursBefore} h before an exam nobody approves`;
  }
  if (until === null || until < after.fromHoursBefore) {
    return `it goes on into the time of ${after.id}, from ${after.fromHoursBefore} h before an exam`;
  }
  return null;
}
