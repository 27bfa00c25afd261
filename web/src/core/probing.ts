/** What our upload carries, seen by two neighbours before anybody depends on it; the twin of peer/core/probing.py. */

import { encode, type Probe, type Probed } from "../wire.ts";
import { type Send, send } from "./actions.ts";
import type { Neighbours } from "./candidates.ts";

/** Messages in each train to one neighbour: the first is what a new link takes at once. */
export const TRAINS: readonly number[] = [4, 8, 16, 32];
/** Bytes of each: one packet, as most of a block's are. */
export const SIZE = 1100;
/** Neighbours that are asked at a time, so that one alone cannot make us believe anything. */
export const ASKED = 2;
/** Seconds for which the first that could be asked waits for a second one. */
export const COMPANY = 0.3;
/** Seconds in which a train has to be answered for. */
export const PATIENCE = 2;
/** Seconds that a train has to take everywhere before its rate is more than a matter of jitter. */
export const SURE = 0.04;
/** Seconds after which nobody has to see it again: longer than round trips are. */
export const LONG = 0.3;
/** Times the rate of the train before that is no growth any more. */
export const ALIKE = 1.5;
export const SHORTEST = 0.001;
/** Seconds after which it is tried again where somebody did not answer, or the braid was left; and how often. */
export const AGAIN = 15;
export const TRIES = 3;
/** One message in as many need not have come: one that was lost comes a round trip later. */
export const SPARED = 8;
/** Times the median of the gaps beyond which a round trip was waited for there. */
export const PARTED = 4;

/** How many messages of a train have to come before it is answered for. */
function due(count: number): number {
  return count - Math.floor(count / SPARED);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

/** What one machine's upload carries: all its braids know it, and one of them finds out. */
export class UploadRate {
  /** Bytes a second; null while that is not known, and where it is so much that nobody could tell. */
  rate: number | null = null;

  tries = 0;
  againAt = 0;

  /** `settled`: nothing more is done to find out. */
  constructor(public settled = false) {}
}

/** One braid's part in it: it asks for its peer once, and answers for trains that come from others. */
export class Probing {
  readonly #braid: string;
  readonly #neighbours: Neighbours;
  readonly #known: UploadRate;
  #companySince: number | null = null;
  /** Whom the train under way went to, and the rate by which it came there. */
  #asked = new Map<string, number | null>();
  #train = -1;
  /** The number of the first train of this try. */
  #first = -TRAINS.length;
  #sentAt = 0;
  #sentTo = 0;
  /** The best sure rate of this try, and that of the train before, sure or not. */
  #best = 0;
  #before = 0;
  /** What has come of trains: when the last message did, and how long after the one before each. */
  readonly #came = new Map<string, { number: number; last: number; gaps: number[] }>();

  /** Without `known` it only answers. */
  constructor(braid: string, neighbours: Neighbours, known = new UploadRate(true)) {
    this.#braid = braid;
    this.#neighbours = neighbours;
    this.#known = known;
  }

  /** Bytes a second that our upload carries, as far as that is known. */
  get rate(): number | null {
    return this.#known.rate;
  }

  /** Begins, when there is somebody to ask; gives up those who do not answer. */
  tick(now: number): Send[] {
    if (this.#train >= 0) {
      if (now - this.#sentAt < PATIENCE) return [];
      for (const [peer, rate] of this.#asked) if (rate === null) this.#asked.delete(peer);
      return this.#next(now);
    }
    const known = this.#known;
    if (known.settled || now < known.againAt) return [];
    const able = [...this.#neighbours.values()].filter(
      ({ takesPart, role, quiet }) => takesPart && role !== "publisher" && !quiet,
    );
    if (able.length > 0) this.#companySince ??= now;
    const waited = now - (this.#companySince ?? now) >= COMPANY;
    if (able.length < (waited ? 1 : ASKED)) return [];
    known.tries += 1;
    known.againAt = now + AGAIN;
    this.#first += TRAINS.length;
    this.#best = this.#before = 0;
    this.#asked = new Map(able.slice(0, ASKED).map(({ peer }) => [peer, null]));
    return this.#send(0, now);
  }

  /** A neighbour answers for a train of ours. */
  probed(peer: string, { train, spread }: Probed, now: number): Send[] {
    if (train !== this.#first + this.#train || this.#asked.get(peer) !== null) return [];
    this.#asked.set(peer, this.#bytes() / Math.max(SHORTEST, spread / 1e6));
    return [...this.#asked.values()].includes(null) ? [] : this.#next(now);
  }

  /** A message of somebody's train is here: when enough are, says in what time they came. */
  came(peer: string, { train: number, count }: Probe, now: number): Send[] {
    let train = this.#came.get(peer);
    if (train === undefined || train.number < number) {
      train = { number, last: now, gaps: [] };
      this.#came.set(peer, train);
    }
    if (train.number !== number) return []; // it was lost, and comes amid the next one
    train.gaps.push(now - train.last);
    train.last = now;
    if (train.gaps.length < due(count)) return [];
    const gaps = train.gaps.splice(1).sort((a, b) => a - b);
    const median = gaps[gaps.length >> 1] ?? 0;
    // As if no gap were much longer than most.
    const took = sum(gaps.map((gap) => (gap <= PARTED * median ? gap : median)));
    const spread = Math.min(0xffffffff, Math.round(took * 1e6));
    return [send(peer, encode({ type: "probed", braid: this.#braid, train: number, spread }))];
  }

  /** The link to a neighbour is gone, and what was under way on it. */
  closed(peer: string): void {
    this.#came.delete(peer);
    this.#asked.delete(peer);
  }

  /** What has come of the train under way after its first message, when it is answered for. */
  #bytes(): number {
    return (due(TRAINS[this.#train] ?? 0) - 1) * SIZE;
  }

  /** All have answered, or have had their time: another train, if that would tell more. */
  #next(now: number): Send[] {
    const known = this.#known;
    const rates = [...this.#asked.values()].filter((rate) => rate !== null);
    // What went to those who did not answer took its part of the upload, too.
    const whole = rates.length === this.#sentTo;
    if (whole) {
      const before = this.#before;
      const rate = sum(rates);
      const took = this.#bytes() / Math.max(...rates);
      this.#before = rate;
      if (took >= SURE) {
        this.#best = Math.max(this.#best, rate);
        if (took >= LONG || rate < ALIKE * before) {
          known.rate = this.#best;
          known.settled = true;
        }
      }
    }
    if (rates.length > 0 && !known.settled && this.#train + 1 < TRAINS.length)
      return this.#send(this.#train + 1, now);
    known.settled ||= whole || known.tries >= TRIES;
    this.#train = -1;
    this.#asked.clear();
    return [];
  }

  #send(train: number, now: number): Send[] {
    this.#train = train;
    this.#sentAt = now;
    this.#sentTo = this.#asked.size;
    for (const peer of this.#asked.keys()) this.#asked.set(peer, null);
    const count = TRAINS[train] ?? 0;
    const number = this.#first + train;
    const data = encode({ type: "probe", braid: this.#braid, train: number, count, size: SIZE });
    const peers = [...this.#asked.keys()];
    return Array.from({ length: count * peers.length }, (_, n) =>
      send(peers[n % peers.length] as string, data, "blocks"),
    );
  }
}
