/** What our own upload carries: seen where it is full, and tried anew when it has not been for a while. */

/** Seconds for which it has been full when what leaves is first counted as all that it carries. */
export const SEEN_AFTER = 0.3;
/** Seconds until that is counted anew: a group of pictures begins with most of its bytes. */
export const SEEN_AGAIN = 1.0;
/** Share of it that is left free: what stands at the edge of an upload waits behind every key frame. */
export const HEADROOM = 0.15;
/** Of a pair: with so little missing, one more is fed. */
export const ROUNDING = 0.2;
/** Seconds without being full after which more is tried; twice as long after each time that was in vain. */
export const PROBE_AFTER = 4.0;
export const MOST_PATIENCE = 320.0;
/** Seconds of the stream that its mean rate is taken from. */
export const RATE_MEMORY = 2.0;
/** Seconds of it that are enough to begin with. */
export const SEEN_FOR = 0.5;
/**
 * Of the rate that probing has shown, what blocks of children may take: the rest is for their proofs, for what is sent
 * again or said, and so that blocks for many do not wait for one another.
 */
export const PROBED_SHARE = 0.85;
/** Seconds without being full after which more than that is tried. */
export const PROBED_PATIENCE = 60;

/** How many (child, stripe) pairs our upload carries, as far as it has been full. */
export class Upload {
  /** What it carries; null while it was never full. */
  slots: number | null = null;
  readonly #stripes: number;
  #newest = -1;
  /** Bytes of the stream a second, and how many seconds of it were seen. */
  #rate = 0;
  #seen = 0;
  #fullSince: number | null = null;
  #countedAt = 0;
  #left = 0;
  #probeAt = 0;
  #probedAt = Number.NEGATIVE_INFINITY;
  #patience = PROBE_AFTER;
  #measured = false;

  constructor(stripes: number) {
    this.#stripes = stripes;
  }

  /** A part of the stream that has `size` bytes and lasts so long. */
  part(number: number, size: number, seconds: number): void {
    if (number <= this.#newest || seconds <= 0) return;
    this.#newest = number;
    this.#seen = Math.min(RATE_MEMORY, this.#seen + seconds);
    this.#rate += (size / seconds - this.#rate) * Math.min(1, seconds / this.#seen);
  }

  /** Another epoch: numbers start again. */
  begin(): void {
    this.#newest = -1;
  }

  /** So many bytes have left. */
  left(size: number): void {
    this.#left += size;
  }

  /** Bytes a second that it was found to carry, before it was ever full. */
  carries(rate: number | null, now: number): void {
    if (rate === null || this.#measured || this.#seen < SEEN_FOR) return;
    this.#measured = true;
    const slots = Math.floor((rate * PROBED_SHARE * this.#stripes) / this.#rate + ROUNDING);
    this.slots = Math.min(this.slots ?? slots, slots);
    this.#patience = PROBED_PATIENCE;
    this.#probeAt = now + this.#patience;
  }

  /** `full`: blocks have been waiting for a while; `pairs`: of a child and a stripe, that are fed. */
  look(full: boolean, pairs: number, now: number): void {
    if (!full) {
      this.#fullSince = null;
      if (this.slots === null || now < this.#probeAt || pairs < this.slots) return;
      this.slots += 1 + Math.floor(this.slots / 4);
      this.#probedAt = now;
      this.#probeAt = now + this.#patience;
    } else if (this.#fullSince === null) {
      this.#fullSince = now;
      this.#countedAt = now;
      this.#left = 0;
    } else {
      const wait = this.#countedAt === this.#fullSince ? SEEN_AFTER : SEEN_AGAIN;
      if (now - this.#countedAt >= wait && this.#rate > 0) this.#count(this.#fullSince, pairs, now);
    }
  }

  #count(since: number, pairs: number, now: number): void {
    const carried = (this.#left / (now - since)) * (1 - HEADROOM);
    const slots = Math.floor((carried * this.#stripes) / this.#rate + ROUNDING);
    this.#countedAt = now;
    if (this.slots === null && slots >= pairs) return;
    if (this.slots === null || slots < this.slots) {
      if (now - this.#probedAt < this.#patience) this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
      this.#probeAt = now + this.#patience;
    }
    this.slots = slots;
  }
}
