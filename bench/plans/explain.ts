import pg from "pg";
import { median } from "../stats.js";

/** A statement and its parameters, as the worker sends them. */
export interface Sent {
  text: string;
  values: readonly unknown[];
}

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "CTE Name"?: string;
  "Subplan Name"?: string;
  "Actual Loops"?: number;
  "Shared Hit Blocks"?: number;
  "Shared Read Blocks"?: number;
  Plans?: Node[];
}

export interface Explanation {
  /** The whole tree: every node with its table, index and children. */
  shape: string;
  /** How each stored table is reached or written, once each. */
  touches: string[];
  /** Tables of more than a page that were read from end to end. */
  scansWhole: string[];
  /** Pages looked at, in memory or not. */
  buffers: number;
  ms: number;
}

/** Runs a statement under EXPLAIN ANALYZE as a prepared one; what it writes is written. */
export async function explain(client: pg.Client, { text, values }: Sent): Promise<Explanation> {
  const name = await prepared(client, text);
  const given = values.length === 0 ? "" : `(${values.map(literal).join(", ")})`;
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Node; "Execution Time": number }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE ${name}${given}`,
  );
  const [explained] = rows[0]?.["QUERY PLAN"] ?? [];
  if (explained === undefined) throw new Error("EXPLAIN said nothing");
  const nodes = all(explained.Plan);
  // A table of a page or none, as the holds are, costs no more read whole than by its index.
  const scanned = nodes.filter(
    (node) => node["Node Type"] === "Seq Scan" && ownBuffers(node) > (node["Actual Loops"] ?? 1),
  );
  return {
    shape: shapeOf(explained.Plan),
    touches: [...new Set(nodes.filter((node) => "Relation Name" in node).map(touchOf))].sort(),
    scansWhole: [...new Set(scanned.map((node) => node["Relation Name"] ?? "?"))].sort(),
    buffers: buffersOf(explained.Plan, nodes),
    ms: explained["Execution Time"],
  };
}

/** What a warm worker has: the last plan, and the middle of the figures since it stayed the same. */
export function settled(explanations: readonly Explanation[]): Explanation {
  const last = explanations.at(-1);
  if (last === undefined) throw new Error("nothing was explained");
  const alike = explanations.filter(({ shape }) => shape === last.shape);
  const buffers = median(alike.map((one) => one.buffers));
  return { ...last, buffers, ms: median(alike.map((one) => one.ms)) };
}

const names = new WeakMap<pg.Client, Map<string, string>>();

async function prepared(client: pg.Client, text: string): Promise<string> {
  const known = names.get(client) ?? new Map<string, string>();
  names.set(client, known);
  const name = known.get(text) ?? `bench_${known.size}`;
  if (!known.has(text)) await client.query(`PREPARE ${name} AS ${text}`);
  known.set(text, name);
  return name;
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString("hex")}'`;
  return pg.escapeLiteral(String(value));
}

const all = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(all)];

/** Months have a table each; which month it is makes no other plan. */
const stored = (name: string): string => name.replace(/_\d{6}(?=_|$)/, "_month");

function touchOf(node: Node): string {
  const index = node["Index Name"];
  const by = index === undefined ? "" : ` by ${stored(index)}`;
  return `${node["Node Type"]} ${stored(node["Relation Name"] ?? "")}${by}`;
}

function shapeOf(node: Node): string {
  const [table, index] = [
    node["Relation Name"] ?? node["CTE Name"] ?? "",
    node["Index Name"] ?? "",
  ];
  const children = (node.Plans ?? []).map(shapeOf).join(" ");
  return `(${node["Node Type"]} ${stored(table)} ${stored(index)} ${children})`;
}

const ownBuffers = (node: Node): number =>
  (node["Shared Hit Blocks"] ?? 0) + (node["Shared Read Blocks"] ?? 0);

/** The root's count has all that it read from; what a CTE writes that nobody reads from is run after it. */
function buffersOf(root: Node, nodes: readonly Node[]): number {
  const read = new Set(nodes.map((node) => node["CTE Name"]));
  const unread = nodes.filter((node) => {
    const name = /^CTE (.+)$/.exec(node["Subplan Name"] ?? "")?.[1];
    return name !== undefined && !read.has(name);
  });
  return [root, ...unread].reduce((sum, node) => sum + ownBuffers(node), 0);
}
