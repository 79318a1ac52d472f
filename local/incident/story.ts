import { deploymentScene, issueScene, outageScene, spikeScene } from "../../cli/samples/night.js";
import { readPage } from "./page.js";
import { latestAckLink } from "./sent.js";
import type { Row, Stage } from "./stage.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Minutes of the story, from the deployment that breaks it. */
const SCRIPT = {
  goodDeployment: -60,
  errors: 3,
  outage: 5,
  acknowledged: 48,
  recovery: 58,
  /** Slack is down at the first page of another outage, so many hours later. */
  secondActHours: 7,
} as const;

/** Who uses the platform, and reads of its trouble. */
export const SUBSCRIBERS = [
  { email: "somsri@example.net", locale: "th" },
  { email: "alex@example.net", locale: "en" },
] as const;

/** What came in from outside, or was done by a person, for the timeline. */
export interface Happening {
  at: number;
  text: string;
}

/** As its source tells it: what a policy's rules look at. */
export interface Trouble {
  at: number;
  source: string;
  kind: string;
  level: string;
  title: string;
}

/** One outage of one service, as the story has it; the judge works from this and from the policy's rows. */
export interface Outage {
  incidentId: string;
  service: string;
  /** In the order in which they came. */
  troubles: readonly Trouble[];
  acknowledgedAt: number;
  /** When the last of its sources said that it was over. */
  recoveredAt: number;
  /** Slack refused everything in this time. */
  slackDown: { from: number; to: number } | null;
  /** What was still owed when it was due. */
  undone: readonly string[];
}

export interface Told {
  outages: Outage[];
  /** When a good deployment to production was reported. */
  deployments: number[];
  happenings: Happening[];
  /** What a step of the story did that it should not. */
  surprises: string[];
  beganAt: number;
  endedAt: number;
}

const ERRORS = [
  "TypeError: Cannot read properties of undefined (reading 'session')",
  "Error: Template home.html was not found",
  "RangeError: Maximum call stack size exceeded",
] as const;
const SPIKE = "Critical: Error rate of web";

/** Plays all of it. The script is the same for every policy; what follows from it is the policy's. */
export async function play(stage: Stage, deployedAt: number): Promise<Told> {
  const story = new Story(stage, deployedAt);
  await story.deployments();
  const outage = await story.outage();
  await story.afterwards(outage);
  await story.slackDown();
  await story.leftUndone(outage);
  return story.told();
}

class Story {
  readonly #stage: Stage;
  readonly #deployedAt: number;
  readonly #told: Omit<Told, "endedAt">;

  constructor(stage: Stage, deployedAt: number) {
    this.#stage = stage;
    this.#deployedAt = deployedAt;
    const beganAt = stage.clock.now();
    this.#told = { outages: [], deployments: [], happenings: [], surprises: [], beganAt };
  }

  told(): Told {
    return { ...this.#told, endedAt: this.#stage.clock.now() };
  }

  #at(minutes: number): number {
    return this.#deployedAt + minutes * MINUTE_MS;
  }

  #note(text: string): void {
    this.#told.happenings.push({ at: this.#stage.clock.now(), text });
  }

  #expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.#told.surprises.push(otherwise);
  }

  /** A good one, and an hour later the one that will break the service; both are well when they are looked at. */
  async deployments(): Promise<void> {
    const stage = this.#stage;
    await stage.admin("subscribers", {
      subscribers: SUBSCRIBERS.map((one) => ({ ...one, services: [] })),
    });
    await stage.until(this.#at(SCRIPT.goodDeployment));
    await this.#deploy("41", "a41c0ffee0d15ea5e0a41c0ffee0d15ea5e0a41c", "Larger pictures");
    await stage.until(stage.clock.now() + 3 * MINUTE_MS);
    await stage.until(this.#at(-1), { quiet: true });
    await stage.until(this.#at(0));
    await this.#deploy("42", "b42badc0de0b42badc0de0b42badc0de0b42badc", "New start page");
  }

  async #deploy(version: string, commit: string, message: string): Promise<void> {
    await this.#stage.post(deploymentScene("web", { version, commit, message }));
    this.#told.deployments.push(this.#stage.clock.now());
    this.#note(`Vercel: web was deployed to production (${commit.slice(0, 8)}, "${message}")`);
  }

  /** Errors, then the outage; nobody answers until all of the route's steps have run; then somebody does. */
  async outage(): Promise<Outage> {
    const stage = this.#stage;
    const troubles: Trouble[] = [];
    await stage.until(this.#at(SCRIPT.errors));
    for (const [n, title] of ERRORS.entries()) {
      await stage.post(issueScene("web", n, title, "created"));
      troubles.push({
        at: stage.clock.now(),
        source: "sentry",
        kind: "error",
        level: "error",
        title,
      });
      this.#note(`Sentry: ${title} (web)`);
    }
    await stage.post(spikeScene("web", SPIKE, "critical"));
    troubles.push({
      at: stage.clock.now(),
      source: "sentry",
      kind: "metric",
      level: "error",
      title: SPIKE,
    });
    this.#note(`Sentry: ${SPIKE}`);
    await stage.until(this.#at(SCRIPT.outage));
    stage.services.down.add("web");
    troubles.push(await this.#goesDown("web", "71"));
    const incidentId = await this.#newestIncident();
    await stage.until(this.#at(SCRIPT.acknowledged));
    const acknowledgedAt = await this.#acknowledgeByLink(incidentId);
    await stage.until(this.#at(SCRIPT.recovery));
    stage.services.down.delete("web");
    for (const [n, title] of ERRORS.entries())
      await stage.post(issueScene("web", n, title, "resolved"));
    await stage.post(spikeScene("web", SPIKE, "resolved"));
    this.#note("Sentry: the three issues and the error rate are resolved");
    await this.#comesUp("web", "71");
    const recoveredAt = stage.clock.now();
    const outage = { incidentId, service: "web", troubles, acknowledgedAt, recoveredAt };
    const whole: Outage = { ...outage, slackDown: null, undone: this.#owed(0).slice(0, 1) };
    this.#told.outages.push(whole);
    return whole;
  }

  async #goesDown(service: string, id: string): Promise<Trouble> {
    const at = this.#stage.clock.now();
    this.#startedAt.set(id, at);
    await this.#stage.post(outageScene(service, { id, startedAt: at }, "started"));
    this.#note(`Better Stack: ${service} is down (Status 502)`);
    const title = `${service}: Status 502`;
    return { at, source: "better-stack", kind: "uptime", level: "fatal", title };
  }

  async #comesUp(service: string, id: string): Promise<void> {
    const startedAt = this.#startedAt.get(id) ?? this.#stage.clock.now();
    await this.#stage.post(outageScene(service, { id, startedAt }, "resolved"));
    this.#note(`Better Stack: ${service} is up again`);
  }

  readonly #startedAt = new Map<string, number>();

  async #newestIncident(): Promise<string> {
    const [newest] = await this.#stage.rows("incidents");
    return String(newest?.id ?? "");
  }

  async #status(id: string): Promise<unknown> {
    return (await this.#stage.admin<{ data: Row }>(`incidents/${id}`)).data.status;
  }

  /** From the message itself: to look changes nothing, the button acknowledges, and a second time it says so. */
  async #acknowledgeByLink(id: string): Promise<number> {
    const link = latestAckLink(this.#stage.vendors.slack.messages(), id);
    if (link === null)
      throw new Error("no Slack message of the incident has a link to acknowledge");
    const shown = await readPage(link);
    this.#expect(shown.button !== null, "the link's page shows no button");
    this.#expect((await this.#status(id)) === "open", "to look at the link's page acknowledged it");
    const form = shown.field;
    const first = await readPage(link, form);
    await this.#stage.rest();
    this.#expect((await this.#status(id)) === "acknowledged", "the button did not acknowledge");
    const second = await readPage(link, form);
    this.#note(`A person opens the link of the Slack message: "${shown.title}" [${shown.button}]`);
    this.#note(`… and presses the button: "${first.title}". Once more: "${second.title}"`);
    const isUsed = /used before|ถูกใช้ไปแล้ว/.test(second.title);
    this.#expect(isUsed, `the link's second use was answered "${second.title}"`);
    return this.#stage.clock.now();
  }

  /** The ids of the tasks of P0, the first due first; those that are due within so many hours are left out. */
  #owed(afterHours: number): string[] {
    const clocks = this.#stage.policy.clocks.find(({ severities }) => severities.includes("P0"));
    return [...(clocks?.tasks ?? [])]
      .sort((a, b) => a.dueAfterHours - b.dueAfterHours)
      .filter(({ dueAfterHours }) => dueAfterHours >= afterHours)
      .map(({ id }) => id);
  }

  /** It stays good for as long as the policy watches, users hear of it, and all tasks but one are done. */
  async afterwards({ incidentId, undone }: Outage): Promise<void> {
    const stage = this.#stage;
    const { watchMinutes } = stage.policy.recovery;
    await stage.until(stage.clock.now() + (watchMinutes + 20) * MINUTE_MS);
    for (const task of this.#owed(0).filter((one) => !undone.includes(one))) {
      await this.#finish(incidentId, task);
    }
    const secondAct = this.#at(SCRIPT.secondActHours * 60);
    await stage.until(secondAct - 2 * MINUTE_MS, { quiet: true });
    await stage.until(secondAct);
  }

  async #finish(incidentId: string, task: string): Promise<void> {
    const reason = "Done, see our notes";
    const answer = await this.#stage.admin<{ data: Row }>(
      `incidents/${incidentId}/tasks/${task}/done`,
      { reason },
    );
    await this.#stage.rest();
    this.#note(`A person: done, "${String(answer.data.title)}"`);
  }

  /** Another outage, shorter; this time Slack itself is down as the first page goes out. */
  async slackDown(): Promise<void> {
    const stage = this.#stage;
    const from = stage.clock.now();
    stage.vendors.slack.fault({ kind: "status", status: 500, times: "always" });
    this.#note("Slack is down: it answers 500 from now on");
    await stage.until(from + MINUTE_MS);
    stage.services.down.add("api");
    const trouble = await this.#goesDown("api", "72");
    const incidentId = await this.#newestIncident();
    await stage.until(from + 3 * MINUTE_MS);
    await stage.admin(`incidents/${incidentId}/acknowledge`, { reason: "I am on it" });
    await stage.rest();
    this.#note("A person acknowledges by the command line: I am on it");
    const acknowledgedAt = stage.clock.now();
    await stage.until(from + 5 * MINUTE_MS);
    stage.vendors.slack.clearFaults();
    this.#note("Slack answers again");
    const to = stage.clock.now();
    await stage.until(from + 20 * MINUTE_MS);
    stage.services.down.delete("api");
    await this.#comesUp("api", "72");
    const recoveredAt = stage.clock.now();
    this.#told.outages.push({
      ...{ incidentId, service: "api", troubles: [trouble], acknowledgedAt, recoveredAt },
      slackDown: { from, to },
      undone: this.#owed(0),
    });
    await stage.until(recoveredAt + (stage.policy.recovery.watchMinutes + 5) * MINUTE_MS);
  }

  /** What was left undone is said when it is due, and is done then. */
  async leftUndone({ incidentId, undone, recoveredAt }: Outage): Promise<void> {
    const stage = this.#stage;
    const clocks = stage.policy.clocks.find(({ severities }) => severities.includes("P0"));
    for (const task of undone) {
      const hours = clocks?.tasks.find(({ id }) => id === task)?.dueAfterHours ?? 0;
      const dueAt = recoveredAt + hours * HOUR_MS;
      await stage.until(dueAt - 2 * MINUTE_MS, { quiet: true });
      await stage.until(dueAt + 5 * MINUTE_MS);
      await this.#finish(incidentId, task);
    }
  }
}
