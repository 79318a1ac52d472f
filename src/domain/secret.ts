/** A value that must never be seen: printing or serialising it gives `[secret]`. */
export class Secret {
  readonly #value: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @param name its environment variable, which may be named in logs and traces. */
  constructor(
    readonly name: string,
    value: string,
  ) {
    this.#value = value;
    this.#bytes = new TextEncoder().encode(value);
  }

  /** The value itself, for the one call that needs it. */
  reveal(): string {
    return this.#value;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Compares in a time that depends on the given text's length only. An empty secret matches nothing. */
  matches(given: string): boolean {
    const theirs = new TextEncoder().encode(given);
    let difference = theirs.length ^ this.#bytes.length;
    for (let i = 0; i < theirs.length; i += 1) {
      difference |= (theirs[i] ?? 0) ^ (this.#bytes[i % this.#bytes.length] ?? 0);
    }
    return this.#bytes.length > 0 && difference === 0;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}
