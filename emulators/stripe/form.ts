import type Stripe from "stripe";
import { parameterInvalid, parameterMissing, parameterUnknown } from "./errors.js";

export type Param = string | Param[] | { [name: string]: Param };

/** Parameters as stripe-node takes them. */
export type Value = string | number | boolean | null | undefined | Value[] | Params;
export interface Params {
  [name: string]: Value;
}

/** The same as what `parseForm` reads: every leaf a string, null as "", undefined left out. */
export function paramsOf(params: Params): { [name: string]: Param } {
  const sent = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, paramOf(value)] as const],
  );
  return Object.assign(Object.create(null), Object.fromEntries(sent));
}

function paramOf(value: Value): Param {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(paramOf);
  return typeof value === "object" ? paramsOf(value) : String(value);
}

/**
 * Reads Stripe's form encoding: `a[b][c]=1`, `a[]=1`, `a[0][b]=1`.
 * @returns nested objects without prototype and arrays; every leaf is a string.
 */
export function parseForm(text: string): { [name: string]: Param } {
  const root: { [name: string]: Param } = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) {
    const [head = "", ...rest] = key.split("[").map((part) => part.replace(/\]$/, ""));
    place(root, [head, ...rest], value);
  }
  return arraysIn(root) as { [name: string]: Param };
}

function place(into: { [name: string]: Param }, path: string[], value: string): void {
  let node = into;
  for (const [depth, part] of path.entries()) {
    const name = part === "" ? String(Object.keys(node).length) : part;
    if (depth === path.length - 1) {
      node[name] = value;
      return;
    }
    const next = node[name];
    const child: { [name: string]: Param } =
      typeof next === "object" && !Array.isArray(next) ? next : Object.create(null);
    node[name] = child;
    node = child;
  }
}

/** Objects whose names are 0, 1, 2 … were lists. */
function arraysIn(param: Param): Param {
  if (typeof param === "string") return param;
  const entries = Object.entries(param).map(([name, value]) => [name, arraysIn(value)] as const);
  const isList = entries.length > 0 && entries.every(([name], index) => name === String(index));
  if (isList) return entries.map(([, value]) => value);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

/** Reads named parameters of one request, and answers as Stripe does when one is not as it should be. */
export class Input {
  constructor(
    private readonly values: { [name: string]: Param },
    private readonly path = "",
  ) {}

  param(name: string): string {
    return this.path === "" ? name : `${this.path}[${name}]`;
  }

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  isObject(name: string): boolean {
    const value = this.values[name];
    return typeof value === "object" && !Array.isArray(value);
  }

  /** Undefined when absent; null when sent empty, which is how a value is unset. */
  text(name: string): string | null | undefined {
    const value = this.values[name];
    if (value === undefined) return undefined;
    if (typeof value !== "string") {
      throw parameterInvalid(this.param(name), `Invalid string: ${JSON.stringify(value)}`);
    }
    return value === "" ? null : value;
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === null) throw parameterMissing(this.param(name));
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined || value === null) return undefined;
    if (!/^-?\d+$/.test(value)) {
      throw parameterInvalid(
        this.param(name),
        `Invalid integer: ${value}`,
        "parameter_invalid_integer",
      );
    }
    return Number(value);
  }

  requiredInteger(name: string): number {
    const value = this.integer(name);
    if (value === undefined) throw parameterMissing(this.param(name));
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name);
    if (value === undefined || value === null) return undefined;
    if (value !== "true" && value !== "false") {
      throw parameterInvalid(this.param(name), `Invalid boolean: ${value}`);
    }
    return value === "true";
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined || value === null) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) {
      throw parameterInvalid(
        this.param(name),
        `Invalid ${this.param(name)}: must be one of ${choices.join(", ")}`,
      );
    }
    return found;
  }

  texts(name: string): string[] | undefined {
    const value = this.values[name];
    if (value === undefined || value === "") return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
      throw parameterInvalid(this.param(name), "Invalid array");
    }
    return value;
  }

  child(name: string): Input | undefined {
    const value = this.values[name];
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string" || Array.isArray(value)) {
      throw parameterInvalid(this.param(name), "Invalid object");
    }
    return new Input(value, this.param(name));
  }

  children(name: string): Input[] {
    const value = this.values[name];
    if (value === undefined || value === "") return [];
    if (!Array.isArray(value)) throw parameterInvalid(this.param(name), "Invalid array");
    return value.map((item, index) => {
      const param = `${this.param(name)}[${index}]`;
      if (typeof item === "string" || Array.isArray(item))
        throw parameterInvalid(param, "Invalid object");
      return new Input(item, param);
    });
  }

  /** Metadata as it becomes: merged into `before`; an empty value removes its key, an empty `metadata` all of them. */
  metadata(before: Stripe.Metadata = {}, name = "metadata"): Stripe.Metadata {
    const value = this.values[name];
    if (value === undefined) return before;
    if (value === "") return {};
    const sent = this.child(name);
    const merged = { ...before };
    for (const key of Object.keys(value)) {
      const text = sent?.text(key);
      if (text === null || text === undefined) delete merged[key];
      else merged[key] = text;
    }
    return merged;
  }

  /** @throws parameter_unknown for the first name that is not in `names`. */
  accept(names: readonly string[]): void {
    for (const name of Object.keys(this.values)) {
      if (!names.includes(name)) throw parameterUnknown(this.param(name));
    }
  }
}
