import { startRealRedis, startRedisRestFront } from "./redis-rest-front.js";
import { upstashRedisContract } from "./upstash-redis.contract.js";

upstashRedisContract("a real Redis behind the REST front", async () => {
  const token = "contract-token";
  const redis = await startRealRedis();
  const front = await startRedisRestFront(redis.client, token);
  return {
    url: front.url,
    token,
    close: async () => {
      await front.close();
      await redis.stop();
    },
  };
});
