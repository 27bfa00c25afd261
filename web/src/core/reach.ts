/** Whether this peer can link to others at all: firewalls may forbid what WebRTC needs. */

/** Seconds without any link, although some were wanted, after which everything is left to HTTP. */
export const BLOCKED_AFTER = 10;
/** Seconds without a link after which the introducer is asked for somebody to talk to. */
export const LONELY_AFTER = 5;

export class Reach {
  /** No link could be made for a while. */
  blocked = false;
  #wantedSince: number | null = null;
  #lonelyAt = Number.POSITIVE_INFINITY;

  /** `open` links there are now, and `wanted` ones to peers that are there; true when `blocked` changed. */
  observe(open: number, wanted: number, now: number): boolean {
    const before = this.blocked;
    if (open > 0) {
      this.blocked = false;
      this.#wantedSince = null;
    } else if (wanted === 0) {
      this.#wantedSince = null;
    } else {
      this.#wantedSince ??= now;
      if (now - this.#wantedSince >= BLOCKED_AFTER) this.blocked = true;
    }
    return this.blocked !== before;
  }

  /** Whether to ask the introducer, which is `up`, for company now. */
  lonely(open: number, up: boolean, now: number): boolean {
    if (open === 0 && up && now < this.#lonelyAt) {
      if (this.#lonelyAt === Number.POSITIVE_INFINITY) this.#lonelyAt = now + LONELY_AFTER;
      return false;
    }
    const ask = open === 0 && up;
    this.#lonelyAt = ask ? now + LONELY_AFTER : Number.POSITIVE_INFINITY;
    return ask;
  }
}
