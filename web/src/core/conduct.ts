/** What one linked peer does in one braid: counted here, and settled into its standing every second. */

import type { Message } from "../wire.ts";
import { Bucket, type Rate } from "./bucket.ts";
import { BROKEN_PROMISE, EMPTY_WORD, FLOOD, IN_TIME, STANDSTILL, STRAY } from "./standing.ts";

export const SETTLE_EVERY = 1;
/** Seconds in which one who has a part by its STATUS answers for it; a WANT is forgotten after one. */
const PROMISE = 1.5;
/** Of one peer that are waited for at a time. */
const PROMISES = 16;
/** Blocks asked of a peer beyond which no promise is counted: half of what it has to answer. */
const ASKED: Rate = [64, 32];
/** Answers that are expected at most; what else comes unasked is stray. */
const ANSWERS = 1024;
/** Stands for a WANT of a whole part. */
const WHOLE = -1;

/** Messages of a kind at once, and a second. An honest peer of 16 stripes stays below half of that. */
const ALLOWED: Partial<Record<Message["type"], Rate>> = {
  subscribe: [64, 8],
  unsubscribe: [64, 8],
  refuse: [64, 8],
  status: [64, 20],
  want: [96, 64],
  probe: [128, 2],
  probed: [8, 0.1],
};
/** Subscriptions that begin with what the window has; others begin with the newest part. */
const BACKLOGS: Rate = [32, 0.25];

/** One peer's deeds since they were settled last, and what it may still say. */
export class Conduct {
  /** Blocks that it pushed as a parent before they had to be asked for. */
  inTime = 0;
  #stray = 0;
  #flood = 0;
  #silence = 0;
  #answers = 0;
  /** When "part,block" is overdue. */
  readonly #owed = new Map<string, number>();
  readonly #asked: Bucket;
  readonly #backlogs: Bucket;
  readonly #said = new Map<string, Bucket>();

  constructor(now: number) {
    this.#asked = new Bucket(ASKED, now);
    this.#backlogs = new Bucket(BACKLOGS, now);
  }

  /** Whether a message of this kind is to be looked at. */
  maySay(kind: Message["type"], now: number): boolean {
    let bucket = this.#said.get(kind);
    if (bucket === undefined) {
      const allowed = ALLOWED[kind];
      if (allowed === undefined) return true;
      bucket = new Bucket(allowed, now);
      this.#said.set(kind, bucket);
    }
    if (bucket.take(now)) return true;
    this.#flood += 1;
    return false;
  }

  /** Whether a subscription of it may begin with what has been. */
  mayHaveBacklog(now: number): boolean {
    return this.#backlogs.take(now);
  }

  /** It was asked for blocks of a part (none: for all); `promised` if it says that it has the part. */
  asked(number: number, indices: readonly number[], promised: boolean, now: number): void {
    this.#answers = Math.min(ANSWERS, this.#answers + (indices.length || 64));
    const counts = this.#asked.take(now, indices.length || 1);
    if (!promised || !counts || this.#owed.size >= PROMISES) return;
    const owed = `${number},${indices[0] ?? WHOLE}`;
    if (!this.#owed.has(owed)) this.#owed.set(owed, now + PROMISE);
  }

  /** It sent a block that proved genuine, asked for or pushed. */
  sent(number: number, index: number): void {
    if (this.#owed.size === 0) return;
    this.#owed.delete(`${number},${index}`);
    this.#owed.delete(`${number},${WHOLE}`);
  }

  /** It sent what was here, or is too old, and feeds us nothing that this belongs to. */
  unexpected(): void {
    if (this.#answers > 0) this.#answers -= 1;
    else this.#stray += 1;
  }

  /** It does not push a stripe that should reach it; `lied`: and says meanwhile that it does. */
  pushedNothing(lied: boolean): void {
    this.#silence = Math.min(this.#silence, lied ? EMPTY_WORD : STANDSTILL);
  }

  /** The points for what it did since the last call; `excused` when it may be dead: that is no lie. */
  settle(excused: boolean, now: number): number {
    const owed = this.#owed.size;
    for (const [asked, until] of this.#owed) if (until < now) this.#owed.delete(asked);
    const broken = this.#owed.size < owed && !excused;
    const points = this.inTime * IN_TIME + this.#stray * STRAY + this.#flood * FLOOD + this.#silence;
    this.#silence = 0;
    this.inTime = 0;
    this.#stray = 0;
    this.#flood = 0;
    return broken ? points + BROKEN_PROMISE : points;
  }
}
