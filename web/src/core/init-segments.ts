/** Brings delivered parts together with their init segments, which are in the stream description. */

import type { Seal } from "../seal.ts";

/** Parts that wait for a description at most: 20 s of them. */
const WAITING = 200;
/** Seconds between two questions for the description. */
const ASK_EVERY = 1;

export interface PlayablePart {
  readonly seal: Seal;
  readonly data: Uint8Array;
  readonly init: Uint8Array;
}

/**
 * Parts can come before the description of their epoch, or of their init segment: they travel on other ways. Such parts
 * wait, and what comes after them does too.
 */
export class InitSegments {
  #epoch = -1;
  #inits: readonly Uint8Array[] = [];
  #waiting: { seal: Seal; data: Uint8Array }[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;

  /** The description of `epoch` has these init segments; returns what can be played now. */
  described(epoch: number, inits: readonly Uint8Array[]): PlayablePart[] {
    if (epoch < this.#epoch) return [];
    this.#epoch = epoch;
    this.#inits = inits;
    return this.#ready();
  }

  /** A part came out of the braid, in order; returns what can be played now. */
  delivered(seal: Seal, data: Uint8Array): PlayablePart[] {
    this.#waiting.push({ seal, data });
    if (this.#waiting.length > WAITING) this.#waiting.shift();
    return this.#ready();
  }

  /** Whether to ask for the description now. */
  asks(now: number): boolean {
    if (this.#waiting.length === 0 || now < this.#askedAt + ASK_EVERY) return false;
    this.#askedAt = now;
    return true;
  }

  #ready(): PlayablePart[] {
    const out: PlayablePart[] = [];
    while (this.#waiting.length > 0) {
      const { seal, data } = this.#waiting[0] as { seal: Seal; data: Uint8Array };
      if (seal.epoch > this.#epoch) break;
      const init = seal.epoch === this.#epoch ? this.#inits[seal.init] : null;
      if (init === undefined) break;
      this.#waiting.shift();
      // Parts of an epoch that is over have lost their init segments with its description.
      if (init !== null) out.push({ seal, data, init });
    }
    return out;
  }
}
