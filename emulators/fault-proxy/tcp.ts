import { connect, createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { AFTER_BYTES_DEFAULT, type Fault, type FaultSwitch, holdBack } from "./fault.js";
import type { Front, Target } from "./front.js";

/** Forwards bytes, whatever they mean. */
export function tcpFront(target: Target, faults: FaultSwitch): Front {
  const connections = new Set<Connection>();
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    faults.counters.connections += 1;
    const connection = new Connection(client, faults);
    connections.add(connection);
    client.once("close", () => connections.delete(connection));
    connection.open(target);
  });
  return {
    server,
    faultChanged: () => {
      for (const connection of connections) connection.faultChanged();
    },
    destroyAll: () => {
      for (const connection of connections) connection.destroy();
    },
  };
}

class Connection {
  readonly #client: Socket;
  readonly #faults: FaultSwitch;
  #upstream: Socket | null = null;
  /** The fault that this connection has met; it keeps it until another mode is set. */
  #fault: Fault | null = null;
  #hung = false;
  #answeredBytes = 0;

  constructor(client: Socket, faults: FaultSwitch) {
    this.#client = client;
    this.#faults = faults;
    client.on("error", () => this.destroy()); // a client's reset is the client's affair
  }

  open(target: Target): void {
    const { mode } = this.#faults;
    if (mode === "refuse" || mode === "hang") this.#fault = this.#faults.take(null);
    if (this.#fault?.mode === "refuse") this.destroy();
    else if (this.#fault?.mode === "hang") this.#hung = true;
    else this.#join(target);
  }

  #join(target: Target): void {
    const upstream = connect({ ...target, allowHalfOpen: true });
    this.#upstream = upstream;
    upstream.on("error", () => this.destroy());
    this.#client.once("close", () => upstream.destroy());
    upstream.once("close", () => {
      if (!upstream.readableEnded) this.destroy();
      else if (this.#client.writableFinished) this.#client.destroy();
    });
    // A slow answer may still be on its way to the client when the target has long closed.
    this.#client.once("finish", () => {
      if (upstream.destroyed) this.#client.destroy();
    });
    this.#client.pipe(through((piece) => this.#onRequest(piece))).pipe(upstream);
    upstream.pipe(through((piece) => this.#onAnswer(piece))).pipe(this.#client);
  }

  /** A connection that hangs is reset when the fault is over, as by a host that came back and knows nothing of it. */
  faultChanged(): void {
    this.#fault = null;
    this.#answeredBytes = 0;
    if (this.#hung || this.#faults.isBlanket("refuse")) this.destroy();
  }

  destroy(): void {
    this.#client.resetAndDestroy();
    this.#upstream?.destroy();
  }

  async #onRequest(piece: Buffer): Promise<Buffer | null> {
    if (this.#faults.mode !== "pass") this.#fault ??= this.#faults.take(piece.toString());
    const fault = this.#fault;
    if (fault?.mode === "refuse") return this.#gone();
    if (fault?.mode === "hang") return await this.#forever();
    if (fault?.mode === "slow") await holdBack(fault, piece.length);
    return piece;
  }

  async #onAnswer(piece: Buffer): Promise<Buffer | null> {
    const fault = this.#fault;
    if (this.#hung || this.#faults.isBlanket("hang")) return await this.#forever();
    if (fault?.mode === "drop-answer") return this.#gone();
    if (fault?.mode === "slow") await holdBack(fault, piece.length);
    if (fault?.mode !== "cut") return piece;
    const left = (fault.afterBytes ?? AFTER_BYTES_DEFAULT) - this.#answeredBytes;
    this.#answeredBytes += piece.length;
    if (piece.length < left) return piece;
    this.#client.write(piece.subarray(0, left), () => this.destroy());
    return null;
  }

  #gone(): null {
    this.destroy();
    return null;
  }

  #forever(): Promise<never> {
    this.#hung = true;
    return new Promise(() => undefined);
  }
}

/** @param handle gives the piece to hand on, or null for none. */
function through(handle: (piece: Buffer) => Promise<Buffer | null>): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      handle(piece).then((out) => done(null, out ?? undefined), done);
    },
  });
}
