/** Giving pieces of files to others: who waits for what, and how much leaves beside what is live. */

import { BLOCK } from "../wire-files.ts";
import { type FilePace, TICK as TICK_BESIDE } from "./file-pace.ts";

/** Pieces that one peer may have asked for and not got. */
const MAX_QUEUE = 128;
/** Pieces that are read at once for one peer. */
const READING = 4;
/** Bytes that may wait on a link while nothing is live. */
const ALONE = 256 * 1024;
/**
 * Bytes that may wait on all links together for more to be put on one, while something is live: a video block that comes
 * then waits for no more than this.
 */
const BESIDE = 2 * BLOCK;
const TICK = 0.25;
/** Seconds for which whoever has all of a file remembers whom a block was given to. */
const GIVEN_FOR = 5;

interface Given {
  readonly to: string;
  readonly at: number;
  /** Those who were told to ask somebody else. */
  readonly sentOn: Set<string>;
}

interface Piece {
  readonly file: string;
  readonly piece: number;
}

/** What a peer asked for: `reading` pieces come from the disk, `buffered` bytes wait on the link. */
interface Waiting {
  queue: Piece[];
  reading: number;
  buffered: number;
}

/** Peers take turns. */
export class FileServing {
  /** While something is live. */
  pace: FilePace | null = null;
  readonly #waiting = new Map<string, Waiting>();
  readonly #given = new Map<string, Given>();

  linkOpened(peer: string): void {
    this.#waiting.set(peer, { queue: [], reading: 0, buffered: 0 });
  }

  linkClosed(peer: string): void {
    this.#waiting.delete(peer);
  }

  /** The link says how many bytes it still holds, of whatever kind. */
  drained(peer: string, buffered: number): void {
    const waiting = this.#waiting.get(peer);
    if (waiting !== undefined) waiting.buffered = buffered;
  }

  /**
   * `peer` wants a piece that is here. False when it is to ask elsewhere, or again later.
   *
   * Whoever has the `whole` file sends a second one to the first whom it gave the block; who cannot have it there asks
   * again. So one copy of the file has left before a second one does.
   */
  ask(peer: string, file: string, piece: number, whole: boolean, now: number): boolean {
    const queue = this.#waiting.get(peer)?.queue;
    if (queue === undefined || queue.length >= MAX_QUEUE) return false;
    if (queue.some((other) => other.file === file && other.piece === piece)) return false;
    if (whole && !this.#gives(peer, `${file} ${piece}`, now)) return false;
    queue.push({ file, piece });
    return true;
  }

  #gives(peer: string, what: string, now: number): boolean {
    const given = this.#given.get(what);
    const elsewhere = given !== undefined && given.to !== peer && this.#waiting.has(given.to);
    if (elsewhere && now < given.at + GIVEN_FOR && !given.sentOn.has(peer)) {
      given.sentOn.add(peer);
      return false;
    }
    this.#given.delete(what);
    this.#given.set(what, { to: peer, at: now, sentOn: new Set() });
    for (const [oldest, { at }] of this.#given) {
      if (now < at + GIVEN_FOR) break;
      this.#given.delete(oldest);
    }
    return true;
  }

  /** What is to be read and sent now. */
  take(now: number): (Piece & { readonly peer: string })[] {
    const out: (Piece & { readonly peer: string })[] = [];
    for (let busy = true; busy; ) {
      busy = false;
      for (const [peer, waiting] of this.#waiting) {
        const [next] = waiting.queue;
        if (next === undefined || !this.#maySend(waiting, now)) continue;
        busy = true;
        waiting.reading++;
        waiting.queue.shift();
        out.push({ peer, ...next });
      }
    }
    return out;
  }

  #maySend(waiting: Waiting, now: number): boolean {
    if (waiting.reading >= READING) return false;
    if (this.pace === null) return held(waiting) < ALONE;
    let all = 0;
    for (const other of this.#waiting.values()) all += held(other);
    return all < BESIDE && this.pace.give(now);
  }

  /** A message of `size` bytes with a piece goes out (0: none does). False when its peer is gone. */
  read(peer: string, size: number): boolean {
    const waiting = this.#waiting.get(peer);
    if (waiting === undefined || waiting.reading === 0) return false;
    waiting.reading--;
    waiting.buffered += size;
    return true;
  }

  /** It is not here any more. */
  forget(file: string): void {
    for (const waiting of this.#waiting.values()) {
      waiting.queue = waiting.queue.filter((other) => other.file !== file);
    }
  }

  /** While something waits. Beside what is live a link holds so little that it never says it drained. */
  nextTimer(now: number): number {
    const waits = [...this.#waiting.values()].some(({ queue }) => queue.length > 0);
    return waits ? now + (this.pace === null ? TICK : TICK_BESIDE) : Number.POSITIVE_INFINITY;
  }
}

function held({ buffered, reading }: Waiting): number {
  return buffered + reading * BLOCK;
}
