// node scripts/run.mjs scripts/reference.ts: writes docs/reference/*.md from the code that they describe.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { loadSample, requestOf, sampleNames } from "../cli/samples/index.js";
import { openApiDocument } from "../src/admin/openapi.js";
import { ERROR_CODES } from "../src/domain/errors.js";
import { LEDGER_STATES } from "../src/domain/ledger.js";
import { BODY_DAYS_MIN, type Kept, RETENTION } from "../src/domain/retention.js";
import { handlersOf } from "../src/handlers/registry.js";
import { ENVIRONMENT, type Variable } from "../src/runtime/environment.js";
import { sources } from "../src/sources/registry.js";
import { policySections } from "./reference/policy.js";

const root = resolve(import.meta.dirname, "..");
const NOTE = "<!-- Written by `npm run reference`. Change the code, not this page. -->";

/** Every page by its path in the repository. */
export async function referencePages(): Promise<Record<string, string>> {
  return {
    "docs/reference/environment.md": environmentPage(),
    "docs/reference/errors.md": errorsPage(),
    "docs/reference/events.md": await eventsPage(),
    "docs/reference/api.md": apiPage(),
    "docs/reference/policy.md": page("Policies", ...policySections(root, table)),
    "docs/reference/states.md": statesPage(),
    "docs/reference/retention.md": retentionPage(),
  };
}

function page(title: string, ...paragraphs: string[]): string {
  return `${[NOTE, `# ${title}`, ...paragraphs].join("\n\n")}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function statesPage(): string {
  const drawn = Object.entries(LEDGER_STATES).map(([kind, states]) => {
    const ranks = [...new Set(Object.values(states))].sort();
    const at = (rank: number) =>
      Object.entries(states)
        .filter(([, one]) => one === rank)
        .map(([state]) => state);
    const steps = ranks.flatMap((rank, n) =>
      ranks
        .slice(n + 1)
        .flatMap((higher) =>
          at(rank).flatMap((from) => at(higher).map((to) => `  ${from} --> ${to}`)),
        ),
    );
    const group = (rank: number) => [
      `  subgraph ${kind}${rank}["${rank === 0 ? "may follow one another" : "final"}"]`,
      ...at(rank).map((state) => `    ${state}`),
      "  end",
    ];
    return [
      `## ${kind}`,
      ["```mermaid", "flowchart LR", ...ranks.flatMap(group), ...steps, "```"].join("\n"),
    ].join("\n\n");
  });
  return page(
    "States of the ledger",
    "Every object of the gateway is one row, and every word on it (an event's copy of the object, or the object fetched) is joined into that row by `joinWord` in `src/domain/ledger.ts`. " +
      "The result does not depend on the order or number of words.",
    table(
      [
        "The new word is",
        "its state is less final",
        "its state is as final",
        "its state is more final",
      ],
      [
        ["later", "doubt", "stands (two different final states: doubt)", "stands"],
        ["of the same second", "is older", "the same content: nothing; else doubt", "stands"],
        ["earlier", "is older", "is older", "doubt"],
      ],
    ),
    "A doubt is settled by fetching the object: what was fetched after the row was read stands, and is true of the source's own time (its `Date` header less the duration of the call). " +
      "Where no key sees that mode, or the object is gone, the more final state stands, then the later word, then always the same one of the two.",
    "Links are set once and never forgotten. `unknown`, a status that we have no word for, may follow and be followed by anything that is not final. " +
      "A payment is then derived from its own row and from the charges, refunds, disputes, checkouts and invoices that name it (`derivePayment`): what was refunded is the sum of the refunds that have not failed.",
    ...drawn,
  );
}

function retentionPage(): string {
  const rows = Object.entries<Kept>(RETENTION).map(([name, kept]) => [
    `\`${name}\``,
    keptFor(kept),
    kept.because,
  ]);
  return page(
    "Retention",
    "How long the rows of each table are kept, and why. What is dropped is dropped by the cron job `sweep` (`src/operations/sweep-retention.ts`), in pieces and with a limit of time; " +
      "what it did stands in the job's answer and its log line. Where nothing is left it looks again some hours later. " +
      "A part that fails, such as one month, keeps none of the others from its turn: it is counted (`failed`), the log says which and why (`retention.failed`), and the next minute tries it again. `error 42501` there is a partition that " +
      "the application's role does not own ([deploy](../runbooks/deploy.md)).",
    `The bytes of events (\`event_body\`) have a partition for each month, in UTC. It is dropped whole once all of it is older than the policy's \`retention.bodyDays\` (${BODY_DAYS_MIN} at least; null, and so a \`retention\` part that does not say, drops nothing; 90 in each preset, as long as metrics are shown). ` +
      "Those of events that are not finished (`received`, `held`, `dead`) are moved to the present month first, so that they can still be drained and replayed. Each month that is dropped is an audit entry: " +
      "`signalbox audit list --action event_body.dropped`. While the locks are not to be had within half a second it waits for the next minute (`busy`): look for a session that has held the table for long. " +
      "An event without its bytes says so in `events show` (`bodyKept`).",
    "Rows that had no partition of their month, because none was made in time, are in `event_body_default` and go by the same rule, row by row.",
    table(["Table", "Kept", "Why"], rows),
  );
}

function keptFor(kept: Kept): string {
  if (kept.until === "dropped") {
    return `${kept.days === null ? "`retention.bodyDays`" : `${kept.days} days`}: ${kept.what}`;
  }
  return { "for good": "for good", done: "until it is done", archived: "until it is archived" }[
    kept.until
  ];
}

function environmentPage(): string {
  const rows = Object.entries(ENVIRONMENT).map(([name, variable]) => {
    const { kind, about, lengthMin, rotates, previewDefault }: Variable = variable;
    const needed = variable.default ?? (variable.optional ? "optional" : "required");
    const notes = [
      about,
      lengthMin === undefined ? "" : `At least ${lengthMin} characters.`,
      previewDefault === undefined
        ? ""
        : `On Vercel outside production the default is \`${previewDefault}\`.`,
      rotates ? `\`${name}_PREVIOUS\` is accepted beside it during a rotation.` : "",
    ];
    return [
      `\`${name}\``,
      kind,
      variable.use.join(", "),
      variable.default === undefined ? needed : `\`${needed}\``,
      notes.filter(Boolean).join(" "),
    ];
  });
  return page(
    "Environment",
    "Read once, at start; what is missing or wrong is listed all at once, and nothing starts. " +
      "`npm start` and `npm run demo` supply everything themselves; a variable that is set replaces its emulator.",
    "Read by: `door` is what takes webhooks (on the edge), `node` the workers, the cron jobs and the admin API, `local` only `npm start`.",
    table(["Variable", "Kind", "Read by", "Default", "What it is"], rows),
  );
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, { status, sentence, hint }]) => [
    `\`${code}\``,
    String(status),
    sentence,
    hint,
  ]);
  return page(
    "Error codes",
    "The codes that answers (`application/problem+json`), log lines, events and dead letters carry. " +
      "Status 200 is of codes that a worker gives to what it keeps as a dead letter: the queue need not send it again.",
    table(["Code", "Status", "What happened", "What to do"], rows),
  );
}

async function eventsPage(): Promise<string> {
  const rows: string[][] = [];
  for (const source of sources) {
    for (const name of sampleNames(source.id)) {
      const { headers, body } = requestOf(loadSample(source.id, name), { secret: "x", now: 0 });
      const given = new Headers(headers);
      const { type } = await source.identify(given, body);
      const context = { ours: new Set<string>(), receivedAt: 0 };
      const facts = source.normalise(Object.fromEntries(given), body, context);
      // All that an event says of objects reaches its handlers as one.
      const kinds = facts.map((fact) => ("object" in fact ? "ledger.said" : fact.kind));
      const handlers = new Set(kinds.flatMap((kind) => handlersOf(kind).map(({ id }) => id)));
      rows.push([source.id, `\`${type}\``, list(facts.map((f) => f.kind)), list(handlers), name]);
    }
  }
  const signed = sources.map(({ id, secret, signature, bodyBytesMax }) => [
    id,
    `\`POST /api/webhooks/${id}\``,
    `\`${secret}\``,
    signature.covers,
    "toleranceMs" in signature ? `${signature.toleranceMs / 1000} s` : "not signed",
    `${bodyBytesMax / 1024 ** 2} MiB`,
  ]);
  return page(
    "Sources and events",
    table(["Source", "Address", "Secret", "What is signed", "Age allowed", "Body limit"], signed),
    "What becomes of the samples that `signalbox trigger` sends. An event without facts is kept as `ignored`, with its type; " +
      "so is every type that is not listed here, unless the source's folder reads it: of Stripe's see [stripe-events.md](stripe-events.md).",
    table(["Source", "Type", "Facts", "Handlers", "Sample"], rows),
  );
}

function list(values: Iterable<string>): string {
  const unique = [...new Set(values)];
  return unique.length === 0 ? "none" : unique.map((value) => `\`${value}\``).join(", ");
}

interface Operation {
  summary: string;
  security?: unknown[];
  parameters?: { name: string; in: string; description?: string }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
}
interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

function apiPage(): string {
  const { paths, components } = openApiDocument() as unknown as {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Schema> };
  };
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, o]) => [
      `\`${method.toUpperCase()} ${path}\``,
      o.summary,
      list((o.parameters ?? []).filter((p) => p.in === "query").map((p) => p.name)),
      bodyOf(o.requestBody),
      list(Object.keys(o.responses)),
      o.security === undefined ? "token" : "open",
    ]),
  );
  const schemas = Object.entries(components.schemas).flatMap(([name, schema]) => [
    `### ${name}`,
    table(
      ["Field", "Type", "About"],
      Object.entries(schema.properties ?? {}).map(([field, property]) => [
        `\`${field}\`${schema.required?.includes(field) ? "" : " (may be absent)"}`,
        typeOf(property),
        property.description ?? "",
      ]),
    ),
  ]);
  return page(
    "Admin API",
    "`Authorization: Bearer` with an operator's key or `ADMIN_TOKEN` on all that is not open ([operator-keys.md](../runbooks/operator-keys.md)). Lists answer `{data, nextCursor}`, the rest `{data}`; problems are `application/problem+json` with a `code` of [errors.md](errors.md). " +
      "The same as OpenAPI 3.1: `GET /api/admin/openapi.json`.",
    table(["Route", "What it does", "Query", "Body", "Answers", "Access"], rows),
    "## What is answered",
    ...schemas,
  );
}

function bodyOf(body: Operation["requestBody"]): string {
  const schema = body?.content["application/json"]?.schema;
  if (schema === undefined) return "none";
  return schema.$ref === undefined ? list(Object.keys(schema.properties ?? {})) : typeOf(schema);
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1) ?? "";
  if (schema.enum !== undefined)
    return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  return [schema.type ?? "anything"].flat().join(" or ");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [path, text] of Object.entries(await referencePages())) {
    mkdirSync(dirname(resolve(root, path)), { recursive: true });
    writeFileSync(resolve(root, path), text);
    process.stdout.write(`${path}\n`);
  }
}
