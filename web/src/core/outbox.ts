/** What waits for one child: bounded by age, never by hope. */

/** Bytes handed to a link before it has to drain; the rest waits here, where it can still be dropped. */
export const IN_FLIGHT = 128 * 1024;
/** Seconds that the oldest unsent block may wait; a child behind that loses the stripe. */
export const MAX_AGE = 1.0;
export const MAX_BYTES = 8 * 1024 * 1024;

interface Entry {
  readonly at: number;
  readonly stripe: number;
  readonly message: Uint8Array;
}

/** Blocks for one peer, in the order in which they came. */
export class Outbox {
  #queue: Entry[] = [];
  #inFlight = 0;
  /** Bytes that were not handed to the link yet. */
  waiting = 0;

  put(stripe: number, message: Uint8Array, now: number): void {
    this.#queue.push({ at: now, stripe, message });
    this.waiting += message.length;
  }

  /** The link says how many bytes it still holds. */
  drained(buffered: number): void {
    this.#inFlight = buffered;
  }

  /** What the link can take now. */
  take(): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (const { message } of this.#queue) {
      if (this.#inFlight >= IN_FLIGHT) break;
      this.waiting -= message.length;
      this.#inFlight += message.length;
      out.push(message);
    }
    this.#queue.splice(0, out.length);
    return out;
  }

  /** The stripe of the oldest block when it has waited too long or too much waits. */
  late(now: number): number | null {
    const oldest = this.#queue[0];
    if (oldest !== undefined && (now - oldest.at > MAX_AGE || this.waiting > MAX_BYTES)) return oldest.stripe;
    return null;
  }

  /** Forgets what waits for `stripe`; returns how many blocks that were. */
  drop(stripe: number): number {
    const kept = this.#queue.filter((entry) => entry.stripe !== stripe);
    const dropped = this.#queue.length - kept.length;
    this.#queue = kept;
    this.waiting = kept.reduce((sum, entry) => sum + entry.message.length, 0);
    return dropped;
  }
}
