// node call-function.mjs <handler.js>: calls a Node function as Vercel's launcher would, with a plain
// import() and nothing of ours around it. Requests come in on stdin, answers go out on stdout, as JSON.
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const began = performance.now();
const { default: handler } = await import(pathToFileURL(process.argv[2]).href);
const importMs = performance.now() - began;
const answers = [];
for (const { url, method, headers, body } of JSON.parse(await text(process.stdin))) {
  const init = {
    method,
    headers,
    body: body === undefined ? undefined : Buffer.from(body, "base64"),
  };
  const response = await handler.fetch(new Request(url, init));
  const { status } = response;
  answers.push({
    status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  });
}
process.stdout.write(JSON.stringify({ importMs, answers }), () => process.exit(0));
