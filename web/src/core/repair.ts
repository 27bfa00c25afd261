/** Blocks that did not come: asked from those who should have them, and last of all from the origin. */

import { Bucket } from "./bucket.ts";
import type { Window } from "./window.ts";

export const ASK_AFTER_PARTS = 1.5;
/**
 * A stripe that always comes later than the others is given twice its usual lag and half a part, up to four parts: what
 * is merely late comes by itself, and asking for it makes everything later.
 */
export const LAG_TIMES = 2.0;
export const LAG_MORE = 0.5;
export const PATIENT_PARTS = 4.0;
/** Parts over which those that lack the same block spread their first requests. */
export const ASK_SPREAD_PARTS = 0.5;
/**
 * Parts without anything new after which the part that is due is asked for, how often, and of how many at a time: the source
 * pauses, or all parents have died together, which only others can tell.
 */
export const STALLED_PARTS = 2.0;
export const STALLED_TRIES = 3;
export const STALLED_ASKED = 2;
/**
 * Seconds until a part is asked for again. A request is remembered for a second by who cannot answer it yet: with more
 * of them at a time the block would come again and again once it is there.
 */
export const ASK_AGAIN = [0.15, 0.35, 1.0] as const;
/** Blocks that are asked for, in all, as parts of one block a stripe: half a stream of 100 ms parts. */
export const ASKED_PARTS_BURST = 16.0;
export const ASKED_PARTS_PER_SECOND = 5.0;
export const PARTS_AT_ONCE = 6;
/** Seconds before its play deadline at which a part is fetched from the origin. */
export const FETCH_MARGIN = 0.3;
export const FETCHES_AT_ONCE = 2;
export const FETCHES_PER_SECOND = 4.0;
export const FETCH_BURST = 4.0;

const BLOCKS_AT_ONCE = 64;

/** Ask `peer` for these blocks of part `number`; no indices mean all. */
export interface Ask {
  readonly peer: string;
  readonly number: number;
  readonly indices: readonly number[];
}

interface Missing {
  askAt: number;
  tries: number;
}

const unasked = (): Missing => ({ askAt: Number.NEGATIVE_INFINITY, tries: 0 });

/** When to ask for what. Who can answer is the caller's knowledge. */
export class Repair {
  readonly #missing = new Map<number, Missing>();
  /** 0 to 1, this peer's own: it keeps a lost subtree from asking in one moment. */
  readonly #spread: number;
  readonly #fetching = new Set<number>();
  #tokens = FETCH_BURST;
  #tokensAt = 0;

  /** The newest part when nothing came after it, and how often what is due was asked for since. */
  #stalledAt = -1;
  #stalled: Missing = unasked();

  readonly #stripes: number;
  readonly #asks: Bucket;

  constructor(spread: number, stripes: number, now: number) {
    this.#spread = spread;
    this.#stripes = stripes;
    this.#asks = new Bucket([ASKED_PARTS_BURST * stripes, ASKED_PARTS_PER_SECOND * stripes], now);
  }

  /** Another epoch. */
  begin(): void {
    this.#missing.clear();
    this.#fetching.clear();
    this.#stalledAt = -1;
  }

  /** The origin has answered for that part, one way or the other. */
  fetched(number: number): void {
    this.#fetching.delete(number);
  }

  /**
   * Requests to send now.
   *
   * `lags` are how late, in parts, each stripe's blocks are as a rule, `pushed` up to which part the stripe's parent has
   * come: what is behind that is on its way, and asking for it would only make it later for all. `choose(stripe, tries)`
   * names a peer for a stripe's blocks.
   */
  due(
    parts: Window,
    start: number,
    partDuration: number,
    lags: readonly number[],
    pushed: readonly number[],
    choose: (stripe: number, tries: number) => string | null,
    now: number,
  ): Ask[] {
    const asks: Ask[] = [];
    const spread = this.#spread * ASK_SPREAD_PARTS;
    const overdue = lags.map((lag) => {
      const patient = Math.min(PATIENT_PARTS, LAG_TIMES * lag + LAG_MORE);
      return (Math.max(ASK_AFTER_PARTS, patient) + spread) * partDuration;
    });
    const soonest = Math.min(...overdue);
    for (const number of this.#candidates(parts, start)) {
      const part = parts.get(number);
      const seen = (part ?? parts.firstAfter(number))?.firstSeen ?? null;
      if (seen === null || now - seen < soonest) continue;
      let missing = this.#missing.get(number);
      if (missing === undefined) {
        missing = unasked();
        this.#missing.set(number, missing);
      }
      if (now < missing.askAt) continue;
      const lacking = (part?.missing() ?? [])
        .filter((index) => {
          const stripe = index % this.#stripes;
          return now - seen >= (overdue[stripe] as number) && number < (pushed[stripe] as number);
        })
        .slice(0, BLOCKS_AT_ONCE);
      if (part !== null && lacking.length === 0) continue;
      missing.askAt = now + (ASK_AGAIN[missing.tries] ?? 1.0);
      if (!this.#asks.take(now, lacking.length || this.#stripes)) {
        missing.tries += 1;
        continue;
      }
      const byPeer = new Map<string, number[]>();
      if (part === null) {
        const peer = choose(0, missing.tries);
        if (peer !== null) byPeer.set(peer, []);
      } else {
        for (const index of lacking) {
          const peer = choose(index % this.#stripes, missing.tries);
          if (peer === null) continue;
          const indices = byPeer.get(peer);
          if (indices === undefined) byPeer.set(peer, [index]);
          else indices.push(index);
        }
      }
      missing.tries += 1;
      for (const [peer, indices] of byPeer) asks.push({ peer, number, indices });
    }
    return asks;
  }

  /** Requests for the part that is due, of which nothing is known, when nothing new has come for a while. */
  stalled(
    parts: Window,
    partDuration: number,
    choose: (stripe: number, tries: number) => string | null,
    now: number,
  ): Ask[] {
    const { newest } = parts;
    const still = (now - parts.newestSeen) / partDuration;
    if (newest < 0 || still < STALLED_PARTS + this.#spread * ASK_SPREAD_PARTS) return [];
    if (this.#stalledAt !== newest) {
      this.#stalledAt = newest;
      this.#stalled = unasked();
    }
    const missing = this.#stalled;
    if (missing.tries >= STALLED_TRIES || now < missing.askAt) return [];
    missing.askAt = now + (ASK_AGAIN[missing.tries] as number);
    const first = missing.tries * STALLED_ASKED;
    missing.tries += 1;
    if (!this.#asks.take(now, STALLED_ASKED * this.#stripes)) return [];
    const asked = new Set<string | null>();
    for (let n = first; n < first + STALLED_ASKED; n++) asked.add(choose(n % this.#stripes, n));
    const number = newest + 1 + Math.floor(still);
    return [...asked].filter((peer) => peer !== null).map((peer) => ({ peer, number, indices: [] }));
  }

  /** Parts to fetch from the origin now: those that must be played soon and were asked for in vain. */
  fetches(parts: Window, start: number, deadline: number, now: number): number[] {
    this.#tokens = Math.min(FETCH_BURST, this.#tokens + (now - this.#tokensAt) * FETCHES_PER_SECOND);
    this.#tokensAt = now;
    const out: number[] = [];
    if (now < deadline - FETCH_MARGIN + (this.#spread * FETCH_MARGIN) / 2) return out;
    for (const number of this.#candidates(parts, start)) {
      const missing = this.#missing.get(number);
      if (missing === undefined || missing.tries === 0 || this.#fetching.has(number)) continue;
      if (this.#fetching.size >= FETCHES_AT_ONCE || this.#tokens < 1) break;
      this.#tokens -= 1;
      this.#fetching.add(number);
      out.push(number);
    }
    return out;
  }

  *#candidates(parts: Window, start: number): Generator<number> {
    for (const number of this.#missing.keys()) {
      if (number < start || number < parts.oldest) this.#missing.delete(number);
    }
    let found = 0;
    for (let number = Math.max(start, parts.oldest); number <= parts.newest; number++) {
      if (parts.get(number)?.complete) {
        this.#missing.delete(number);
        continue;
      }
      found += 1;
      yield number;
      if (found >= PARTS_AT_ONCE) return;
    }
  }
}
