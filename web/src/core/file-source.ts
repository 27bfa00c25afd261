/** A linked peer as a source of one file: what it has, what it was asked for, how much at once. */

import { TABLES } from "../file-tables.ts";
import { BlockSet } from "./block-set.ts";

/** Pieces that are asked for at once in the beginning. */
const WINDOW = 4;
const MAX_WINDOW = 64;
/**
 * Seconds that what is asked for may take beyond the least that it ever took. More than that is a queue, in which what
 * is live would wait, too (as in LEDBAT, RFC 6817).
 */
const DELAY = 0.1;
/** Seconds after which the least is measured anew: a way may have changed. */
const LEAST_FOR = 20;
/** Seconds after which a piece is asked for elsewhere. */
const ANSWER = 10;
/** Seconds for which a piece is not asked for again that did not come. */
export const LATER = 2;

export class FileSource {
  have: BlockSet;
  complete = false;
  /** When each piece was asked for that has not come, the first one first. */
  readonly asked = new Map<number, number>();
  window = WINDOW;
  /** When it was last of use for what nobody else has. */
  neededAt: number;
  /** In which state of the fetch, and when, there was nothing to ask it for. */
  emptyAt: readonly [state: number, at: number] | null = null;
  readonly #later = new Map<number, number>();
  /** Since when, the least delay since then, the least in the time before. */
  #least: readonly [since: number, least: number, before: number];
  #growing = true;
  #shrunkUntil: number;

  /** `size` is the number of blocks of the file. */
  constructor(size: number, now: number) {
    this.have = new BlockSet(size);
    this.neededAt = this.#shrunkUntil = now;
    this.#least = [now, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  }

  /** That is what it has. */
  tells(have: BlockSet, complete: boolean): void {
    this.have = have;
    this.complete = complete;
    this.emptyAt = null;
  }

  /** How many more pieces may be asked for. */
  get room(): number {
    return Math.floor(this.window) - this.asked.size;
  }

  /** A piece came. False when it was not asked for, or too long ago. */
  arrived(piece: number, now: number): boolean {
    const at = this.asked.get(piece);
    if (at === undefined) return false;
    this.asked.delete(piece);
    const delay = now - at;
    const [since, least, before] = this.#least;
    this.#least = now > since + LEAST_FOR ? [now, delay, least] : [since, Math.min(least, delay), before];
    if (delay <= Math.min(this.#least[1], this.#least[2]) + DELAY) {
      this.window = Math.min(MAX_WINDOW, this.window + (this.#growing ? 1 : 1 / this.window));
    } else if (now >= this.#shrunkUntil) {
      this.#growing = false;
      this.#shrunkUntil = now + delay;
      this.window = Math.max(1, this.window * 0.75);
    }
    return true;
  }

  /** It does not send that piece before then. False when it was not asked for it. */
  putOff(piece: number, until: number): boolean {
    if (!this.asked.delete(piece)) return false;
    this.#later.set(piece, until);
    return true;
  }

  /** The tables that it is not to be asked for now. */
  putOffTables(): number[] {
    return [...this.#later.keys()].filter((piece) => piece >= TABLES);
  }

  /** The blocks that it is not to be asked for now. */
  putOffBlocks(): BlockSet {
    return BlockSet.of(
      this.have.size,
      [...this.#later.keys()].filter((piece) => piece < TABLES),
    );
  }

  /** Pieces that it did not answer for in time. It is asked for one at a time until it does. */
  expired(now: number): number[] {
    const late = [...this.asked].filter(([, at]) => now >= at + ANSWER).map(([piece]) => piece);
    for (const piece of late) {
      this.putOff(piece, now + ANSWER);
      this.window = 1;
    }
    for (const [piece, until] of [...this.#later]) {
      if (now < until) continue;
      this.#later.delete(piece);
      this.emptyAt = null;
    }
    return late;
  }

  nextTimer(): number {
    const [oldest = Number.POSITIVE_INFINITY] = this.asked.values();
    return Math.min(oldest + ANSWER, ...this.#later.values());
  }
}
