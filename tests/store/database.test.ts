import { describe, expect, it } from "vitest";
import { Transient } from "../../src/domain/errors.js";
import { classify, Moved } from "../../src/store/database.js";

const pgError = (code: string, message = code, severity = "ERROR"): Error =>
  Object.assign(new Error(message), { code, severity });

describe("an error of the database", () => {
  it.each([
    ["08006", "database_unavailable"],
    ["57P01", "database_unavailable"],
    ["57P03", "database_unavailable"],
    ["53300", "database_unavailable"],
    ["25006", "database_unavailable"],
    ["28P01", "database_unavailable"],
    ["28000", "database_unavailable"],
    ["3D000", "database_unavailable"],
    ["EAI_AGAIN", "database_unavailable"],
    ["ENOTFOUND", "database_unavailable"],
    ["ECONNREFUSED", "database_unavailable"],
    ["ECONNRESET", "database_unavailable"],
    ["55P03", "database_busy"],
    ["57014", "database_busy"],
    ["40001", "database_busy"],
  ])("%s may work later: %s", (code, ours) => {
    expect(classify(pgError(code))).toMatchObject({ code: ours, name: "Transient" });
  });

  it.each(["SB001", "40P01", "23505"])("%s is a row that moved", (code) => {
    expect(classify(pgError(code))).toBeInstanceOf(Moved);
  });

  it.each(["Connection terminated unexpectedly", "Query read timeout"])(
    "'%s' of the driver may work later",
    (message) => {
      expect(classify(new Error(message))).toBeInstanceOf(Transient);
    },
  );

  it.each([
    ["pgbouncer cannot connect to server", "FATAL"],
    ["server closed the connection unexpectedly", "ERROR"],
    ["server conn crashed?", "ERROR"],
    ["query_wait_timeout", "ERROR"],
    ['no such database: "signalbox"', "ERROR"],
  ])("08P01 '%s' is a pooler's word for an outage", (message, severity) => {
    expect(classify(pgError("08P01", message, severity))).toMatchObject({
      code: "database_unavailable",
    });
  });

  it.each(["08P01", "42P01", "22P02", "23502", "ERR_INVALID_ARG_TYPE"])(
    "%s is a defect, and is not retried as an outage",
    (code) => {
      const error = pgError(code);
      expect(classify(error)).toBe(error);
    },
  );
});
