/**
 * Which links a peer wants of its own while the introducer is away, so that the mesh stays in one piece.
 *
 * As long as there are enough links, whoever wanted them, nothing is done; lost ones are replaced by peers of the
 * passive view. A hungry peer, one that a stripe has no parent for, opens more, one after another.
 */

import type { PeerRecord } from "../peer-record.ts";
import { forgetOldest } from "./forget-oldest.ts";
import type { PartialView } from "./partial-view.ts";

/** Links that a peer has at least: at a mean stay of 60 s, six are not lost while one is replaced. */
const AWAY_LINKS = 6;
/** More than so many above that are let go of, when nobody else wants them. */
const SURPLUS = 4;
/** Seconds that the introducer may be away before anything is done: it may only have been restarted. */
const AWAY_PATIENCE = 1;
/** Seconds for which links are kept when it is back: its plans take over one by one, not all at once. */
const LINGER = 30;
const LINGER_SPREAD = 30;
const ATTEMPT = 6;
export const AVOID_FOR = 30;
const AVOIDED = 128;
const HUNGRY_EVERY = 1;
const HUNGRY_AT_ONCE = 4;
/** Links past which more of them are no remedy: where uploads are scarce everybody is hungry for ever. */
const HUNGRY_LINKS = 16;
/** Places that are left to those who come to us. */
const RESERVE = 2;

export class Mending {
  /** The peers whose links it wants, and since when. */
  readonly wanted = new Map<string, number>();
  readonly open = new Set<string>();
  hungry = false;
  /** When to begin to mend; null while the introducer is there. */
  #actAt: number | null = null;
  #releaseAt: number | null = null;
  #hungryAt = 0;
  readonly #avoided = new Map<string, number>();

  constructor(
    private readonly view: PartialView,
    public limit: number,
    private readonly chance: () => number,
  ) {}

  get away(): boolean {
    return this.#actAt !== null;
  }

  signalingUp(up: boolean, now: number): void {
    if (up === !this.away) return;
    this.#actAt = up ? null : now + AWAY_PATIENCE;
    this.#releaseAt = up ? now + LINGER + LINGER_SPREAD * this.chance() : null;
  }

  /** Nothing can come of `peer` until then. */
  drop(peer: string, until: number): void {
    this.wanted.delete(peer);
    this.#avoided.delete(peer);
    if (this.#avoided.size >= AVOIDED) forgetOldest(this.#avoided);
    this.#avoided.set(peer, until);
  }

  /** Brings `wanted` up to date; returns the records of those who are wanted from now on. */
  balance(braids: readonly string[], now: number): { peer: string; record: PeerRecord }[] {
    if (this.#actAt === null || now < this.#actAt) {
      if (this.#releaseAt !== null && now >= this.#releaseAt) {
        this.wanted.clear();
        this.#releaseAt = null;
      }
      return [];
    }
    this.#letGo(now);
    for (const peer of this.open) {
      if (this.#kept().length >= AWAY_LINKS) break;
      if (!this.wanted.has(peer)) this.wanted.set(peer, now);
    }
    return this.#begin(braids, now);
  }

  #kept(): string[] {
    return [...this.wanted.keys()].filter((peer) => this.open.has(peer));
  }

  #letGo(now: number): void {
    for (const [peer, since] of [...this.wanted]) {
      if (!this.open.has(peer) && now >= since + ATTEMPT) this.drop(peer, now + AVOID_FOR);
    }
    const kept = this.#kept();
    if (!this.hungry && kept.length > AWAY_LINKS + SURPLUS) {
      for (const peer of kept.slice(AWAY_LINKS)) this.wanted.delete(peer);
    }
    for (const [peer, until] of [...this.#avoided]) if (now >= until) this.#avoided.delete(peer);
  }

  #begin(braids: readonly string[], now: number): { peer: string; record: PeerRecord }[] {
    const trying = this.wanted.size - this.#kept().length;
    let missing = AWAY_LINKS - this.open.size - trying;
    const room = trying < HUNGRY_AT_ONCE && trying + this.open.size < HUNGRY_LINKS;
    if (this.hungry && now >= this.#hungryAt && room) {
      this.#hungryAt = now + HUNGRY_EVERY;
      missing = Math.max(missing, 1);
    }
    missing = Math.min(missing, this.limit - RESERVE - this.open.size - trying);
    const begun: { peer: string; record: PeerRecord }[] = [];
    const without = (peer: string): boolean =>
      this.wanted.has(peer) || this.open.has(peer) || this.#avoided.has(peer);
    while (begun.length < missing) {
      const chosen = this.view.choose(braids, without);
      if (chosen === null) break;
      this.wanted.set(chosen.peer, now);
      begun.push(chosen);
    }
    return begun;
  }
}
