/** How much each of many authors may say, at once and sustained. */

import { Bucket, type Rate } from "./bucket.ts";
import { forgetOldest } from "./forget-oldest.ts";

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
