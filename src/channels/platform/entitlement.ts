import { isoOf } from "../../domain/time.js";
import {
  instantIn,
  type NoticeContent,
  requiredInstantIn,
  requiredTextIn,
} from "../notice-data.js";

/** What the application reads. Times are ISO 8601 in UTC; null is "for ever", or of access "not at all". */
export function renderEntitlement(notice: NoticeContent): Record<string, unknown> {
  const { data } = notice;
  /** As it is, because an application compares it. */
  const text = (key: string): string => {
    const value = data[key];
    return typeof value === "string" ? value : requiredTextIn(notice, key);
  };
  const time = (key: string): string | null => {
    const at = instantIn(data, key);
    return at === null ? null : isoOf(at);
  };
  return {
    type: text("type"),
    timestamp: isoOf(requiredInstantIn(notice, "at")),
    data: {
      entitlementId: text("entitlementId"),
      version: data.version,
      livemode: data.livemode,
      account: data.account,
      userId: text("userId"),
      package: text("package"),
      status: text("status"),
      startsAt: isoOf(requiredInstantIn(notice, "startsAt")),
      endsAt: time("endsAt"),
      ordinal: data.ordinal,
      cause: text("cause"),
      access: { active: data.accessActive, endsAt: time("accessEndsAt") },
    },
  };
}
