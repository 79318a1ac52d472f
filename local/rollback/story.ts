import type { colorsFor } from "../summary.js";
import { type Order, type Ran, type Row, type Stage, until } from "./stage.js";

type Colors = ReturnType<typeof colorsFor>;

/** In satang: 1,999 baht. */
export const PRICE_MINOR = 199_900;

/** The release that is right, and the one whose preset of the platform is wrong: what is paid for gives `standard`. */
const GOOD = { SIGNALBOX_POLICY: "tbat" };
const BAD = { SIGNALBOX_POLICY: "runbook" };

/** What came of the story, for the judge. */
export interface Told {
  /** Payments by a name of the story. */
  payments: Record<string, string>;
  corrections: Record<string, string>;
  /** Milliseconds since 1970. */
  noticedAt: number;
  heldAt: number;
  failedFrom: string;
  failedTo: string;
  keys: Record<"anna" | "ben", string>;
  /** Commands that ended otherwise than they should. */
  surprises: string[];
}

export class Narrator {
  readonly #startedAt = performance.now();
  constructor(
    private readonly colors: Colors,
    private readonly out: (text: string) => void,
  ) {}

  title(text: string): void {
    const clock = new Date().toLocaleTimeString("en-GB", { timeZone: "Asia/Bangkok" });
    const seconds = ((performance.now() - this.#startedAt) / 1_000).toFixed(1);
    this.out(`\n${this.colors.bold(`${clock}  ${text}`)} ${this.colors.dim(`(+${seconds} s)`)}`);
  }

  line(text: string): void {
    this.out(`  ${text}`);
  }

  command(who: string, args: readonly string[], { out, err }: Ran): void {
    const shown = args.map((arg) => (/[\s"]/.test(arg) ? JSON.stringify(arg) : arg)).join(" ");
    this.out(this.colors.cyan(`  ${who} $ signalbox ${shown}`));
    const text = [out, err].map((part) => part.trimEnd()).filter(Boolean);
    for (const row of text.join("\n").split("\n")) this.out(this.colors.dim(`    ${row}`));
  }
}

/** Plays the whole procedure. What is right in the end is the judge's to say; nothing here decides it. */
export async function play(stage: Stage, narrator: Narrator): Promise<Told> {
  const told: Told = {
    payments: {},
    corrections: {},
    noticedAt: 0,
    heldAt: 0,
    failedFrom: "",
    failedTo: "",
    keys: { anna: "", ben: "" },
    surprises: [],
  };
  const scene = new Scene(stage, narrator, told);
  await before(scene);
  await badRelease(scene);
  await hold(scene);
  await compare(scene);
  await approveAndApply(scene);
  await release(scene);
  return told;
}

class Scene {
  constructor(
    readonly stage: Stage,
    readonly narrator: Narrator,
    readonly told: Told,
  ) {}

  /** A command by a person; `code` is how it should end. */
  async run(who: "anna" | "ben" | "admin", args: readonly string[], code = 0): Promise<Ran> {
    const ran = await this.stage.signalbox(args, who === "admin" ? null : this.told.keys[who]);
    this.narrator.command(who, args, ran);
    if (ran.code !== code) {
      this.told.surprises.push(`signalbox ${args.join(" ")} ended with ${ran.code}, not ${code}`);
    }
    return ran;
  }

  /** A customer pays; the gateway delivers its webhooks by itself. */
  async pay(name: string, { user, order, locale, method, name: called }: Order): Promise<void> {
    const id = await this.stage.shop.pay({
      amountMinor: PRICE_MINOR,
      currency: "thb",
      email: `${user}@example.com`,
      description: `ADVANCED for ${called}`,
      metadata: { userId: user, orderId: order, locale },
      method,
    });
    this.told.payments[name] = id;
    this.narrator.line(
      `${called} ${method === null ? "begins to pay" : "pays"} THB 1,999.00 (${id})`,
    );
  }

  /** Until the payment is here, and all that follows from it is done. */
  async arrives(name: string): Promise<void> {
    const state = name === "anan" ? "pending" : "succeeded";
    const id = this.told.payments[name];
    await until(`the payment of ${name}`, async () =>
      (await this.stage.rows("payments")).some(
        (row) => row.externalId === id && row.state === state,
      ),
    );
    await this.stage.rest();
  }

  async gives(name: string): Promise<void> {
    const payment = (await this.stage.rows("payments")).find(
      ({ externalId }) => externalId === this.told.payments[name],
    );
    const given = (await this.stage.rows("entitlements")).find(
      ({ paymentId }) => paymentId === payment?.id,
    );
    const end = given?.endsAt === null ? "for ever" : `until ${String(given?.endsAt).slice(0, 10)}`;
    const what = given === undefined ? "nothing" : `${given.packageRef}, ${given.status}, ${end}`;
    this.narrator.line(`→ it gives ${payment?.userRef}: ${what}`);
  }
}

async function before(scene: Scene): Promise<void> {
  const { narrator, stage, told } = scene;
  narrator.title("Release v41 is out, and right. Anna and Ben have keys of their own");
  await stage.deploy(GOOD);
  for (const [name, role] of [
    ["anna", "operator"],
    ["ben", "approver"],
  ] as const) {
    told.keys[name] = String((await stage.admin("keys", { name, role })).key);
    narrator.line(`${name}: ${role}`);
  }
  await scene.pay("nok", { user: "nok", name: "Nok", order: "o-1", locale: "th", method: "card" });
  await scene.arrives("nok");
  await scene.gives("nok");
}

async function badRelease(scene: Scene): Promise<void> {
  const { narrator, stage, told } = scene;
  narrator.title("Release v42: its handler works with another platform's preset");
  await stage.deploy(BAD);
  told.failedFrom = new Date().toISOString();
  const people: [string, Order][] = [
    ["ploy", { user: "ploy", name: "Ploy", order: "o-2", locale: "th", method: "card" }],
    ["somchai", { user: "somchai", name: "Somchai", order: "o-3", locale: "en", method: "card" }],
    ["malee", { user: "malee", name: "Malee", order: "o-4", locale: "th", method: "card" }],
  ];
  for (const [name, order] of people) {
    await scene.pay(name, order);
    await scene.arrives(name);
    await scene.gives(name);
  }
  narrator.line("Malee does not see ADVANCED, and pays the same order again");
  const again: Order = { user: "malee", name: "Malee", order: "o-4", locale: "th", method: "card" };
  await scene.pay("malee, again", again);
  await scene.arrives("malee, again");
  await scene.pay("anan", { user: "anan", name: "Anan", order: "o-5", locale: "th", method: null });
  await scene.arrives("anan");
}

async function hold(scene: Scene): Promise<void> {
  const { narrator, stage, told } = scene;
  told.noticedAt = Date.now();
  narrator.title("Ploy calls: she has paid, and has no ADVANCED. Anna holds Stripe");
  await scene.run("anna", [
    "sources",
    "hold",
    "stripe",
    "--reason",
    "v42 gives standard, not ADVANCED",
    "--tell",
  ]);
  told.heldAt = Date.now();
  told.failedTo = new Date(told.heldAt + 1).toISOString();
  narrator.line(
    `held ${((told.heldAt - told.noticedAt) / 1_000).toFixed(1)} s after it was noticed`,
  );
  await scene.pay("kanya", {
    user: "kanya",
    name: "Kanya",
    order: "o-6",
    locale: "th",
    method: "card",
  });
  await scene.pay("suda", {
    user: "suda",
    name: "Suda",
    order: "o-7",
    locale: "th",
    method: "card",
  });
  await until(
    "what they paid to be held",
    async () => (await heldOf(scene, ["kanya", "suda"])).length === 2,
  );
  await stage.rest();
  await scene.run("anna", ["sources", "list"]);
}

/** The held event of each that says that it was paid. */
async function heldOf({ stage, told }: Scene, names: readonly string[]): Promise<Row[]> {
  const held = (await stage.rows("events")).filter(
    ({ status, type }) => status === "held" && /^payment.*succeeded$/.test(String(type)),
  );
  const bodies = await Promise.all(
    held.map(async (row) => ({ row, body: await bodyOf(stage, row) })),
  );
  return names.flatMap((name) => {
    const own = bodies.find(({ body }) => body.includes(told.payments[name] ?? "?"));
    return own === undefined ? [] : [own.row];
  });
}

async function bodyOf(stage: Stage, { id }: Row): Promise<string> {
  return (await stage.signalbox(["events", "body", String(id)], null)).out;
}

async function compare(scene: Scene): Promise<void> {
  const { narrator, stage, told } = scene;
  narrator.title("Release v43 is out: the preset is right again. What has v42 touched?");
  await stage.deploy(GOOD);
  const span = ["--from", told.failedFrom, "--to", told.failedTo];
  await scene.run("anna", ["payments", "affected", ...span]);
  narrator.title(
    "Corrections are planned; Anan's intent was made for a wrong price, and must not be paid",
  );
  const reason = ["--reason", "v42 gave standard, not ADVANCED"];
  await scene.run("admin", ["corrections", "plan", ...span, ...reason], 1);
  await scene.run("anna", ["corrections", "plan", ...span, ...reason]);
  const anan = told.payments.anan ?? "";
  const cancel = ["--payment", anan, "--kind", "cancel", "--reason", "made for a wrong price"];
  await scene.run("anna", ["corrections", "plan", ...cancel]);
  for (const row of await stage.rows("corrections")) {
    const [name = "?"] =
      Object.entries(told.payments).find(([, id]) => id === row.externalId) ?? [];
    told.corrections[name] = String(row.id);
  }
}

async function approveAndApply(scene: Scene): Promise<void> {
  const { narrator, stage, told } = scene;
  const refund = told.corrections["malee, again"] ?? "";
  narrator.title("A refund needs a second person");
  await scene.run("anna", ["corrections", "approve", refund], 1);
  await scene.run("anna", ["corrections", "apply", refund, "--reason", "in a hurry"], 1);
  await scene.run("ben", [
    "corrections",
    "approve",
    refund,
    "--reason",
    "seen at Stripe: paid twice",
  ]);
  narrator.title("Each is applied, under the hold, and told to whom it concerns");
  const ids = Object.values(told.corrections);
  await scene.run("anna", ["corrections", "apply", ...ids, "--reason", "v43 is out", "--tell"]);
  narrator.line("Anna's line breaks off, and she runs it again: nothing happens twice");
  await scene.run("anna", ["corrections", "apply", ...ids, "--reason", "v43 is out", "--tell"]);
  await stage.rest();
  for (const name of ["ploy", "somchai", "malee", "malee, again"]) await scene.gives(name);
}

async function release(scene: Scene): Promise<void> {
  const { narrator, stage, told } = scene;
  narrator.title("One held event first: Kanya's payment. All others stay held");
  const [kanya] = await heldOf(scene, ["kanya"]);
  const only = ["--only", String(kanya?.id), "--reason", "a first one"];
  await scene.run("anna", ["sources", "release", "stripe", ...only]);
  await stage.rest();
  await scene.gives("kanya");
  narrator.title("It is right: released and drained, and customers are told");
  const reason = ["--reason", "v43 is out, the first one was right", "--tell"];
  await scene.run("anna", ["sources", "release", "stripe", ...reason]);
  await scene.arrives("suda");
  await scene.gives("suda");
  const all = ["--from", told.failedFrom];
  narrator.title("The whole time once more, and the ledger beside Stripe");
  await scene.run("anna", ["payments", "affected", ...all]);
  await scene.run("anna", ["reconcile", "--from", told.failedFrom]);
  await scene.run("anna", ["audit", "list", "--actor", "operator:ben"]);
}
