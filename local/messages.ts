import type { Secrets } from "./secrets.js";
import type { Addresses, ServiceId } from "./services.js";

/** What the platform's process is told when it is made. */
export interface PlatformOrder {
  home: string;
  /** Where the app will be; Stripe's emulator delivers there. */
  appUrl: string;
  emulated: readonly ServiceId[];
  /** With what the environment says in place of the home's own. */
  secrets: Secrets;
  /** The queue's emulator is started on request, so that nothing is delivered before the app is there. */
  holdQueue?: boolean | undefined;
  /** The app's database when it is not ours. */
  databaseUrl?: string | undefined;
}

/** From the parent to a child. */
export type Order =
  | { type: "platform"; order: PlatformOrder }
  | { type: "app"; port: number }
  | { type: "queue"; open: boolean }
  | { type: "stop" };

/** From a child to its parent. */
export type Report =
  | { type: "progress"; line: string }
  | { type: "ready"; addresses?: Addresses; url?: string }
  | { type: "queue"; open: boolean }
  /** A part that it stands on is gone; it can't go on. */
  | { type: "broken"; message: string }
  | { type: "failed"; message: string };
