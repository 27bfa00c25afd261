/** What is known of a peer at the other end of a link, as far as one braid goes. */

import type { Status } from "../wire.ts";
import { Bucket } from "./bucket.ts";
import { Conduct } from "./conduct.ts";
import { LEAVE_WITHIN, Outbox } from "./outbox.ts";

export type Role = "viewer" | "publisher" | "relay" | "member";

/** The newest complete part of one who has none. */
export const NO_PART = 0xffffffff;
/** A part that is so far behind the newest complete one is complete, too: lost blocks have come by then. */
const SURE_PARTS = 5;
/** Seconds for which a STATUS counts; it comes every 0.5 s. */
export const STATUS_FRESH = 2.0;
/** Seconds without a word after which a peer may be dead: STATUS has been missed. */
export const HEARD_WITHIN = 0.75;
/**
 * Seconds of a link in which silence is no lie: a page that has just been opened, or the publisher that many come to at
 * once, stops for a moment now and then.
 */
const LATE_AT_FIRST = 5.0;
export const REFUSED_FOR = 2.0;
export const WANTS_PER_SECOND = 64.0;
export const WANTS_BURST = 128.0;

const NO_PATH: readonly string[] = [];

/** A linked peer: its latest STATUS, what it is fed, and what it may still ask for. */
export class Neighbour {
  readonly peer: string;
  readonly short: string;
  readonly role: Role;
  status: Status | null = null;
  statusAt: number;
  heardAt: number;
  quiet = false;
  /** It has sent a STATUS or a SUBSCRIBE for this braid. */
  takesPart = false;
  /** When the link opened. */
  readonly since: number;
  readonly conduct: Conduct;
  /** What its standing says: 1 if it is doubted, 2 if it is distrusted. */
  doubt = 0;
  readonly outbox = new Outbox();
  /** The stripes that we push to it. */
  readonly feeds = new Set<number>();
  readonly #refused = new Map<number, number>();
  readonly #wants: Bucket;

  constructor(peer: string, role: Role, now: number) {
    this.peer = peer;
    this.short = peer.slice(0, 8);
    this.role = role;
    this.statusAt = now;
    this.heardAt = now;
    this.since = now;
    this.conduct = new Conduct(now);
    this.#wants = new Bucket([WANTS_BURST, WANTS_PER_SECOND], now);
  }

  refused(stripe: number, now: number): void {
    this.#refused.set(stripe, now + REFUSED_FOR);
  }

  refuses(stripe: number, now: number): boolean {
    return (this.#refused.get(stripe) ?? 0) > now;
  }

  /** Short ids from the publisher to this peer; empty when it is not fed or has not said. */
  path(stripe: number): readonly string[] {
    return this.status?.stripes[stripe]?.path ?? NO_PATH;
  }

  /** It has said that the stripe does not reach it. */
  starved(stripe: number): boolean {
    return this.status?.stripes[stripe]?.starved ?? false;
  }

  /** It has said that it has children on the stripe. */
  feedsOn(stripe: number): boolean {
    return this.status?.stripes[stripe]?.feeds ?? false;
  }

  /** It has said that it carries nothing. */
  isLeaf(): boolean {
    return this.status !== null && !this.status.carries;
  }

  /** It leaves, or hands its children over: it feeds until they have found another parent. */
  going(): boolean {
    if (this.status === null || this.role === "publisher") return false;
    return this.status.leaving || !this.status.carries;
  }

  /** Not even a STATUS has come when it should have: it may be dead. */
  silent(now: number): boolean {
    return now - this.heardAt > HEARD_WITHIN;
  }

  /** It seems to have vanished. */
  isGone(now: number): boolean {
    return this.quiet || this.silent(now);
  }

  /** Something has been waiting for it, and it has spoken since: it lives, so that is for want of upload. */
  waits(now: number): boolean {
    return this.outbox.busy(now) && this.heardAt >= this.outbox.waitsSince();
  }

  /** It is not dead, and yet something has waited for it for too long: it is slow, or our upload is. */
  isLate(now: number): boolean {
    if (now - this.heardAt > LEAVE_WITHIN && !this.outbox.overflows()) return false;
    return this.outbox.late(now) !== null;
  }

  /**
   * Ready to take over a stripe at once: fed, alive, with at least so many free places, and not below `me` (a short id).
   */
  canFeed(stripe: number, epoch: number, me: string, now: number, least = 1): boolean {
    const status = this.status;
    if (status === null || this.silent(now) || this.refuses(stripe, now)) return false;
    return (
      status.carries && !status.leaving && status.free >= least && this.#isFed(status, stripe, epoch, me)
    );
  }

  /** Worth asking for a lost block of the stripe. */
  has(stripe: number, epoch: number, me: string, now: number): boolean {
    const status = this.status;
    if (status === null || now - this.statusAt > STATUS_FRESH) return false;
    return this.#isFed(status, stripe, epoch, me);
  }

  #isFed(status: Status, stripe: number, epoch: number, me: string): boolean {
    const state = status.stripes[stripe];
    if (this.quiet || status.epoch !== epoch || state === undefined) return false;
    return state.fed && !state.starved && !state.path.includes(me);
  }

  /** It has said that it has every block of the part. */
  hasAll(epoch: number, number: number): boolean {
    return this.status?.newest === number && this.status.epoch === epoch;
  }

  /**
   * It was or would be our parent of a stripe, and is silent on it: a lie if it says that it is fed. What it said before
   * the next block was `due` is none: a page that stands still for a moment says nothing.
   */
  pushedNothing(stripe: number, due: number, now: number): void {
    const state = this.status?.stripes[stripe];
    if (!state?.fed || state.starved || this.isGone(now) || now - this.since < LATE_AT_FIRST) return;
    this.conduct.pushedNothing(this.statusAt > due);
  }

  /** We ask it for lost blocks of a part (none: for all), which it may have said that it has. */
  asked(number: number, indices: readonly number[], now: number): void {
    const newest = this.status?.newest ?? NO_PART;
    this.conduct.asked(number, indices, newest < NO_PART && newest >= number + SURE_PARTS, now);
  }

  /** Whether it may have `count` more blocks on request. */
  allow(count: number, now: number): boolean {
    return this.#wants.take(now, count);
  }
}
