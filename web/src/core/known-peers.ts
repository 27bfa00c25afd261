/** The bounded tables of a link set: the peers that it knows, and the connection ids that it has seen. */

import type { Introduction, LinkState } from "./link-actions.ts";
import { usedWhenOpened } from "./link-liveness.ts";

const KNOWN_PEERS = 512;
const SEEN_CONNECTIONS = 1024;
const RETRY_DELAY = 0.5;

/** Seconds to wait after so many failed attempts: doubled each time, times 0.5 to 1.5. */
export function retryDelay(attempts: number, chance: number): number {
  return RETRY_DELAY * 2 ** (attempts - 1) * (0.5 + chance);
}

/** What a link set knows of one other peer. Times are seconds on the shell's monotonic clock. */
export class KnownPeer {
  readonly id: string;
  readonly purposes = new Set<string>();
  introduction: Introduction | null = null;
  state: LinkState = "absent";
  connection = "";
  outgoing = false;
  answered = false;
  expelled = false;
  attempts = 0;
  /** waiting: connect; offered, accepted: give up; unreachable: try again */
  due = 0;
  openedAt = 0;
  heardAt = 0;
  usedAt = 0;
  pingAt = 0;
  quiet = false;

  constructor(id: string) {
    this.id = id;
  }

  /** A connection is being made: by our offer, or by theirs that was accepted. */
  attempt(state: "offered" | "accepted", connection: string, due: number): void {
    this.state = state;
    this.connection = connection;
    this.outgoing = state === "offered";
    this.answered = false;
    this.due = due;
  }

  opened(now: number): void {
    this.state = "open";
    this.openedAt = now;
    this.heardAt = now;
    this.usedAt = usedWhenOpened(this, now);
    this.quiet = false;
  }

  get holdsPlace(): boolean {
    return this.state === "offered" || this.state === "accepted" || this.state === "open";
  }

  /** Whether a braid wants this link; such a one goes before one that only a neighbourhood wants. */
  get feeds(): boolean {
    for (const purpose of this.purposes) if (purpose.startsWith("braid:")) return true;
    return false;
  }
}

/** At most KNOWN_PEERS others; the oldest that is neither wanted nor linked makes room for a new one. */
export class KnownPeers {
  readonly #own: string;
  readonly #peers = new Map<string, KnownPeer>();

  constructor(own: string) {
    this.#own = own;
  }

  [Symbol.iterator](): Iterator<KnownPeer> {
    return this.#peers.values();
  }

  get(peer: string): KnownPeer | undefined {
    return this.#peers.get(peer);
  }

  /** The entry of `peer`, made if need be; null for oneself and when every place is needed. */
  know(peer: string): KnownPeer | null {
    if (peer === this.#own) return null;
    const found = this.#peers.get(peer);
    if (found !== undefined) return found;
    if (this.#peers.size >= KNOWN_PEERS && !this.#forgetOne()) return null;
    const known = new KnownPeer(peer);
    this.#peers.set(peer, known);
    return known;
  }

  /** The entry of `peer` if `connection` is the one that is open or being made with it. */
  holding(peer: string, connection: string): KnownPeer | null {
    const known = this.#peers.get(peer);
    return known?.holdsPlace && known.connection === connection ? known : null;
  }

  placesTaken(): number {
    let taken = 0;
    for (const known of this.#peers.values()) if (known.holdsPlace) taken += 1;
    return taken;
  }

  #forgetOne(): boolean {
    for (const known of this.#peers.values()) {
      if (known.state === "absent" && known.purposes.size === 0) return this.#peers.delete(known.id);
    }
    return false;
  }
}

/** The latest SEEN_CONNECTIONS connection ids: each is accepted once. */
export class SeenConnections {
  readonly #seen = new Set<string>();

  has(connection: string): boolean {
    return this.#seen.has(connection);
  }

  add(connection: string): void {
    if (this.#seen.size >= SEEN_CONNECTIONS) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    this.#seen.add(connection);
  }

  /** A connection id of our own; nobody may offer it back to us. */
  new(chance: () => number): string {
    const half = (): string =>
      Math.floor(chance() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    const connection = half() + half();
    this.add(connection);
    return connection;
  }
}
