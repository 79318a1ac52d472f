export interface Scored {
  readonly member: string;
  readonly score: number;
}

/** Members in order of score, then of their UTF-8 bytes, as Redis orders them. */
export class SortedSet {
  readonly #scores = new Map<string, number>();
  readonly #ordered: Scored[] = [];

  get size(): number {
    return this.#scores.size;
  }

  get ordered(): readonly Scored[] {
    return this.#ordered;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  set(member: string, score: number): void {
    const before = this.#scores.get(member);
    if (before === score) return;
    if (before !== undefined) this.#ordered.splice(this.#rank({ member, score: before }), 1);
    const scored = { member, score };
    this.#ordered.splice(this.#rank(scored), 0, scored);
    this.#scores.set(member, score);
  }

  delete(member: string): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#ordered.splice(this.#rank({ member, score }), 1);
    return this.#scores.delete(member);
  }

  /** Removes the members at these ranks, both ends included. */
  deleteRanks(first: number, last: number): number {
    const gone = this.#ordered.splice(first, last - first + 1);
    for (const { member } of gone) this.#scores.delete(member);
    return gone.length;
  }

  /** How many members stand before the first one that passes; `passes` is false, then true, along the order. */
  firstRank(passes: (score: number) => boolean): number {
    return this.#search((scored) => passes(scored.score));
  }

  #rank(wanted: Scored): number {
    return this.#search((scored) => compareScored(scored, wanted) >= 0);
  }

  #search(passes: (scored: Scored) => boolean): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const scored = this.#ordered[middle];
      if (scored !== undefined && passes(scored)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function compareScored(a: Scored, b: Scored): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  if (a.member === b.member) return 0;
  return Buffer.compare(Buffer.from(a.member), Buffer.from(b.member));
}
