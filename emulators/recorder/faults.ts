import { z } from "zod";

/**
 * What goes wrong with the next requests to the vendor's API.
 * `when: "before"`: the vendor did nothing. `when: "after"`: it accepted and kept the request, and only the answer suffers.
 * `status` answers with the vendor's own error body (`code` picks one of its names); `hang` never answers; `drop` cuts
 * the connection; `delay` takes that long over the work, so that a second request with the same idempotency key meets it.
 */
export const FaultSchema = z.strictObject({
  kind: z.enum(["status", "delay", "hang", "drop"]),
  when: z.enum(["before", "after"]).default("before"),
  times: z.union([z.int().positive(), z.literal("always")]).default(1),
  /** Only requests whose path contains this text. */
  path: z.string().optional(),
  method: z.string().optional(),
  status: z.int().min(400).max(599).default(500),
  code: z.string().optional(),
  retryAfterSeconds: z.int().nonnegative().optional(),
  delayMs: z.int().nonnegative().default(0),
});

export type Fault = z.output<typeof FaultSchema>;
export type FaultInput = z.input<typeof FaultSchema>;

export interface Faults {
  add(fault: FaultInput): void;
  clear(): void;
  list(): Fault[];
  /** The first fault that fits this request, used up by one. */
  take(method: string, path: string): Fault | null;
}

export function createFaults(): Faults {
  let faults: Fault[] = [];
  return {
    add: (fault) => {
      faults.push(FaultSchema.parse(fault));
    },
    clear: () => {
      faults = [];
    },
    list: () => structuredClone(faults),
    take(method, path) {
      const fault = faults.find(
        (f) => (f.method ?? method) === method && (f.path === undefined || path.includes(f.path)),
      );
      if (fault === undefined) return null;
      if (fault.times !== "always") {
        fault.times -= 1;
        if (fault.times === 0) faults = faults.filter((f) => f !== fault);
      }
      return fault;
    },
  };
}
