/** A token bucket: how much may come, or go out, at once and sustained. */

/** Counts as a token: without it, rounding could leave a timer a hair too early for ever. */
const ENOUGH = 0.999;

/** Tokens at once, and tokens a second after that. */
export type Rate = readonly [burst: number, rate: number];

/** Holds up to `burst` tokens and gains `rate` of them a second. It starts full. */
export class Bucket {
  readonly #burst: number;
  #rate: number;
  #tokens: number;
  #at: number;

  constructor([burst, rate]: Rate, now: number) {
    this.#burst = burst;
    this.#rate = rate;
    this.#tokens = burst;
    this.#at = now;
  }

  #refill(now: number): void {
    if (now > this.#at) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate);
      this.#at = now;
    }
  }

  /** Takes `cost` tokens if there is at least one; the bucket owes the rest, however much it is. */
  take(now: number, cost = 1): boolean {
    this.#refill(now);
    if (this.#tokens < ENOUGH) return false;
    this.#tokens -= cost;
    return true;
  }

  /** It gains `rate` tokens a second from now on. */
  change(rate: number, now: number): void {
    this.#refill(now);
    this.#rate = rate;
  }

  /** When there is a token again. */
  ready(): number {
    return this.#at + Math.max(0, (1 - this.#tokens) / this.#rate);
  }
}
