import type { Server } from "node:net";

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What one protocol supplies. */
export interface Front {
  readonly server: Server;
  /** Applies a mode that was just set to the connections that there are. */
  faultChanged(): void;
  destroyAll(): void;
}
