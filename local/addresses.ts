import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { StartFailure } from "./failure.js";
import type { Home } from "./home.js";

export const LOOPBACK = "127.0.0.1";

/** The port, when it can be bound now (0: any free one); undefined when another program has it. */
export function bindable(port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(undefined));
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => done(bound));
    });
  });
}

/** Below those that the system gives to whoever asks for any: 32768 and up on Linux, 49152 elsewhere. */
const PORTS = { from: 20_000, below: 32_000 };
const PORT_TRIES = 20;

/** A port, and none of `not`, that nobody gets by asking for any: likely to be free again at the next start. Undefined when there is none. */
export async function freePort(not: readonly number[] = []): Promise<number | undefined> {
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = randomInt(PORTS.from, PORTS.below);
    if (!not.includes(port) && (await bindable(port)) !== undefined) return port;
  }
  return bindable(0);
}

const isTaken = (error: unknown): boolean =>
  ["EADDRINUSE", "EACCES"].includes(String((error as NodeJS.ErrnoException).code));

/** Ports of the last start, by name: addresses that were noted down somewhere stay true. */
export interface Ports {
  /** Starts something on the port that it had last, or on any free one; remembers which. */
  listen<T extends { port: number }>(name: string, start: (port: number) => Promise<T>): Promise<T>;
  /** The port that it had last, or any free one, for something that is started later. */
  choose(name: string): Promise<number>;
}

export function rememberedPorts(home: Home): Ports {
  const read = (): Record<string, number> => home.read("ports.json") ?? {};
  const remember = (name: string, port: number): void => {
    const known = read();
    if (known[name] !== port) home.write("ports.json", { ...known, [name]: port });
  };
  /** Not one that another part was given, which may be bound later. */
  const another = () => freePort(Object.values(read()));
  return {
    async choose(name) {
      const last = read()[name];
      const port = (last === undefined ? undefined : await bindable(last)) ?? (await another());
      if (port === undefined) throw new StartFailure(`No port of ${LOOPBACK} is free.`);
      remember(name, port);
      return port;
    },
    async listen(name, start) {
      const last = read()[name];
      const started = await start(last ?? (await another()) ?? 0).catch(async (error: unknown) => {
        if (!isTaken(error)) throw error;
        return start((await another()) ?? 0);
      });
      remember(name, started.port);
      return started;
    },
  };
}
