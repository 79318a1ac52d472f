import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "../../generated/prisma/client.js";
import { Transient } from "../domain/errors.js";
import { classify } from "./database.js";

export type { PrismaClient };

/** Prisma over the pool that the hot path uses: one set of connections, and whoever opened the pool ends it. */
export function openPrisma(pool: pg.Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}

/**
 * Not reachable, timed out, closed, no connection free.
 *
 * @see https://www.prisma.io/docs/orm/reference/error-reference
 */
const UNREACHABLE = new Set(["P1001", "P1002", "P1008", "P1017", "P2024", "P2037"]);

interface PrismaError {
  code?: unknown;
  meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } };
}

/** Prisma's errors in our taxonomy; what Postgres itself said is looked up where Prisma keeps it. */
function classifyPrisma(error: unknown): Error {
  const { code, meta } = error as PrismaError;
  if (typeof code === "string" && UNREACHABLE.has(code)) {
    return new Transient("database_unavailable", { cause: error });
  }
  const original = meta?.driverAdapterError?.cause?.originalCode;
  if (typeof original === "string") {
    const said = classify({ code: original, message: String(error) });
    if (said instanceof Transient) return new Transient(said.code, { cause: error });
  }
  return classify(error);
}

/** @throws Transient when the database was not to be had; else what Prisma threw. */
export async function asked<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw classifyPrisma(error);
  }
}
