/** Parts to the player: complete, in order, and never waiting longer than playing can. */

import type { Deliver, Gap } from "./actions.ts";
import type { Window } from "./window.ts";

/** Seconds that a part is waited for when no player tells its buffer. */
export const PATIENCE = 1.0;
/** Seconds past its play deadline after which a part is given up for a later independent one. */
export const OVERDUE = 0.3;

/** Which part is next, and until when the player has something to show. */
export class Delivery {
  next: number | null = null;
  #playUntil: number | null = null;
  #waitingSince: number | null = null;

  /** Another epoch: start again at an independent part. */
  begin(): void {
    this.next = null;
    this.#waitingSince = null;
  }

  /** The player has `seconds` in front of it. */
  buffer(seconds: number, now: number): void {
    let until = now + seconds;
    // A dry player says so again and again: what it waits for is due since the first time.
    if (this.#playUntil !== null && this.#waitingSince !== null) until = Math.min(until, this.#playUntil);
    this.#playUntil = until;
  }

  /** When the next part must be there. */
  deadline(now: number): number {
    return this.#playUntil ?? (this.#waitingSince ?? now) + PATIENCE;
  }

  /** What can be handed to the player now. */
  poll(parts: Window, now: number): (Deliver | Gap)[] {
    const out: (Deliver | Gap)[] = [];
    let next = this.next;
    if (next === null) {
      const first = parts.newestIndependent(true);
      if (first === null) return out;
      next = first.seal.number;
    } else if (this.#overdue(next, parts, now)) {
      const later = this.#laterIndependent(next, parts);
      if (later !== null) {
        out.push({ type: "gap", parts: later - next });
        next = later;
      }
    }
    for (let part = parts.get(next); part?.complete; part = parts.get(next)) {
      out.push({ type: "deliver", seal: part.raw, data: part.data() });
      if (this.#playUntil !== null) {
        this.#playUntil = Math.max(this.#playUntil, now) + part.seal.duration / 1e6;
      }
      next += 1;
      this.#waitingSince = null;
    }
    this.next = next;
    if (this.#waitingSince === null && parts.newest >= next) this.#waitingSince = now;
    return out;
  }

  #overdue(next: number, parts: Window, now: number): boolean {
    if (parts.newest < next) return false;
    return next < parts.oldest || now > this.deadline(now) + OVERDUE;
  }

  #laterIndependent(next: number, parts: Window): number | null {
    for (const number of parts.numbers(next + 1)) {
      const part = parts.get(number);
      if (part?.complete && part.seal.independent) return number;
    }
    return null;
  }
}
