import type { NoticeRow } from "./judge.js";
import { kindOf, type Sent } from "./sent.js";
import type { Row } from "./stage.js";
import type { Told } from "./story.js";

/** A line of the night: what came in, what was decided, what left. */
export interface Line {
  at: number;
  mark: "in" | "out" | "note";
  text: string;
  /** What whoever gets it reads first. */
  quoted: string | null;
}

export interface Played {
  told: Told;
  notices: readonly NoticeRow[];
  messages: readonly Sent[];
  /** The timelines of the incidents, oldest first. */
  entries: readonly Row[];
}

const ORDER = { in: 0, note: 1, out: 2 } as const;
/** What the timeline says of itself, and the story says already, or the message does. */
const NEEDLESS = /^(acknowledged by|watched for (?!10 of|20 of|30 of))|: done by /;

/** All of it in its order; messages that say the same to several people are one line. */
export function linesOf({ told, notices, messages, entries }: Played): Line[] {
  const lines: Line[] = [
    ...told.happenings.map(({ at, text }) => ({ at, mark: "in" as const, text, quoted: null })),
    ...entries
      .filter(({ text }) => !NEEDLESS.test(String(text)))
      .map(({ at, text }) => ({
        at: Date.parse(String(at)),
        mark: "note" as const,
        text: String(text),
        quoted: null,
      })),
    ...sentLines(notices, messages),
  ];
  return lines
    .map((line, n) => ({ line, n }))
    .sort((a, b) => a.line.at - b.line.at || ORDER[a.line.mark] - ORDER[b.line.mark] || a.n - b.n)
    .map(({ line }) => line);
}

function sentLines(notices: readonly NoticeRow[], messages: readonly Sent[]): Line[] {
  const groups = new Map<string, { notice: NoticeRow; at: number; to: string[]; quoted: string }>();
  for (const notice of notices) {
    if (notice.sentAt === null) continue;
    const at = Date.parse(notice.sentAt);
    const { channel, template, recipient, cause, locale } = notice;
    const kind = kindOf(channel, template);
    const message = messages.find(
      (one) =>
        one.at === at && one.channel === channel && one.to === recipient && one.kind === kind,
    );
    const key = [at, channel, template, cause, locale].join(" ");
    const group = groups.get(key) ?? { notice, at, to: [], quoted: message?.headline ?? "" };
    group.to.push(recipient);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ notice, at, to, quoted }) => ({
    at,
    mark: "out" as const,
    text: `${nameOf(notice.channel)}${receivers(notice.channel, to)}  ${notice.template}, ${whyOf(notice)}`,
    quoted: shortened(quoted),
  }));
}

const NAMES: Readonly<Record<string, string>> = {
  slack: "Slack",
  pagerduty: "PagerDuty",
  sms: "SMS",
  email: "mail",
  status_page: "status page",
};
const nameOf = (channel: string): string => NAMES[channel] ?? channel;

const receivers = (channel: string, to: readonly string[]): string =>
  to[0] === channel ? "" : ` to ${[...to].sort().join(", ")}`;

/** A link of a message is good once, and too long to be read here. */
function shortened(text: string): string {
  const line = text.replaceAll(/\s*\n+\s*/g, " / ").replaceAll(/(https?:\/\/\S{20})\S+/g, "$1…");
  return line.length > 150 ? `${line.slice(0, 149)}…` : line;
}

/** Why it left, by the step of the incident's clock that asked for it. */
export function whyOf({ cause, template }: Pick<NoticeRow, "cause" | "template">): string {
  const [, step = ""] = /^incident:\S+ (.+)$/.exec(cause) ?? [];
  const [name = "", first = "", second = ""] = step.split(":");
  switch (name) {
    case "page": {
      if (template !== "incident-escalated") return "because it began";
      const [nth = "", again] = second.split("+");
      const which =
        again === undefined ? `step ${Number(nth) + 1} of its route` : "its last step again";
      return `because nobody has answered: ${which}`;
    }
    case "acknowledge":
      return "because nobody has acknowledged in the time that is promised";
    case "first_response":
      return "because nobody has said anything in the time that is promised";
    case "executives":
      return "because it lasts";
    case "users":
      return first === "0" ? "before the promised time is over" : "the promised update";
    case "acknowledged":
      return "because somebody has it";
    case "resolved":
    case "users_resolved":
      return "because it is over";
    case "task_due":
      return `because the task ${first} is due, and not done`;
    case "reopened":
      return "because it has come back";
    default:
      if (cause.startsWith("digest:")) return `of the day ${cause.slice("digest:".length)}`;
      if (cause.startsWith("deployment:")) return "because the deployment passed its checks";
      return `because of ${cause}`;
  }
}
