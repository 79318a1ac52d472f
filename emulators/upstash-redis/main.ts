import { parseArgs } from "node:util";
import { startUpstashRedisEmulator } from "./server.js";

/** Runs the emulator by itself and prints one JSON line `{url, pid}` when it is ready. */
const { values } = parseArgs({
  options: {
    "data-dir": { type: "string" },
    token: { type: "string" },
    port: { type: "string", default: "0" },
    "compact-bytes": { type: "string" },
  },
});
const { "data-dir": dataDir, token } = values;
if (dataDir === undefined || token === undefined) {
  console.error(
    "Usage: node scripts/run.mjs emulators/upstash-redis/main.ts --data-dir DIR --token TOKEN [--port N]",
  );
  process.exit(2);
}
const compact = values["compact-bytes"];
const emulator = await startUpstashRedisEmulator({
  dataDir,
  token,
  port: Number(values.port),
  log: (message) => console.error(message),
  ...(compact === undefined ? {} : { compactBytesMin: Number(compact) }),
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void emulator.close();
  });
}
console.log(JSON.stringify({ url: emulator.url, pid: process.pid }));
