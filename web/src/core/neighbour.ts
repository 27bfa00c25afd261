/** What is known of a peer at the other end of a link, as far as one braid goes. */

import type { Status } from "../wire.ts";
import { Bucket } from "./chat-rate.ts";
import { Outbox } from "./outbox.ts";

export type Role = "viewer" | "publisher" | "relay" | "member";

/** Seconds for which a STATUS counts; it comes every 0.5 s. */
export const STATUS_FRESH = 2.0;
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
  quiet = false;
  /** It has sent a STATUS or a SUBSCRIBE for this braid. */
  takesPart = false;
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

  leaving(): boolean {
    return this.status?.leaving ?? false;
  }

  /** Ready to take over a stripe at once: fed, alive, with room, and not below `me` (a short id). */
  canFeed(stripe: number, epoch: number, me: string, now: number): boolean {
    const status = this.status;
    if (status === null || status.leaving || !status.carries || status.free === 0) return false;
    return !this.refuses(stripe, now) && this.has(stripe, epoch, me, now);
  }

  /** Worth asking for a lost block of the stripe. */
  has(stripe: number, epoch: number, me: string, now: number): boolean {
    const status = this.status;
    if (status === null || this.quiet || now - this.statusAt > STATUS_FRESH || status.epoch !== epoch) {
      return false;
    }
    const state = status.stripes[stripe];
    return state?.fed === true && !state.starved && !state.path.includes(me);
  }

  /** Whether it may have `count` more blocks on request. */
  allow(count: number, now: number): boolean {
    return this.#wants.take(now, count);
  }
}
