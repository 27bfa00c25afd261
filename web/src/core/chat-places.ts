/** The places of the messages that two logs compare, in order, and the fingerprint of a range of them. */

import { sha256 } from "@noble/hashes/sha2.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import { toHex } from "../encoding.ts";
import { FINGERPRINT, PLACE } from "../wire-ranges.ts";
import type { Place } from "./chat-message.ts";

/** Where the id begins in the hex digits of a place. */
const ID = 72;
const DIGITS = 2 * PLACE;

/** A place as hex digits, which are in order as places are. */
export function keyOf([clock, author, id]: Place): string {
  return clock.toString(16).padStart(8, "0") + author + id;
}

/**
 * Of ids in order.
 *
 * It is not made of parts that add up, as where one wants to spare the hashing: sums of hashes that others choose can be made
 * to collide (Wagner, "A Generalized Birthday Problem", 2002).
 */
export function fingerprint(ids: readonly string[]): string {
  return toHex(sha256(hexToBytes(ids.join(""))).subarray(0, FINGERPRINT));
}

/** Numbers of places: from `low` on, and before `high`. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

/** At most so many of them: the last ones. What stands before the `horizon` is not compared. */
export class Places {
  readonly #most: number;
  #keys: string[] = [];
  horizon: string = "0".repeat(DIGITS);

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** A message that counts stands there. */
  add(place: Place): void {
    const key = keyOf(place);
    if (key < this.horizon) return;
    const at = this.#before(key);
    if (this.#keys[at] === key) return;
    this.#keys.splice(at, 0, key);
    this.#trim();
  }

  /** All that were kept, in whatever order. */
  restore(places: readonly Place[]): void {
    this.#keys = [...new Set([...this.#keys, ...places.map(keyOf)])].sort(compareDigits);
    this.#trim();
  }

  #trim(): void {
    const last = this.#keys[this.#keys.length - this.#most - 1];
    if (last !== undefined) this.#beginBehind(last);
  }

  /** What stands there or before it is not compared any more. */
  forget(place: Place): void {
    this.#beginBehind(keyOf(place));
  }

  #beginBehind(key: string): void {
    if (key < this.horizon) return;
    this.horizon = (BigInt(`0x${key}`) + 1n).toString(16).padStart(DIGITS, "0");
    this.#keys.splice(0, this.#before(this.horizon));
  }

  /** Where the last `count` begin: at the horizon if there are not so many. */
  last(count: number): string {
    return this.#keys[this.#keys.length - count] ?? this.horizon;
  }

  /** How many stand before that. */
  #before(bound: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Those from `start` on that stand before `end`, if there is one. */
  span(start: string, end: string | null): Span {
    const low = this.#before(start);
    return { low, high: end === null ? this.#keys.length : Math.max(low, this.#before(end)) };
  }

  ids({ low, high }: Span): string[] {
    return this.#keys.slice(low, high).map((key) => key.slice(ID));
  }

  fingerprint(span: Span): string {
    return fingerprint(this.ids(span));
  }

  /** The shortest start of a range that begins with this one, and leaves out the one before it. */
  bound(number: number): string {
    const [key, before] = [this.#keys[number] as string, this.#keys[number - 1] as string];
    let same = 0;
    while (key.slice(same, same + 2) === before.slice(same, same + 2)) same += 2;
    return key.slice(0, same + 2);
  }
}

function compareDigits(a: string, b: string): number {
  return a < b ? -1 : 1;
}
