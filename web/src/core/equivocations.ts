/** Proofs that a publisher has signed two different seals for one part, within bounds. */

import { toHex } from "../encoding.ts";
import type { Equivocation } from "./actions.ts";
import { forgetOldest } from "./forget-oldest.ts";

/** The first ones of a braid are kept: one proves as much as many. */
const PROOFS = 8;
/** Second seals that are known again, so that their blocks cost no signature check each. */
const SECONDS = 256;

/** Second seals of parts whose first one stands. */
export class Equivocations {
  readonly proofs: Equivocation[] = [];
  readonly #seconds = new Set<string>();

  has(raw: Uint8Array): boolean {
    // There are none: then the seal is not even put into text.
    return this.#seconds.size > 0 && this.#seconds.has(toHex(raw));
  }

  /** Two genuine seals for one part; returns the proof if it is one of those that are kept. */
  found(first: Uint8Array, second: Uint8Array): Equivocation[] {
    if (this.#seconds.size >= SECONDS) forgetOldest(this.#seconds);
    this.#seconds.add(toHex(second));
    if (this.proofs.length >= PROOFS) return [];
    const proof: Equivocation = { type: "equivocation", first, second };
    this.proofs.push(proof);
    return [proof];
  }
}
