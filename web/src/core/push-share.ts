/**
 * What share of its stripe each parent pushes in time, of what others show exists.
 *
 * A parent that sends just enough never to be silent would be kept by the stripes' rhythm alone.
 */

import type { Window } from "./window.ts";

const REVIEW_PARTS = 10;
/** The newest parts are not judged: their blocks are still on their way. */
const SETTLED_PARTS = 5;
/** Share below which a parent is meagre. Loss and long ways cost far less; parity mends a fifth. */
const ENOUGH = 0.5;
/** Blocks below which nothing is concluded. */
const FEW = 5;
/**
 * Seconds for which a parent may be meagre; more for each hop above us, so that the one whose own parent is to blame
 * moves before its descendants do.
 */
const PATIENCE = 1;
const PATIENCE_A_HOP = 0.5;
/** Paths are what others say: a long one does not buy patience for ever. */
const PATIENT_HOPS = 8;
/** More than the blocks of any part. */
const STEP = 1024;

/** Counts blocks by stripe and judges every REVIEW_PARTS parts. */
export class PushShare {
  readonly #stripes: number;
  /** Whether part * STEP + block came in time from the stripe's parent. */
  readonly #pushed = new Map<number, boolean>();
  /** The first part that each stripe's parent answers for. */
  readonly #since: number[];
  readonly #meagreSince: (number | null)[];
  #reviewed = -1;

  constructor(stripes: number) {
    this.#stripes = stripes;
    this.#since = new Array(stripes).fill(0);
    this.#meagreSince = new Array(stripes).fill(null);
  }

  /** Another epoch: numbers start again. */
  begin(): void {
    this.#pushed.clear();
    this.#reviewed = -1;
    this.excuse(-1);
  }

  /** The parts up to `newest` come faster than any parent can push, as from the origin at the start. */
  excuse(newest: number): void {
    for (let stripe = 0; stripe < this.#stripes; stripe++) this.takenOver(stripe, newest);
  }

  /** Another parent: it answers for what comes after `newest`. */
  takenOver(stripe: number, newest: number): void {
    this.#since[stripe] = newest + 1;
    this.#meagreSince[stripe] = null;
  }

  /** The stripe's parent pushed a block; whether that counts, being neither old nor a repetition. */
  pushed(number: number, index: number, inTime: boolean): boolean {
    const block = number * STEP + index;
    if (number <= this.#reviewed || this.#pushed.has(block)) return false;
    this.#pushed.set(block, inTime);
    return true;
  }

  /** Whether the parent, `hops` below the publisher, has been meagre for too long. */
  meagre(stripe: number, hops: number, now: number): boolean {
    const since = this.#meagreSince[stripe] ?? now;
    return now - since >= PATIENCE + PATIENCE_A_HOP * Math.min(hops, PATIENT_HOPS);
  }

  /** Judges the parts that are old enough, if there are enough of them. */
  review(parts: Window, now: number): void {
    const settled = parts.newest - SETTLED_PARTS;
    const first = Math.max(this.#reviewed + 1, parts.first, parts.oldest);
    if (settled < first + REVIEW_PARTS - 1) return;
    this.#reviewed = settled;
    const stripes = this.#stripes;
    const due = new Array<number>(stripes).fill(0);
    for (let number = first; number <= settled; number++) {
      const blocks = (parts.get(number)?.seal.blocks ?? stripes) / stripes;
      for (const [stripe, since] of this.#since.entries()) {
        if (number >= since) due[stripe] = (due[stripe] as number) + blocks;
      }
    }
    const came = new Array<number>(stripes).fill(0);
    for (const [block, inTime] of this.#pushed) {
      const number = Math.floor(block / STEP);
      if (number > settled) continue;
      this.#pushed.delete(block);
      const stripe = (block % STEP) % stripes;
      if (inTime && number >= (this.#since[stripe] as number)) came[stripe] = (came[stripe] as number) + 1;
    }
    for (const [stripe, count] of due.entries()) {
      if (count < FEW) continue;
      const enough = (came[stripe] as number) >= ENOUGH * count;
      this.#meagreSince[stripe] = enough ? null : (this.#meagreSince[stripe] ?? now);
    }
  }
}
