/** Liveness by the stripes' own rhythm: a stripe is silent while others move. */

import type { Window } from "./window.ts";

export const STARVED_PARTS = 2.0;
export const SILENT_PARTS = 3.0;

export const LAG_WEIGHT = 1 / 16;
export const MOST_LAG = 8.0;

/** For each stripe the newest part of which a block came from its parent, and how late they are as a rule. */
export class Rhythm {
  /** Parts from the first block of a part to those of each stripe, on average. */
  readonly lags: number[];
  readonly #newest: number[];
  readonly lastBlock: number[];

  constructor(stripes: number) {
    this.#newest = new Array(stripes).fill(-1);
    this.lags = new Array(stripes).fill(0);
    this.lastBlock = new Array(stripes).fill(Number.NEGATIVE_INFINITY);
  }

  /** The newest part of which a block of the stripe came from its parent; -1 before the first. */
  newest(stripe: number): number {
    return this.#newest[stripe] ?? -1;
  }

  /** Another epoch: numbers start again. */
  begin(): void {
    this.#newest.fill(-1);
  }

  /** The stripe has just been given to another parent, from `number` on: its silence begins now. */
  reset(stripe: number, number: number, now: number): void {
    this.block(stripe, number - 1, now);
  }

  block(stripe: number, number: number, now: number): void {
    this.#newest[stripe] = Math.max(this.#newest[stripe] ?? -1, number);
    this.lastBlock[stripe] = now;
  }

  /** A block of the newest part, or of one just before, came that late. */
  lag(stripe: number, parts: number): void {
    const usual = this.lags[stripe] ?? 0;
    this.lags[stripe] = usual + (Math.min(MOST_LAG, parts) - usual) * LAG_WEIGHT;
  }

  /** How many parts long the stripe has been silent while others moved; 0 while none moves. */
  silentParts(stripe: number, parts: Window, partDuration: number, now: number): number {
    const newest = this.newest(stripe);
    const later = parts.firstAfter(newest);
    if (later === null) return 0;
    // Where all were silent, the part that tells of it is a later one: its number says since when.
    const moved = later.firstSeen - (later.seal.number - newest - 1) * partDuration;
    const since = Math.max(moved, this.lastBlock[stripe] ?? Number.NEGATIVE_INFINITY);
    return Math.max(0, now - since) / partDuration;
  }
}
