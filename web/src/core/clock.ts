/**
 * The publisher's clock, learned hop by hop (NTP-style, RFC 5905 section 8), never from the wall.
 *
 * Neighbours may lie about it, and about their error. So each says where the clock must be, and what most of them agree
 * on counts (Marzullo's algorithm, RFC 5905 section 11.2.1); a seal, which the publisher has signed, proves that its
 * clock was at least at the seal's capture time; and the publisher itself is believed.
 */

import { forgetOldest } from "./forget-oldest.ts";

/** Peers whose word is kept; who has been silent for longest makes room. */
const SOURCES = 32;
/** Of each. */
const SAMPLES = 4;
/** Seconds of error that a second of age adds: two ordinary crystals. */
const DRIFT = 100e-6;
/** Seconds that parts may be old when they come: a clock that is further ahead of them is a lie. */
const MOST_BEHIND = 60;

interface Sample {
  readonly offset: number;
  readonly error: number;
  readonly at: number;
}

interface Range {
  readonly lo: number;
  readonly hi: number;
  readonly offset: number;
  readonly error: number;
}

/** The publisher's clock minus the local monotonic one: best estimate and error, in seconds. */
export class PublisherClock {
  readonly #publisher: string;
  readonly #samples = new Map<string, Sample[]>();
  #exact: number | null = null;
  #proved: { offset: number; at: number } | null = null;

  constructor(publisher = "") {
    this.#publisher = publisher;
  }

  /** This peer is the publisher. */
  setExact(publisherTime: number, now: number): void {
    this.#exact = publisherTime - now;
  }

  /** A PING to `source` left at t0 and its PONG came at t3 (local); t1 and t2 are its estimates. */
  sample(source: string, t0: number, t1: number, t2: number, t3: number, error: number): void {
    const rtt = t3 - t0 - (t2 - t1);
    if (rtt < 0 || error < 0) return;
    const samples = this.#samples.get(source) ?? [];
    this.#samples.delete(source);
    if (this.#samples.size >= SOURCES) forgetOldest(this.#samples);
    this.#samples.set(source, samples);
    samples.push({ offset: (t1 - t0 + (t2 - t3)) / 2, error: rtt / 2 + error, at: t3 });
    if (samples.length > SAMPLES) samples.shift();
  }

  /** A part that was captured then, by a seal whose signature was checked, is here. */
  prove(captured: number, now: number): void {
    const offset = captured - now;
    if (this.#proved === null || offset > this.#floor(now)) this.#proved = { offset, at: now };
  }

  /** The publisher's time and its error, or null while nothing is known. */
  read(now: number): { time: number; error: number } | null {
    if (this.#exact !== null) return { time: now + this.#exact, error: 0 };
    const [floor, ceiling] = [this.#floor(now), this.#floor(now) + MOST_BEHIND];
    const proved = this.#proved !== null;
    const ranges: Range[] = [];
    for (const [source, samples] of this.#samples) {
      const { offset, error } = best(samples, now);
      if (source === this.#publisher) return { time: now + offset, error };
      const [lo, hi] = [offset - error, offset + error];
      ranges.push({ lo: Math.max(lo, floor), hi: proved ? Math.min(hi, ceiling) : hi, offset, error });
    }
    // Where most ranges overlap, one of them begins; of two such places the earlier: no lie is before the truth by more
    // than parts are old.
    let members: Range[] = [];
    let from = 0;
    for (const { lo, hi } of ranges) {
      if (lo > hi) continue;
      const here = ranges.filter((range) => range.lo <= lo && lo <= range.hi);
      if (here.length > members.length || (here.length === members.length && lo < from)) {
        [members, from] = [here, lo];
      }
    }
    if (members.length === 0) return null;
    const to = Math.min(...members.map((range) => range.hi));
    const { offset, error } = members.reduce((one, other) => (other.error < one.error ? other : one));
    return { time: now + Math.min(Math.max(offset, from), to), error };
  }

  /** The least that the clock can be ahead of ours. */
  #floor(now: number): number {
    if (this.#proved === null) return Number.NEGATIVE_INFINITY;
    return this.#proved.offset - Math.max(0, now - this.#proved.at) * DRIFT;
  }
}

/** Offset and error of the sample that is worth most now. */
function best(samples: readonly Sample[], now: number): { offset: number; error: number } {
  const worth = (sample: Sample) => sample.error + (now - sample.at) * DRIFT;
  const { offset, error, at } = samples.reduce((one, other) => (worth(other) < worth(one) ? other : one));
  return { offset, error: error + Math.max(0, now - at) * DRIFT };
}
