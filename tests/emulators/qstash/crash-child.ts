import { startQstashEmulator } from "../../../emulators/qstash/index.js";

/** The emulator as a process of its own, to be killed. argv: database url, port. */
const [databaseUrl = "", port = "0"] = process.argv.slice(2);

const qstash = await startQstashEmulator({
  databaseUrl,
  port: Number(port),
  token: "qstash-test-token",
  currentSigningKey: "sig_currentTestKey",
  nextSigningKey: "sig_nextTestKey",
  log: (message, detail) => console.error(message, detail),
});
console.log(JSON.stringify({ url: qstash.url, port: qstash.port }));
