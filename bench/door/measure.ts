import { type Lane, type LanesOptions, openLane } from "../lanes/parent.js";
import { type Figures, inTurn, type Rounds } from "../lanes/rounds.js";

const CONTENDERS = ["door on Node", "door with fetch", "bare Hono, verifies", "plain way"] as const;

export interface DoorFigures {
  inProcess: Figures[];
  overHttp: Figures[];
}

/** The door against the floor and the plain way, first without a server between, then over HTTP. */
export async function measureDoor(rounds: Rounds, options: LanesOptions): Promise<DoorFigures> {
  const open: Lane[] = [];
  const lane = async (name: string, sinkUrl = ""): Promise<Lane> => {
    const opened = await openLane({ name, sinkUrl }, options);
    open.push(opened);
    return opened;
  };
  try {
    const sink = await lane("sink");
    const load = await lane("load");
    const contenders: { lane: Lane }[] = [];
    for (const name of CONTENDERS) contenders.push({ lane: await lane(name, sink.url) });

    const inProcess = await inTurn(contenders, rounds, async ({ lane }, ask) => {
      await lane.prepare(ask.count);
      return lane.run(ask.atOnce, ask.forMs);
    });
    for (const { lane } of contenders) await lane.prepare(0); // lets go of what was prepared
    const overHttp = await inTurn(contenders, rounds, async ({ lane }, ask) => {
      await load.prepare(ask.count, lane.url);
      const before = await lane.cpuMicros();
      const result = await load.run(ask.atOnce, ask.forMs);
      return { ...result, cpuMicros: (await lane.cpuMicros()) - before };
    });
    return { inProcess, overHttp };
  } finally {
    await Promise.all(open.map((opened) => opened.close()));
  }
}
