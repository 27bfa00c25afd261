/** Where the log of a newcomer begins: with the last messages that it is told of, without those before them. */

import { forgetOldest } from "./forget-oldest.ts";

/** Lasts until `settling` seconds after the first message of another peer was accepted. */
export class Beginning {
  readonly #settling: number;
  readonly #limit: number;
  #settled: number | null = null;
  readonly #told = new Set<string>();
  /** Whether something was kept when the page was closed: then the log goes on, and does not begin. */
  resumes = false;
  /** The least clock of what was accepted without all that it follows; 0 when nothing was left out. */
  clock = 0;

  constructor(settling: number, limit: number) {
    this.#settling = settling;
    this.#limit = limit;
  }

  /** Whether there is nothing here but one's own words. */
  get begins(): boolean {
    return this.#settled === null && !this.resumes;
  }

  lasts(now: number): boolean {
    return this.#settled === null || now < this.#settled;
  }

  /** A peer says that it has this among its last messages. */
  tell(id: string, now: number): void {
    if (!this.lasts(now)) return;
    this.#told.add(id);
    if (this.#told.size > this.#limit) forgetOldest(this.#told);
  }

  /** Whether a message counts although what it follows was left out. */
  includes(id: string, now: number): boolean {
    return this.lasts(now) && this.#told.has(id);
  }

  /** A message of another peer was accepted; `complete` when all that it follows is there. */
  accepted(clock: number, complete: boolean, now: number): void {
    if (!this.lasts(now)) {
      this.#told.clear();
      return;
    }
    this.#settled ??= now + this.#settling;
    if (!complete) this.clock = Math.min(this.clock || clock, clock);
  }
}
