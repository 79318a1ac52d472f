import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startUpstashRedisEmulator } from "../../../emulators/upstash-redis/server.js";
import { upstashRedisContract } from "../../contracts/upstash-redis.contract.js";

upstashRedisContract("the emulator", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "signalbox-redis-"));
  const token = "contract-token";
  const emulator = await startUpstashRedisEmulator({ dataDir, token });
  return {
    url: emulator.url,
    token,
    close: async () => {
      await emulator.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
});
