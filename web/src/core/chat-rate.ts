/** Token buckets: how much may come, or go out, at once and sustained. */

/** Counts as a token: without it, rounding could leave a timer a hair too early for ever. */
const ENOUGH = 0.999;

/** Tokens at once, and tokens a second after that. */
export type Rate = readonly [burst: number, rate: number];

/** Holds up to `burst` tokens and gains `rate` of them a second. It starts full. */
export class Bucket {
  readonly #burst: number;
  readonly #rate: number;
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

  /** When there is a token again. */
  ready(): number {
    return this.#at + Math.max(0, (1 - this.#tokens) / this.#rate);
  }
}

/** A bucket for each of the `keys` keys seen last, so that many names do not take much memory. */
export class Rates {
  readonly #rate: Rate;
  readonly #keys: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, keys = 1024) {
    this.#rate = rate;
    this.#keys = keys;
  }

  /** Takes a token of `key`'s if it has one. */
  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? new Bucket(this.#rate, now);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket); // last in order: the one seen last
    if (this.#buckets.size > this.#keys) forgetOldest(this.#buckets);
    return bucket.take(now);
  }
}

/** Removes what was put in first. */
export function forgetOldest(collection: Map<string, unknown> | Set<string>): void {
  for (const oldest of collection.keys()) {
    collection.delete(oldest);
    return;
  }
}
