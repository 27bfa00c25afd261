/** Starting over HTTP, and staying there while no link feeds anything: join, then part after part. */

import type { Fetch, Join } from "./actions.ts";

/** Past that, HTTP is for repair alone, unless no stripe is fed at all. */
export const STARTUP_SECONDS = 15.0;
export const UNFED_SECONDS = 1.0;
export const RETRY = 0.5;
export const JOIN_TIMEOUT = 8.0;
/** Parts asked for at a time; the origin holds an answer until the part exists. */
export const AHEAD = 2;

/** Decides what to ask of the origin while the links come up. */
export class Startup {
  origins: boolean;
  /** No links at all (p2p is off, or WebRTC is blocked): everything comes over HTTP. */
  httpOnly = false;
  /** The origin has answered. */
  answered = false;
  #born: number;
  #joinAt: number | null;
  #joiningSince: number | null = null;
  #handedOver = false;
  #unfedSince: number | null = null;
  readonly #asked = new Map<number, number>();
  #next: number | null = null;
  #retryAt: number;

  constructor(origins: boolean, now: number) {
    this.origins = origins;
    this.#born = now;
    this.#joinAt = now;
    this.#retryAt = now;
  }

  /** Subscriptions wait until the join's answer is checked, so that they begin where it ends. */
  maySubscribe(settled: boolean, now: number): boolean {
    return !this.origins || (this.answered && settled) || now - this.#born > 1;
  }

  /** Whether parts are to come over HTTP one by one now; `left`: the plan leaves us to the origin. */
  active(allFed: boolean, noneFed: boolean, left: boolean, now: number): boolean {
    if (!this.origins) return false;
    if (this.httpOnly) return true;
    if (left) {
      this.#handedOver = false;
      this.#born = now; // when that ends it is as at the start
    } else if (allFed) {
      this.#handedOver = true;
      this.#joinAt = null;
    }
    if (!noneFed) this.#unfedSince = null;
    else if (this.#unfedSince === null) this.#unfedSince = now;
    if (!this.#handedOver && now - this.#born < STARTUP_SECONDS) return true;
    return this.#unfedSince !== null && now - this.#unfedSince > UNFED_SECONDS;
  }

  /** Another epoch: join again if HTTP is what feeds us. */
  begin(now: number): void {
    this.#asked.clear();
    this.#next = null;
    if (!this.#handedOver || this.httpOnly) this.#joinAt = now;
  }

  joined(_now: number): void {
    this.answered = true;
    this.#joiningSince = null;
    this.#joinAt = null;
    this.#next = null;
  }

  joinFailed(retryAfter: number, now: number): void {
    this.#joiningSince = null;
    this.#joinAt = now + Math.max(RETRY, retryAfter);
  }

  fetched(number: number): void {
    this.answered = true;
    this.#asked.delete(number);
  }

  fetchFailed(number: number, gone: boolean, now: number): void {
    if (!this.#asked.delete(number)) return;
    this.#retryAt = now + RETRY;
    this.#next = null;
    if (gone) this.#joinAt = now;
  }

  /** What to ask of the origin now; `newest` is the newest complete part, -1 before the first. */
  poll(active: boolean, epoch: number, newest: number, now: number): (Join | Fetch)[] {
    if (!active) {
      this.#next = null;
      return [];
    }
    if (this.#joiningSince !== null) {
      if (now - this.#joiningSince > JOIN_TIMEOUT) this.joinFailed(0, now);
      return [];
    }
    if (this.#joinAt !== null) {
      if (now < this.#joinAt) return [];
      this.#joiningSince = now;
      return [{ type: "join" }];
    }
    if (newest < 0 || now < this.#retryAt) return [];
    for (const [number, at] of this.#asked) if (now - at > JOIN_TIMEOUT) this.#asked.delete(number);
    let next = this.#next === null || this.#next <= newest ? newest + 1 : this.#next;
    const out: Fetch[] = [];
    for (; this.#asked.size < AHEAD && next <= newest + AHEAD; next++) {
      if (!this.#asked.has(next)) {
        this.#asked.set(next, now);
        out.push({ type: "fetch", epoch, number: next });
      }
    }
    this.#next = next;
    return out;
  }
}
