import { createServer } from "node:net";
import { StartFailure } from "./failure.js";
import type { Home } from "./home.js";

export const LOOPBACK = "127.0.0.1";

/** The port, when it can be bound now (0: a free one); undefined when another program has it. */
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
  return {
    async choose(name) {
      const last = read()[name];
      const port = (last === undefined ? undefined : await bindable(last)) ?? (await bindable(0));
      if (port === undefined) throw new StartFailure(`No port of ${LOOPBACK} is free.`);
      remember(name, port);
      return port;
    },
    async listen(name, start) {
      const last = read()[name];
      const started = await start(last ?? 0).catch((error: unknown) => {
        if (last === undefined || !isTaken(error)) throw error;
        return start(0);
      });
      remember(name, started.port);
      return started;
    },
  };
}
