/** What waits for one child: bounded by when it has to be played, never by hope. */

/** Bytes handed to a link before it has to drain; the rest waits here, where it can still be dropped. */
export const IN_FLIGHT = 128 * 1024;
/** Seconds in which a block has to leave. Who plays a second behind has 0.4 s left to find another parent. */
export const LEAVE_WITHIN = 0.6;
/** Seconds more for a part that begins with a key frame: it is as large as several others together. */
export const KEY_FRAME = 0.6;
/** Seconds in which the past has to leave that a new child is given at once. */
export const BACKLOG = 2.0;
/** Seconds for which something has waited when there is nothing to spare for requests. */
export const BUSY_AFTER = 0.1;
/** Stands for the stripe of blocks that were asked for one by one. */
export const REQUESTED = -1;
export const MAX_BYTES = 8 * 1024 * 1024;

interface Waiting {
  /** When it has to have left. */
  readonly leaveBy: number;
  readonly stripe: number;
  readonly message: Uint8Array;
}

/** Blocks for one peer, in the order in which they came: some are in the link's buffer, the rest waits. */
export class Outbox {
  #queue: Waiting[] = [];
  /** What may still be in the link's buffer. */
  #handed: Waiting[] = [];
  #handedBytes = 0;
  #inFlight = 0;
  #relievedUntil = 0;
  /** Bytes that were not handed to the link yet. */
  waiting = 0;

  /** Whether everything has left, as far as is known. */
  get empty(): boolean {
    return this.#queue.length === 0 && this.#handed.length === 0;
  }

  /** Has `message` leave, by `leaveBy` or soon after what is before it. */
  put(stripe: number, message: Uint8Array, leaveBy: number): void {
    // What stands behind something that has more time cannot have less.
    const last = this.#queue.at(-1) ?? this.#handed.at(-1);
    this.#queue.push({ leaveBy: Math.max(leaveBy, last?.leaveBy ?? leaveBy), stripe, message });
    this.waiting += message.length;
  }

  /** The link says how many bytes it still holds; returns how many it has let go since it last did. */
  drained(buffered: number): number {
    const left = Math.max(0, this.#inFlight - buffered);
    this.#inFlight = buffered;
    let gone = 0;
    for (const { message } of this.#handed) {
      if (this.#handedBytes - message.length < buffered) break;
      this.#handedBytes -= message.length;
      gone += 1;
    }
    this.#handed.splice(0, gone);
    return left;
  }

  /** Whether the link takes nothing more now. */
  full(): boolean {
    return this.#inFlight >= IN_FLIGHT;
  }

  /** What the link can take now. */
  take(): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (const waiting of this.#queue) {
      if (this.full()) break;
      const { message } = waiting;
      this.waiting -= message.length;
      this.#inFlight += message.length;
      this.#handed.push(waiting);
      this.#handedBytes += message.length;
      out.push(message);
    }
    this.#queue.splice(0, out.length);
    return out;
  }

  /** Whether more waits than anybody may have waiting. */
  overflows(): boolean {
    return this.waiting > MAX_BYTES;
  }

  /** The stripe of the oldest block that should have left, or that of the last when too much waits. */
  late(now: number): number | null {
    if (this.overflows()) return this.#queue.at(-1)?.stripe ?? null;
    const oldest = this.#oldest;
    if (oldest === undefined || now <= Math.max(oldest.leaveBy, this.#relievedUntil)) return null;
    return oldest.stripe;
  }

  /** Whether something has been waiting for a while. */
  busy(now: number): boolean {
    const oldest = this.#oldest;
    return oldest !== undefined && oldest.leaveBy - now < LEAVE_WITHIN - BUSY_AFTER;
  }

  /** When the oldest that waits came, or somewhat later. */
  waitsSince(): number {
    return (this.#oldest?.leaveBy ?? Number.POSITIVE_INFINITY) - LEAVE_WITHIN;
  }

  /** Less comes from now on: what is in the link's buffer gets the time to leave. */
  relieve(now: number): void {
    this.#relievedUntil = now + LEAVE_WITHIN;
  }

  /** Forgets what waits for `stripe`; returns how many blocks that were. */
  drop(stripe: number): number {
    const kept = this.#queue.filter((entry) => entry.stripe !== stripe);
    const dropped = this.#queue.length - kept.length;
    this.#queue = kept;
    this.waiting = kept.reduce((sum, entry) => sum + entry.message.length, 0);
    return dropped;
  }

  /** What has waited longest. */
  get #oldest() {
    return this.#handed[0] ?? this.#queue[0];
  }
}
