import { typeMatches } from "./resources/events.js";
import type { Delivery, StoredEndpoint, StoredEvent } from "./rows.js";
import type { Ground, World } from "./world.js";

/** Where deliveries find what they carry, and to whom. */
export interface Post {
  ground: Ground;
  eventNamed(id: string): { world: World; event: StoredEvent } | undefined;
  /** The platform's own world of a mode: it holds the endpoints. */
  platform(livemode: boolean): World;
}

/** Stands for the endpoint of an event that was lost while no endpoint wanted it. */
const NO_ENDPOINT = "";

/** The deliveries as stored, with an index of those that are not confirmed, so that nothing looks at them all. */
export function createLedger(post: Post) {
  const { store, clock, ids } = post.ground;
  const rows = store.orderedTable<Delivery>("deliveries");
  const openByEvent = new Map<string, Set<string>>();
  const due = createQueue();

  const close = (delivery: Delivery) => {
    const ids = openByEvent.get(delivery.event);
    ids?.delete(delivery.id);
    if (ids?.size === 0) openByEvent.delete(delivery.event);
  };
  const index = (delivery: Delivery) => {
    if (delivery.state === "pending") due.add(delivery.nextAt, delivery.id);
    if (delivery.state === "succeeded") {
      close(delivery);
      return;
    }
    const ids = openByEvent.get(delivery.event) ?? new Set();
    openByEvent.set(delivery.event, ids.add(delivery.id));
  };
  const put = (delivery: Delivery) => {
    rows.put(delivery.id, delivery);
    index(delivery);
  };
  /** What arrived is no longer missing: older deliveries of the same event that were lost are made good. */
  const makeGood = ({ event, endpoint }: Delivery) => {
    for (const id of [...(openByEvent.get(event) ?? [])]) {
      const lost = rows.get(id);
      if (lost === undefined || lost.state === "pending") continue;
      if (lost.endpoint === endpoint || lost.endpoint === NO_ENDPOINT) {
        put({ ...lost, state: "succeeded" });
      }
    }
  };
  const add = (event: StoredEvent, endpoint: string, state: Delivery["state"]) => {
    const now = clock.now();
    const row = { event: event.id, endpoint, attempts: 0, lastResult: null };
    put({ id: ids("wd_"), ...row, state, firstAt: now, nextAt: now });
  };
  const wanting = (world: World, event: StoredEvent): StoredEndpoint[] =>
    post
      .platform(world.livemode)
      .tables.endpoints.all()
      .filter((endpoint) => wants(endpoint, world, event.type));

  for (const delivery of rows.all()) index(delivery);

  return {
    get: rows.get,
    all: rows.all,
    keep(delivery: Delivery): void {
      put(delivery);
      if (delivery.state === "succeeded") makeGood(delivery);
    },
    open(world: World, event: StoredEvent, state: Delivery["state"]): void {
      for (const endpoint of wanting(world, event)) add(event, endpoint.id, state);
    },
    lose(world: World, event: StoredEvent): void {
      const endpoints = wanting(world, event);
      if (endpoints.length === 0) add(event, NO_ENDPOINT, "dropped");
      for (const endpoint of endpoints) add(event, endpoint.id, "dropped");
    },
    openOf: (eventId: string) => openByEvent.get(eventId)?.size ?? 0,
    /** The longest waiting delivery that is due, once. */
    takeDue(now: number): Delivery | undefined {
      for (let next = due.first(); next !== undefined && next.at <= now; next = due.first()) {
        due.take();
        const delivery = rows.get(next.id);
        if (delivery?.state === "pending") return delivery;
      }
      return undefined;
    },
    nextAt: () => due.first()?.at,
    clear(): void {
      openByEvent.clear();
      due.clear();
    },
  };
}

/** An endpoint for connected accounts gets theirs, any other the platform's own; the emulator's own option gets both. */
function wants(endpoint: StoredEndpoint, world: World, type: string): boolean {
  if (endpoint.status !== "enabled") return false;
  const { connect = "both" } = endpoint;
  if (connect !== "both" && connect !== (world.account !== null)) return false;
  return endpoint.enabled_events.some(
    (pattern) => typeMatches(pattern, type) || typeMatches(pattern, `v1.${type}`),
  );
}

interface Waiting {
  at: number;
  seq: number;
  id: string;
}

/** What is due first comes first; what is due at one moment comes in order of arrival. A binary heap. */
function createQueue() {
  const heap: Waiting[] = [];
  let seq = 0;
  const before = (a: Waiting | undefined, b: Waiting | undefined): boolean =>
    a !== undefined && b !== undefined && (a.at - b.at || a.seq - b.seq) < 0;
  const swap = (i: number, j: number) => {
    const [a, b] = [heap[i], heap[j]];
    if (a !== undefined && b !== undefined) [heap[i], heap[j]] = [b, a];
  };
  return {
    first: (): Waiting | undefined => heap[0],
    add(at: number, id: string): void {
      seq += 1;
      let i = heap.push({ at, seq, id }) - 1;
      while (i > 0 && before(heap[i], heap[(i - 1) >> 1])) {
        swap(i, (i - 1) >> 1);
        i = (i - 1) >> 1;
      }
    },
    take(): void {
      swap(0, heap.length - 1);
      heap.pop();
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2];
        const least = before(heap[right], heap[left]) ? right : left;
        if (!before(heap[least], heap[i])) return;
        swap(i, least);
        i = least;
      }
    },
    clear(): void {
      heap.length = 0;
    },
  };
}
