/**
 * From one rendition of a stream to another without a gap: which parts of both are handed on, and when. Without I/O.
 *
 * Renditions are cut alike, so the part with some number is the same moment in both (docs/protocol.md, section 3). Both
 * braids bring parts for a while; the change comes at an independent part, and the old braid is left after it.
 */

/** What is asked of a part. */
export interface Switched {
  epoch: number;
  number: number;
  independent: boolean;
  /** Seconds on the epoch's media timeline. */
  mediaTime: number;
  duration: number;
}

/** The other braid is this near to the edge (parts) when an independent part of ours is held for it. */
const NEAR = 3;
/** Seconds of forward buffer that holding leaves, and for how long a part is held at most. */
const KEEP = 0.1;
const HOLD = 0.3;
/** Forward buffer at which what the other braid has is better than waiting, however much is left out or shown again. */
const DRY = 0.06;
/** Forward buffer at which ours is left though nothing of the other is there yet. */
const LOST = 0.02;
/** Seconds that a player takes again without laying them out as something new. */
const AGAIN = 0.4;
/** Parts of the other braid that are kept, at most: a few groups of pictures. */
const KEPT = 100;

export class RenditionSwitch<P extends Switched> {
  /** From here on only the other braid's parts count. */
  done = false;
  /** Since when the other braid brings parts. */
  #since: number | null = null;
  #others: P[] = [];
  #held: P[] = [];
  #heldUntil: number | null = null;

  /**
   * @param last what was handed on last; null before the first part
   * @param proof seconds for which the other braid has to bring parts before it is gone over to; null where ours was left
   * already: then whatever goes on where ours ends is enough, though it begins with what was shown
   */
  constructor(
    private last: Switched | null,
    private readonly proof: number | null,
  ) {}

  /** A part of the braid that we are on; returns what is to be handed on now. `forward` is the player's buffer, seconds. */
  old(part: P, forward: number, now: number): P[] {
    if (this.done) return [];
    if (this.#held.length > 0) {
      this.#held.push(part);
      return this.poll(forward, now);
    }
    const newest = this.#others.at(-1);
    const near = newest?.epoch === part.epoch && newest.number >= part.number - NEAR;
    if (this.proof !== null && part.independent && near && this.#proved(now) && forward > KEEP) {
      this.#held.push(part);
      this.#heldUntil = now + Math.min(HOLD, forward - KEEP);
      return this.poll(forward, now);
    }
    this.last = part;
    return [part, ...this.poll(forward, now)];
  }

  /** A part of the braid that we go over to. */
  fresh(part: P, forward: number, now: number): P[] {
    this.#since ??= now;
    this.#others.push(part);
    if (this.#others.length > KEPT) this.#others.shift();
    return this.poll(forward, now);
  }

  /** When something is to be decided though nothing comes; null while nothing is held. */
  get nextTimer(): number | null {
    return this.#heldUntil;
  }

  /** What is to be handed on now. */
  poll(forward: number, now: number): P[] {
    const entry = this.#entry(forward, now);
    if (entry >= 0) {
      this.done = true;
      this.#heldUntil = null;
      return this.#others.splice(entry);
    }
    if (this.#heldUntil === null) {
      this.done = this.#isLost(forward);
      return [];
    }
    if (now < this.#heldUntil) return [];
    const held = this.#held;
    this.#held = [];
    this.#heldUntil = null;
    this.last = held.at(-1) ?? this.last;
    return held;
  }

  /** Dry before the other has brought anything: both share a way that is too narrow for one of them. */
  #isLost(forward: number): boolean {
    return !this.proof && this.last !== null && forward <= LOST && this.#others.length === 0;
  }

  #proved(now: number): boolean {
    return this.#since !== null && now - this.#since >= (this.proof ?? 0);
  }

  /** Where in the other braid's parts one can go on; -1 where not. */
  #entry(forward: number, now: number): number {
    const { last } = this;
    if (!this.#proved(now)) return -1;
    const independent = this.#others.map(({ independent }, index) => (independent ? index : -1));
    const entries = independent.filter((index) => index >= 0).reverse();
    if (last === null) return entries[0] ?? -1;
    const at = (index: number) => this.#others[index] as P;
    const next = entries.find(
      (index) => at(index).epoch === last.epoch && at(index).number === last.number + 1,
    );
    if (next !== undefined) return next;
    const later = entries.find((index) => at(index).epoch > last.epoch);
    if (later !== undefined) return later;
    const newest = this.#others.at(-1);
    if (newest === undefined || newest.number <= last.number) return -1;
    const again = entries.find((index) => at(index).number <= last.number);
    if (this.proof === null && again !== undefined) return again;
    if (forward > DRY) return -1;
    const end = last.mediaTime + last.duration;
    return entries.find((index) => at(index).mediaTime >= end - AGAIN) ?? -1;
  }
}
