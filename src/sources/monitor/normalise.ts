import {
  type Fact,
  SIGNAL_KINDS,
  SIGNAL_LEVELS,
  type SignalKind,
  type SignalLevel,
} from "../../domain/facts.js";
import {
  bodyObject,
  firstText,
  instantOfMillis,
  isObject,
  needText,
  oneLine,
  shortText,
  text,
  unexpected,
  webUrl,
} from "../read.js";
import type { NormaliseContext } from "../source.js";

const TAGS_MAX = 20;

/** The beginning or the end of a trouble that our own watch found. */
export function normalise(
  _headers: Readonly<Record<string, string>>,
  body: Uint8Array<ArrayBuffer>,
  context: NormaliseContext,
): Fact[] {
  const told = bodyObject(body);
  const kind = text(told.kind);
  if (kind !== "raised" && kind !== "resolved") return [];
  const base = {
    groupKey: needText(told.groupKey, "groupKey"),
    signalKind: oneOf<SignalKind>(SIGNAL_KINDS, told.signalKind, "signalKind"),
    title: oneLine(firstText(told.title, told.groupKey) ?? ""),
    occurredAt: instantOfMillis(told.at) ?? context.receivedAt,
  };
  if (kind === "resolved") return [{ kind: "signal.resolved", ...base, by: null }];
  return [
    {
      kind: "signal.raised",
      ...base,
      level: oneOf<SignalLevel>(SIGNAL_LEVELS, told.level, "level"),
      service: oneLine(needText(told.service, "service")),
      environment: shortText(told.environment),
      url: webUrl(told.url),
      tags: tagsOf(told.tags),
      // It tells of a transition, never of each error: it cannot feed itself, and must not be capped.
      ours: false,
      aside: told.aside === true,
    },
  ];
}

function oneOf<T extends string>(known: readonly T[], value: unknown, name: string): T {
  const found = known.find((one) => one === value);
  return found ?? unexpected(`${name} must be one of ${known.join(", ")}`);
}

function tagsOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  const tags = Object.entries(value).flatMap(([name, given]) => {
    const found = shortText(given);
    return found === null || shortText(name) === null ? [] : [[oneLine(name), oneLine(found)]];
  });
  return Object.fromEntries(tags.slice(0, TAGS_MAX));
}
