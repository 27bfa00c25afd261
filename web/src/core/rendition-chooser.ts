/**
 * Chooses among the renditions of a stream by how parts come through the mesh. Without I/O.
 *
 * Throughput cannot be measured while it suffices: parts come as they are made, from several parents and in bursts. So what
 * counts is whether they come in time. The *edge* is where on the player's timeline what arrived ends; how far it is ahead of
 * the clock stays the same while everything arrives, whatever its rhythm, and sinks when less than the stream does.
 */

/** What a player sees at one moment; seconds. */
export interface Seen {
  /** End of what can be played, on the player's timeline. */
  edge: number;
  /** Of it, what is ahead of the playhead. */
  forward: number;
  /** Bytes that came so far, from everywhere. */
  bytes: number;
  /** Stalls and jumps so far. */
  troubles: number;
}

/** The best lead of the last arrivals is compared with that of those between so many seconds before. */
const RECENT = 3;
const BEFORE = [1.1, 0.8] as const;
/** Sinking by this much within that time: a twelfth less arrives than the stream needs. */
const SINKS = 0.08;
/** A buffer so low, for so large a part of the last moments, is one that parts reach too late. */
const LATE = 0.05;
const LATE_SHARE = 0.25;
const LOW_SPAN = 2;
/** What comes just after the beginning, or after a change, tells about that; and a buffer takes a while to grow again. */
const SETTLE = 4;
/** Seconds over which what arrives is counted. */
const ARRIVES = 0.5;
/** Of what arrived while it did not suffice, this share may be asked for. */
const SAFE = 0.8;
/** Seconds of calm before a better rendition is tried; doubled by each that fails. */
const CALM = 10;
const CALM_MOST = 160;
/** A better rendition has to come in time for so long beside the present one; and may take so long for it. */
const PROOF = 2;
const PATIENCE = 8;
/** A better one that lasted so long was no mistake. */
const LASTED = 20;

export class RenditionChooser {
  /** Index of the rendition that should be watched, 0 the best; and for how long it has to be proved first (s). */
  wanted: number;
  proof = 0;
  #at: number;
  #samples: { time: number; forward: number; bytes: number }[] = [];
  /** Moments at which something came: while nothing does, nobody knows whether it will come all at once. */
  #arrivals: { time: number; lead: number }[] = [];
  #edge = Number.POSITIVE_INFINITY;
  #troubles: number | null = null;
  #since: number | null = null;
  #asked = 0;
  #raised: number | null = null;
  #calm = CALM;

  constructor(at: number) {
    this.wanted = at;
    this.#at = at;
  }

  /** The viewer was away, or something else decided: what was seen tells nothing any more. */
  reset(): void {
    this.#samples = [];
    this.#arrivals = [];
    this.#edge = Number.POSITIVE_INFINITY;
    this.#since = null;
    this.#troubles = null;
  }

  /**
   * About forty times a second while a picture plays: the edge moves in steps, and what matters is its highest.
   *
   * @param rates bit/s of the renditions, the best first
   * @param at index of the one that is watched
   */
  sample(seen: Seen, at: number, rates: readonly number[], now: number): void {
    if (at !== this.#at) this.#arrived(at, now);
    this.#since ??= now;
    this.#samples.push({ time: now, forward: seen.forward, bytes: seen.bytes });
    while ((this.#samples[0]?.time ?? now) < now - LOW_SPAN) this.#samples.shift();
    const sinks = seen.edge > this.#edge && this.#sinks(seen.edge - now, now);
    this.#edge = seen.edge;
    const settled = now - this.#since >= SETTLE;
    const trouble = settled && (sinks || this.#isLate(seen));
    this.#troubles = settled ? seen.troubles : null;
    if (this.wanted < at) {
      if (trouble || now - this.#asked > PATIENCE) this.#failed(at, now);
    } else if (this.wanted > at) {
      if (now - this.#asked > PATIENCE) this.#ask(rates.length - 1, 0, now);
    } else if (trouble && at < rates.length - 1) {
      if (this.#raised !== null && now - this.#raised < LASTED)
        this.#calm = Math.min(CALM_MOST, 2 * this.#calm);
      this.#ask(this.#lower(at, rates), 0, now);
    } else if (trouble) {
      this.#since = now;
    } else if (at > 0 && now - this.#since >= this.#calm) {
      this.#ask(at - 1, PROOF, now);
    } else if (this.#raised !== null && now - this.#raised >= LASTED) {
      this.#raised = null;
      this.#calm = CALM;
    }
  }

  #arrived(at: number, now: number): void {
    this.#raised = at < this.#at ? now : null;
    this.#at = at;
    this.reset();
  }

  #failed(at: number, now: number): void {
    this.#calm = Math.min(CALM_MOST, 2 * this.#calm);
    this.wanted = at;
    this.#since = now;
  }

  #ask(rendition: number, proof: number, now: number): void {
    this.wanted = rendition;
    this.proof = proof;
    this.#asked = now;
  }

  /** Something came just now: does less come than is played? */
  #sinks(lead: number, now: number): boolean {
    const [from, to] = BEFORE;
    this.#arrivals.push({ time: now, lead });
    while ((this.#arrivals[0]?.time ?? now) < now - from) this.#arrivals.shift();
    const before = this.#arrivals.filter(({ time }) => time <= now - to);
    return before.length > 0 && best(before) - best(this.#arrivals.slice(-RECENT)) > SINKS;
  }

  #isLate(seen: Seen): boolean {
    if (this.#troubles !== null && seen.troubles > this.#troubles) return true;
    const late = this.#samples.filter(({ forward }) => forward < LATE).length;
    return late > LATE_SHARE * this.#samples.length;
  }

  /** The best of the lower ones that what arrives of late is enough for; else the lowest. */
  #lower(at: number, rates: readonly number[]): number {
    const last = this.#samples.at(-1);
    const first = this.#samples.find(({ time }) => last !== undefined && time >= last.time - ARRIVES);
    if (first === undefined || last === undefined || last.time <= first.time) return rates.length - 1;
    const arrives = (8 * (last.bytes - first.bytes)) / (last.time - first.time);
    const found = rates.findIndex((rate, index) => index > at && rate <= SAFE * arrives);
    return found < 0 ? rates.length - 1 : found;
  }
}

function best(arrivals: readonly { lead: number }[]): number {
  return Math.max(...arrivals.map(({ lead }) => lead));
}
