import { Permanent, Transient } from "../domain/errors.js";
import type { Fact, LedgerSaid, ObjectSaid } from "../domain/facts.js";
import type { Gateway } from "../domain/gateway.js";
import type { LedgerKey } from "../domain/ledger.js";
import type { Log } from "../domain/ports.js";
import type { Source } from "../sources/source.js";
import type { Doubt } from "./handler.js";

/** More fetches than one event can need: its objects, once each and again while they change under our hands. */
const FETCHES_MAX = 12;

export interface AskDeps {
  log: Log;
  gatewayOf(sourceId: string): Gateway | undefined;
}

const keyOf = ({ kind, account, livemode, externalId }: LedgerKey): string =>
  JSON.stringify([kind, account, livemode, externalId]);

/**
 * What one run of an event knows from its source beyond the event's own words: what was fetched because it was only
 * mentioned, or because words contradicted each other. Kept for the run, so that a round of load and decide that is
 * done again fetches nothing again unless the doubt remains.
 */
export class AskedSource {
  readonly #fetched = new Map<string, ObjectSaid>();
  readonly #alone = new Set<string>();
  readonly #gone = new Map<string, string>();
  #fetches = 0;

  constructor(
    private readonly source: Source,
    private readonly requestId: string,
    private readonly deps: AskDeps,
  ) {}

  /** How often the source was asked. */
  get fetches(): number {
    return this.#fetches;
  }

  /** Sentences for the event's trace: which objects it only mentioned and its source does not have. */
  get gone(): string[] {
    return [...this.#gone.values()];
  }

  /**
   * The facts with all words on the ledger gathered into one, what was mentioned fetched, and what was in doubt
   * replaced by what was fetched: it is later than any word that the event could carry.
   *
   * @throws Transient `gateway_unavailable`; Permanent `gateway_refused`.
   */
  async gather(facts: readonly Fact[]): Promise<Fact[]> {
    const others: Fact[] = [];
    const words: ObjectSaid[] = [];
    for (const fact of facts) {
      if (fact.kind === "object.mentioned") {
        const said = this.#fetched.get(keyOf(fact.object)) ?? (await this.#fetch(fact.object));
        if (said !== null) words.push(said);
        else this.#miss(fact.object);
      } else if ("object" in fact) {
        const key = keyOf(fact.object);
        words.push(
          this.#fetched.get(key) ?? (this.#alone.has(key) ? { ...fact, alone: true } : fact),
        );
      } else others.push(fact);
    }
    const said: LedgerSaid = { kind: "ledger.said", words: eachOnce(words) };
    return words.length === 0 ? others : [...others, said];
  }

  /** Asks the source for what is in doubt; `gather` then gives its answer. */
  async settle(doubts: readonly Doubt[], facts: readonly Fact[]): Promise<void> {
    for (const { object, after, why } of doubts) {
      const key = keyOf(object);
      const words = facts.flatMap((fact) =>
        "object" in fact && keyOf(fact.object) === key ? [fact] : [],
      );
      const said = this.#sees(object) ? await this.#fetch(object) : null;
      if (said === null) {
        this.#fetched.delete(key);
        this.#alone.add(key);
        continue;
      }
      const latest = Math.max(said.occurredAt, ...words.map(({ occurredAt }) => occurredAt));
      this.#fetched.set(key, { ...said, occurredAt: latest, after });
      const { requestId } = this;
      this.deps.log.info("object.fetched", { requestId, kind: object.kind, why });
    }
  }

  #miss(object: LedgerKey): void {
    const mode = object.livemode ? "live" : "test";
    const sentence = `${this.source.id} has no ${object.kind} ${object.externalId} in ${mode} mode (any more): nothing of it to record`;
    this.#gone.set(keyOf(object), sentence);
  }

  /** Where the mode has no key here, the event's own words are all there is. */
  #sees({ livemode }: LedgerKey): boolean {
    return this.deps.gatewayOf(this.source.id)?.sees(livemode) ?? false;
  }

  /** Null when the source knows no such object (any more). */
  async #fetch(object: LedgerKey): Promise<ObjectSaid | null> {
    const gateway = this.deps.gatewayOf(this.source.id);
    if (
      gateway === undefined ||
      this.source.readObject === undefined ||
      !gateway.sees(object.livemode)
    ) {
      const mode = object.livemode ? "live" : "test";
      throw new Permanent("gateway_refused", {
        detail: `no key is set for objects in ${mode} mode`,
      });
    }
    this.#fetches += 1;
    if (this.#fetches > FETCHES_MAX) {
      const detail = `${object.kind} ${object.externalId} changes faster than it can be read`;
      throw new Transient("gateway_unavailable", { detail });
    }
    const fetched = await gateway.fetchObject(object);
    if (fetched === null) return null;
    const said = this.source.readObject(object, fetched.object, fetched.occurredAt);
    this.#fetched.set(keyOf(object), said);
    return said;
  }
}

/** A fetched object stands in for each word of its event that spoke of it. */
function eachOnce(words: readonly ObjectSaid[]): ObjectSaid[] {
  const seen = new Set<ObjectSaid>();
  return words.filter((word) => !seen.has(word) && seen.add(word));
}
