import type { AddressInfo } from "node:net";
import {
  type Counters,
  type Fault,
  type FaultMode,
  type FaultOptions,
  FaultSwitch,
  type Mode,
} from "./fault.js";
import type { Target } from "./front.js";
import { httpFront } from "./http.js";
import { tcpFront } from "./tcp.js";

interface FaultProxyOptions {
  readonly target: Target;
  /** `http` counts, matches and faults single requests on a connection; `tcp`, the default, whole connections. */
  readonly protocol?: "http" | "tcp";
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
}

export interface FaultProxy {
  readonly port: number;
  readonly mode: Mode;
  readonly fault: Fault | null;
  readonly counters: Readonly<Counters>;
  /** The address to put in place of the target's, such as `url("http")` or `url("postgres")`. */
  url(scheme: string): string;
  /**
   * Switches at once, also for connections that exist: `refuse` resets them, `hang` silences them, and what hung is
   * reset when the mode changes.
   *
   * @throws RangeError for `status` on a proxy that does not speak HTTP.
   */
  set(mode: Mode, options?: FaultOptions): void;
  close(): Promise<void>;
}

/** Starts a proxy that passes everything on until it is told otherwise. @throws Error when the port is taken. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const host = options.host ?? "127.0.0.1";
  const protocol = options.protocol ?? "tcp";
  const faults = new FaultSwitch();
  const front = (protocol === "http" ? httpFront : tcpFront)(options.target, faults);
  await new Promise<void>((resolve, reject) => {
    front.server.once("error", reject);
    front.server.listen(options.port ?? 0, host, () => resolve());
  });
  const { port } = front.server.address() as AddressInfo;
  return {
    port,
    url: (scheme) => `${scheme}://${host}:${port}`,
    get mode() {
      return faults.mode;
    },
    get fault() {
      return faults.fault;
    },
    counters: faults.counters,
    set: (mode, faultOptions = {}) => {
      if (mode === "status" && protocol !== "http") {
        throw new RangeError("only a proxy with protocol http can answer a status");
      }
      faults.set(mode === "pass" ? null : { mode: mode satisfies FaultMode, ...faultOptions });
      front.faultChanged();
    },
    close: () =>
      new Promise((resolve) => {
        front.server.close(() => resolve());
        front.destroyAll();
      }),
  };
}
