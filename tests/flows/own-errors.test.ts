import { createServer, type Server } from "node:http";
import { gunzipSync } from "node:zlib";
import pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { type House, openHouse } from "../support/house.js";

const OWN_PROJECT = "4509877862268928";

/** What Sentry's SDK sends, as the text of its envelopes. */
async function envelopeSink(): Promise<{ dsn: string; envelopes: string[]; server: Server }> {
  const envelopes: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const bytes = Buffer.concat(chunks);
      const zipped = request.headers["content-encoding"] === "gzip";
      envelopes.push((zipped ? gunzipSync(bytes) : bytes).toString("utf8"));
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { dsn: `http://key@127.0.0.1:${address.port}/${OWN_PROJECT}`, envelopes, server };
}

let h: House | undefined;
let sink: Awaited<ReturnType<typeof envelopeSink>> | undefined;
afterEach(async () => {
  await h?.close();
  sink?.server.close();
});

const ELSEWHERE =
  "https://sentry.io/api/0/projects/example-org/elsewhere/events/5a17e0000000400080000000000000e1/";

describe("our own errors", () => {
  it.each([
    ["issue-created", "data.issue.project.id", { "data.issue.project.slug": "elsewhere" }],
    // A number there; its service is read from its address.
    ["event-alert", "data.event.project", { "data.event.url": ELSEWHERE }],
  ])(
    "are reported, unless the event that failed speaks of our own project: that would come back for ever (%s)",
    async (sample, path, service) => {
      sink = await envelopeSink();
      h = await openHouse({ SENTRY_DSN: sink.dsn });
      const client = new pg.Client({ connectionString: h.databaseUrl });
      await client.connect();
      // A defect that every incident runs into, whoever's it is.
      await client.query("ALTER TABLE incident RENAME TO incident_elsewhere");

      const own = { [path]: OWN_PROJECT };
      await h.post("sentry", sample, { uniqueId: "own", set: own });
      const retrying = async () => (await h?.qstash.state())?.retrying;
      await expect.poll(retrying, { timeout: 5_000 }).toBe(1); // our own has failed by now
      const foreign = { [path]: "1111111111", ...service };
      const response = await h.post("sentry", sample, { uniqueId: "foreign", set: foreign });
      const { requestId } = (await response.json()) as { requestId: string };
      const errors = () => sink?.envelopes.filter((text) => text.includes('"type":"event"')) ?? [];
      await expect.poll(() => errors().length, { timeout: 10_000 }).toBeGreaterThan(0);

      for (const text of errors()) {
        expect(text).toContain(requestId); // only the foreign one's, and it is tied to the log
        expect(text).not.toContain("Example"); // nothing of the event's own text goes along
      }
      await client.query("ALTER TABLE incident_elsewhere RENAME TO incident");
      await client.end();
      await h.qstash.setClock({ advanceMs: 600_000 });
      await h.rest();
      const incidents = await h.list("incidents");
      expect(incidents, "both are told in the end: none was dropped").toHaveLength(2);
    },
  );
});
