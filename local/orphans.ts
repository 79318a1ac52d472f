import type { Home } from "./home.js";
import { findBinaries } from "./postgres/binaries.js";
import { SHARED_PLACES } from "./postgres/place.js";
import { processToken, signalProcess, waitUntil } from "./postgres/processes.js";
import { locationOf, readRecord } from "./postgres/record.js";
import { isPostmasterOf, readPidFile, stopPostmaster } from "./postgres/server.js";

/** A process of an earlier start: its number, and when it began, so that no other is taken for it. */
interface Noted {
  role: string;
  pid: number;
  token: string;
}

const FILE = "processes.json";
/** Children of a killed start see that their parent is gone, and stop by themselves. */
const LEAVE_TIMEOUT_MS = 3_000;
const KILLED_TIMEOUT_MS = 5_000;

const lives = ({ pid, token }: Noted): boolean => processToken(pid) === token;

/** Remembers a process of this home, for a later start to end if nobody else does. */
export function noteProcess(home: Home, role: string, pid: number): void {
  const token = processToken(pid);
  if (token === undefined) return;
  const known = (home.read<Noted[]>(FILE) ?? []).filter(lives);
  home.write(FILE, [...known, { role, pid, token }]);
}

/** Ends what an earlier start left running, except for its Postgres, which is adopted. */
export async function endOrphans(home: Home, log: (line: string) => void): Promise<void> {
  const left = (home.read<Noted[]>(FILE) ?? []).filter(lives);
  if (left.length === 0) return;
  log("Ending what an earlier start left running");
  await waitUntil(() => !left.some(lives), LEAVE_TIMEOUT_MS);
  for (const one of left.filter(lives)) signalProcess(one.pid, "SIGKILL");
  await waitUntil(() => !left.some(lives), KILLED_TIMEOUT_MS);
}

/** Stops a Postgres that outlived its platform. Only for whoever holds the home. */
export async function endLeftPostgres(home: Home): Promise<void> {
  const dataDir = home.path("postgres");
  const record = readRecord(dataDir);
  if (record === undefined) return;
  const location = locationOf(dataDir, record);
  const server = readPidFile(location);
  if (server === undefined || !isPostmasterOf(server.pid, location)) return;
  await stopPostmaster(server.pid, location, findBinaries("self", SHARED_PLACES));
}
