/**
 * The arithmetic of `Upstash-Retry-Delay`: numbers, `retried`, + - * / % ^, parentheses and a
 * handful of functions. Written here rather than taken from npm: the known evaluators also
 * accept assignment, member access and functions, which a header from outside must not reach.
 * @see https://upstash.com/docs/qstash/features/retry ("Custom Retry Delay")
 */
type Evaluate = (retried: number) => number;

const FUNCTIONS: Readonly<Record<string, { arity: [number, number]; run: typeof Math.max }>> = {
  pow: { arity: [2, 2], run: (a = Number.NaN, b = Number.NaN) => a ** b },
  sqrt: { arity: [1, 1], run: (a = Number.NaN) => Math.sqrt(a) },
  abs: { arity: [1, 1], run: (a = Number.NaN) => Math.abs(a) },
  exp: { arity: [1, 1], run: (a = Number.NaN) => Math.exp(a) },
  floor: { arity: [1, 1], run: (a = Number.NaN) => Math.floor(a) },
  ceil: { arity: [1, 1], run: (a = Number.NaN) => Math.ceil(a) },
  round: { arity: [1, 1], run: (a = Number.NaN) => Math.round(a) },
  min: { arity: [1, 16], run: Math.min },
  max: { arity: [1, 16], run: Math.max },
};

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|([-+*/%^(),]))/y;
const EXPRESSION_CHARS_MAX = 1_000;

export class ExpressionError extends Error {}

interface Token {
  kind: "number" | "name" | "symbol" | "end";
  text: string;
}

function tokenize(text: string): Token[] {
  if (text.length > EXPRESSION_CHARS_MAX) throw new ExpressionError("expression is too long");
  const source = text.trimEnd();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let readTo = 0;
  while (readTo < source.length) {
    const found = TOKEN.exec(source);
    if (found === null)
      throw new ExpressionError(`unexpected "${source.slice(readTo, readTo + 9)}"`);
    const [, number, name, symbol] = found;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else tokens.push({ kind: "symbol", text: symbol ?? "" });
    readTo = TOKEN.lastIndex;
  }
  tokens.push({ kind: "end", text: "end of expression" });
  return tokens;
}

class Parser {
  #at = 0;
  constructor(readonly tokens: readonly Token[]) {}

  parse(): Evaluate {
    const value = this.#sum();
    if (this.#peek().kind !== "end") throw new ExpressionError(`unexpected "${this.#peek().text}"`);
    return value;
  }

  #peek(): Token {
    return this.tokens[this.#at] ?? { kind: "end", text: "end of expression" };
  }

  #accept(...symbols: string[]): string | null {
    const token = this.#peek();
    if (token.kind !== "symbol" || !symbols.includes(token.text)) return null;
    this.#at += 1;
    return token.text;
  }

  #expect(symbol: string): void {
    if (this.#accept(symbol) === null) {
      throw new ExpressionError(`expected "${symbol}" before "${this.#peek().text}"`);
    }
  }

  #sum(): Evaluate {
    let left = this.#product();
    for (let op = this.#accept("+", "-"); op !== null; op = this.#accept("+", "-")) {
      const [a, b, sign] = [left, this.#product(), op === "+" ? 1 : -1];
      left = (r) => a(r) + sign * b(r);
    }
    return left;
  }

  #product(): Evaluate {
    let left = this.#unary();
    for (let op = this.#accept("*", "/", "%"); op !== null; op = this.#accept("*", "/", "%")) {
      const [a, b] = [left, this.#unary()];
      if (op === "*") left = (r) => a(r) * b(r);
      else if (op === "/") left = (r) => a(r) / b(r);
      else left = (r) => a(r) % b(r);
    }
    return left;
  }

  #unary(): Evaluate {
    const sign = this.#accept("-", "+");
    if (sign === null) return this.#power();
    const inner = this.#unary();
    return sign === "-" ? (r) => -inner(r) : inner;
  }

  #power(): Evaluate {
    const base = this.#primary();
    if (this.#accept("^") === null) return base;
    const exponent = this.#unary();
    return (r) => base(r) ** exponent(r);
  }

  #primary(): Evaluate {
    const token = this.#peek();
    if (this.#accept("(") !== null) {
      const inner = this.#sum();
      this.#expect(")");
      return inner;
    }
    this.#at += 1;
    if (token.kind === "number") {
      const value = Number(token.text);
      return () => value;
    }
    if (token.kind !== "name") throw new ExpressionError(`unexpected "${token.text}"`);
    return token.text === "retried" ? (r) => r : this.#call(token.text);
  }

  #call(name: string): Evaluate {
    const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (known === undefined) throw new ExpressionError(`unknown name "${name}"`);
    this.#expect("(");
    const args = [this.#sum()];
    while (this.#accept(",") !== null) args.push(this.#sum());
    this.#expect(")");
    const [least, most] = known.arity;
    if (args.length < least || args.length > most) {
      throw new ExpressionError(`${name} does not take ${args.length} arguments`);
    }
    return (r) => known.run(...args.map((arg) => arg(r)));
  }
}

/**
 * Compiles an expression that gives milliseconds.
 * @throws ExpressionError when it cannot be read; values that are not finite come out as they are.
 */
export function compileRetryDelay(text: string): Evaluate {
  return new Parser(tokenize(text)).parse();
}
