/** How fast files come and go while something is live: as fast as leaves nobody on this machine late. */

import { BLOCK } from "../wire-files.ts";
import { Bucket } from "./bucket.ts";

/** Bytes a second in the beginning, at least and at most, each way. */
const FIRST = 500_000;
const LEAST = 100_000;
const MOST = 2_000_000;
const BURST = 4 * BLOCK;
/**
 * Seconds by which timers come late on average on a machine that has more to do than it can. With an idle processor it is
 * a tenth of that.
 */
const LATE = 0.006;
/** Seconds after which the rate is set anew. */
const EVERY = 0.25;
/**
 * By what it is multiplied until it was too much for the first time, what is added from then on, and by what it is
 * multiplied each time that it is too much (additive increase, multiplicative decrease, as in TCP).
 */
const GROWTH = 1.5;
const MORE = 25_000;
const LESS = 0.7;
/** Seconds between looks while there is something to do. */
export const TICK = 0.02;

/**
 * Hashes, disks and links of files take time of a processor that a picture may need, here or elsewhere on the machine:
 * whoever is woken late goes slower.
 */
export class FilePace {
  #rate = FIRST;
  readonly #giving: Bucket;
  readonly #asking: Bucket;
  #growing = true;
  #used = false;
  #since: number;
  #late = 0;
  #times = 0;

  constructor(now: number) {
    this.#giving = new Bucket([BURST, FIRST], now);
    this.#asking = new Bucket([BURST, FIRST], now);
    this.#since = now;
  }

  /** Whether a piece may go out now. */
  give(now: number): boolean {
    this.#used = true;
    return this.#giving.take(now, BLOCK);
  }

  mayAsk(now: number): boolean {
    return this.#asking.take(now, 0);
  }

  /** So many were asked for. */
  asked(pieces: number, now: number): void {
    this.#used = true;
    this.#asking.take(now, pieces * BLOCK);
  }

  /** When more may be asked for; infinity when that is now. */
  asksAgainAt(now: number): number {
    const at = this.#asking.ready();
    return at > now ? at : Number.POSITIVE_INFINITY;
  }

  /** A timer came, `late` by so many seconds. */
  woken(late: number, now: number): void {
    this.#late += late;
    this.#times++;
    if (now < this.#since + EVERY) return;
    if (this.#late > LATE * this.#times) {
      this.#growing = false;
      this.#go(Math.max(LEAST, this.#rate * LESS), now);
    } else if (this.#used) {
      this.#go(Math.min(MOST, this.#growing ? this.#rate * GROWTH : this.#rate + MORE), now);
    }
    this.#used = false;
    this.#since = now;
    this.#late = 0;
    this.#times = 0;
  }

  #go(rate: number, now: number): void {
    this.#rate = rate;
    this.#giving.change(rate, now);
    this.#asking.change(rate, now);
  }
}
