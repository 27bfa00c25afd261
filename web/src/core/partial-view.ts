/**
 * The peers of a room that this one knows: a partial view, refreshed by what neighbours tell; the twin of
 * peer/core/partial_view.py.
 *
 * Those with a link are the active view, all others the passive one, from which lost links are replaced (HyParView).
 * What is kept of a peer is a record that it signed itself; the view decides what may come in, how long it counts, and
 * through whom the peer can be reached. Times are seconds on the own clock.
 */

import type { PeerRecord } from "../peer-record.ts";
import { MAX_AGE, MAX_STEPS, type Told } from "../wire-introductions.ts";
import { forgetOldest } from "./forget-oldest.ts";

const PASSIVE = 64;
/** Passive entries that one neighbour may account for: none can fill the view by itself. */
const PER_NEIGHBOUR = 16;
/** Seconds for which a record counts after it was signed. A living peer signs a new one every 15 s. */
const LIFE = 60;
const WAYS = 3;
const REMEMBERED = 1024;
const BARRED = 256;
const BARRED_FOR = 600;

/** A known peer. Its place is charged to `teller`; `ways`: which neighbours know it, by how many hops. */
interface Acquaintance {
  readonly peer: string;
  record: PeerRecord;
  raw: Uint8Array;
  born: number;
  readonly teller: string;
  linked: boolean;
  readonly ways: Map<string, number>;
}

/** How many peers lie between; more than MAX_STEPS when no way is known. */
function hopsTo({ linked, ways }: Acquaintance): number {
  return linked ? 0 : (ways.size > 0 ? Math.min(...ways.values()) : MAX_STEPS) + 1;
}

/** `own` is never in it, nor is anybody who was barred. */
export class PartialView {
  readonly #peers = new Map<string, Acquaintance>();
  /** Of each peer the greatest sequence number that was ever taken in. */
  readonly #seen = new Map<string, number>();
  readonly #barred = new Map<string, number>();
  #moved = new Set<string>();
  readonly #mediated = new Set<string>();

  constructor(
    private readonly own: string,
    private readonly chance: () => number,
  ) {}

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }

  /** Whether a neighbour knows the peer. */
  reachable(peer: string): boolean {
    return (this.#peers.get(peer)?.ways.size ?? 0) > 0;
  }

  /** The peers to whom there is a way, or no longer one, since the last call. */
  pollWays(): [peer: string, way: boolean][] {
    const changes: [string, boolean][] = [];
    for (const peer of this.#moved) {
      const way = this.reachable(peer);
      if (way === this.#mediated.has(peer)) continue;
      if (way) this.#mediated.add(peer);
      else this.#mediated.delete(peer);
      changes.push([peer, way]);
    }
    this.#moved.clear();
    return changes;
  }

  // What neighbours tell.

  /**
   * Whether its signature is worth checking: newer than what was seen, young enough, of nobody barred.
   *
   * A record is taken in once: whoever keeps that of one who left can make nobody believe for longer that it is
   * there, whatever age is claimed for it.
   */
  isNews(peer: string, record: PeerRecord, age: number, now: number): boolean {
    if (peer === this.own || (this.#barred.get(peer) ?? 0) > now || age >= LIFE) return false;
    return record.sequence > (this.#seen.get(peer) ?? -1);
  }

  /** Takes in a verified record that `isNews` and was signed at `born`. */
  learn(
    peer: string,
    record: PeerRecord,
    raw: Uint8Array,
    born: number,
    teller: string,
    hops: number,
    linked: boolean,
  ): void {
    this.#seen.delete(peer);
    if (this.#seen.size >= REMEMBERED) forgetOldest(this.#seen);
    this.#seen.set(peer, record.sequence);
    const known = this.#peers.get(peer);
    if (known === undefined) {
      if (!linked) this.#makePlace(teller);
      this.#peers.set(peer, { peer, record, raw, born, teller, linked, ways: new Map() });
    } else {
      known.record = record;
      known.raw = raw;
      known.born = born;
    }
    this.heard(peer, teller, hops);
  }

  /** `teller` knows the peer; its own record (no hops) makes it no way to itself. */
  heard(peer: string, teller: string, hops: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined || teller === peer) return;
    this.#moved.add(peer);
    known.ways.delete(teller);
    if (hops < MAX_STEPS) known.ways.set(teller, hops);
    if (known.ways.size > WAYS) forgetOldest(known.ways);
  }

  /** There was no way to `peer` through `teller`. */
  misled(peer: string, teller: string): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    this.#moved.add(peer);
    known.ways.delete(teller);
  }

  // Links and ends.

  linkOpened(peer: string): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.linked = true;
  }

  /** Nothing can be reached through it any more, and its own entry needs a passive place now. */
  linkClosed(peer: string): void {
    for (const [other, { ways }] of this.#peers) if (ways.delete(peer)) this.#moved.add(other);
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    this.#peers.delete(peer);
    known.linked = false;
    this.#makePlace(known.teller);
    this.#peers.set(peer, known);
  }

  /** It is gone, by its own word or as far as we can tell; only a newer record brings it back. */
  forget(peer: string): void {
    if (this.#peers.delete(peer)) this.#moved.add(peer);
  }

  /** It misbehaved: nothing about it is believed for ten minutes. */
  bar(peer: string, now: number): void {
    this.forget(peer);
    this.#barred.delete(peer);
    if (this.#barred.size >= BARRED) forgetOldest(this.#barred);
    this.#barred.set(peer, now + BARRED_FOR);
  }

  /** Drops what is too old to be believed, links excepted. */
  expire(now: number): void {
    for (const [peer, known] of [...this.#peers]) {
      if (!known.linked && now - known.born >= LIFE) this.forget(peer);
    }
  }

  // What it is for.

  /** The neighbour but `without` through which `peer` is nearest, the one heard of last among equals. */
  way(peer: string, without: string | null): string | null {
    let best: string | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const [teller, hops] of this.#peers.get(peer)?.ways ?? []) {
      if (teller === without || hops > least) continue;
      best = teller;
      least = hops;
    }
    return best;
  }

  /** Up to `count` peers by chance, to be told to `to`, of whom it could be introduced to through us. */
  sample(count: number, to: string, now: number): Told[] {
    const fit = [...this.#peers.values()].filter(
      (known) => known.peer !== to && now - known.born < LIFE && (known.linked || hopsTo(known) < MAX_STEPS),
    );
    const told: Told[] = [];
    while (fit.length > 0 && told.length < count) {
      for (const known of fit.splice(Math.floor(this.chance() * fit.length), 1)) {
        const age = Math.min(MAX_AGE, Math.max(0, Math.trunc((now - known.born) * 1000)));
        told.push({ hops: hopsTo(known), age, record: known.raw });
      }
    }
    return told;
  }

  /**
   * Somebody to link to: one that carries one of `braids` if there is any, else anybody.
   *
   * First a neighbour is drawn, then one of those whom it told of: who invents many peers is drawn no more often than
   * who tells of a few.
   */
  choose(
    braids: readonly string[],
    without: (peer: string) => boolean,
  ): { peer: string; record: PeerRecord } | null {
    const fit = [...this.#peers.values()].filter(
      ({ peer, linked, ways }) => !linked && ways.size > 0 && !without(peer),
    );
    const shared = fit.filter(
      ({ record }) => record.carries && record.braids.some((braid) => braids.includes(braid)),
    );
    const byTeller = byTellers(shared.length > 0 ? shared : fit);
    const theirs = this.#drawn([...byTeller.values()]);
    return theirs === undefined ? null : (this.#drawn(theirs) ?? null);
  }

  #drawn<T>(items: readonly T[]): T | undefined {
    return items.length > 0 ? items[Math.floor(this.chance() * items.length)] : undefined;
  }

  /** The oldest of `teller` makes place if that has its share, else the oldest of who has most. */
  #makePlace(teller: string): void {
    const passive = [...this.#peers.values()].filter(({ linked }) => !linked);
    const shares = byTellers(passive);
    let charged = shares.get(teller) ?? [];
    if (charged.length < PER_NEIGHBOUR) {
      if (passive.length < PASSIVE) return;
      charged = [];
      for (const share of shares.values()) if (share.length > charged.length) charged = share;
    }
    this.forget(charged.reduce((a, b) => (b.born < a.born ? b : a)).peer);
  }
}

function byTellers(known: readonly Acquaintance[]): Map<string, Acquaintance[]> {
  const shares = new Map<string, Acquaintance[]>();
  for (const one of known) {
    const share = shares.get(one.teller);
    if (share === undefined) shares.set(one.teller, [one]);
    else share.push(one);
  }
  return shares;
}
