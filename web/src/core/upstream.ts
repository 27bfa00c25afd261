/** Who feeds one stripe, who may take over, and when the parent has to go. */

import type { Neighbour } from "./neighbour.ts";
import { SILENT_PARTS, STARVED_PARTS } from "./rhythm.ts";

/** Parts that a new parent must push in time, one after another, before a working one is given up for it. */
export const PROOF_PARTS = 5;
/** Parts that it may be behind the working one: a longer way takes longer. */
export const PROOF_LATE = 2;
/** Seconds in which it must have done so; a page that has just been opened is often late at first. */
export const PROOF_PATIENCE = 5.0;
/** Seconds in which a new parent must push its first block while others move. */
export const PENDING_PATIENCE = 1.0;
/** The same of one that has not said a word since, where nothing works; twice as long at each further try. */
export const ORPHAN_PATIENCE = 0.4;
/** Seconds for which a parent that announced starvation is left to look for its own new parent. */
export const STARVED_TRUST = 0.6;
/** Seconds over which those that trust no longer spread themselves. */
export const TRUST_SPREAD = 0.4;
/** Seconds for which a parent may not know its way to the publisher; then we might be in a circle. */
export const ROOTLESS_TRUST = 0.6;
export const PLAN_RETRY = 2.0;

/** One stripe's way up. */
export class Upstream {
  parent: string | null = null;
  /** Asked to take over; a working parent is kept until this one has shown that it keeps up. */
  pending: string | null = null;
  pendingSince = 0;
  /** When the first block of the pending parent came. */
  pushingSince: number | null = null;
  /** How many parts it has pushed in time, one after another, and the number of the last. */
  proved = 0;
  provedTo = -1;
  /** It was asked for by a plan that has been replaced, perhaps because it does not answer. */
  superseded = false;
  /** The pending one was asked because the parent pushes too little. */
  forMore = false;
  planned: string | null = null;
  /** When it was named, or last told to have no link. */
  plannedAt = 0;
  planRetryAt = 0;
  planFailures = 0;
  trustUntil: number | null = null;
  rootlessSince: number | null = null;
  /** Since when the parent has been asking to be replaced, while it still feeds. */
  goingSince: number | null = null;
  /** The short id of the parent that was lost last. */
  lost: string | null = null;
  orphanSince: number | null = null;
  /** How many were asked in vain since then. */
  tries = 0;

  constructor(public starved = true) {}

  /** The planner names another parent, or none. */
  plan(planned: string | null, now: number): void {
    if (planned === this.planned) return;
    this.superseded = this.pending !== null && this.pending === this.planned;
    this.planned = planned;
    this.plannedAt = now;
    this.planRetryAt = now;
    this.planFailures = 0;
  }

  /** The planned parent does not feed us; true if it has not for the second time. */
  planFailed(now: number): boolean {
    this.planFailures += 1;
    this.planRetryAt = now + PLAN_RETRY * this.planFailures;
    return this.planFailures >= 2;
  }

  /** `peer` is asked to take over. */
  ask(peer: string, now: number, forMore = false): void {
    this.pending = peer;
    this.pendingSince = now;
    this.superseded = false;
    this.forMore = forMore;
    this.pushingSince = null;
    this.proved = 0;
    this.provedTo = -1;
  }

  /** The pending parent takes over. */
  adopt(peer: string): void {
    this.parent = peer;
    this.pending = null;
    this.lost = null;
    this.tries = 0;
    this.orphanSince = null;
    this.trustUntil = null;
    this.rootlessSince = null;
    this.goingSince = null;
    if (peer === this.planned) this.planFailures = 0;
  }

  /** The parent is gone; `lost` is its short id where those that it fed are orphans, too. */
  orphan(lost: string | null, now: number): void {
    this.parent = null;
    this.orphanSince = now;
    this.lost = lost;
    this.trustUntil = null;
    this.goingSince = null;
  }

  /**
   * Whether the pending parent, which pushed part `number`, may take over. Anybody may where nothing works.
   *
   * `newest` is the newest part that the working one has pushed.
   */
  keepsUp(number: number, newest: number, now: number): boolean {
    if (this.parent === null || this.starved) return true;
    if (this.rootlessSince !== null || this.goingSince !== null) return true;
    this.pushingSince ??= now;
    if (number > this.provedTo) {
      this.provedTo = number;
      this.proved = number >= newest - PROOF_LATE ? this.proved + 1 : 0;
    }
    return this.proved >= PROOF_PARTS;
  }

  /** Whether the pending parent has had its time; `movedAt`: when anything new last came. */
  hopeless(pending: Neighbour, movedAt: number, now: number): boolean {
    if (pending.silent(now)) return true;
    const waited = now - this.pendingSince;
    if (this.pushingSince !== null && now - this.pushingSince <= PROOF_PATIENCE) return false;
    let patience = PENDING_PATIENCE;
    if (this.parent === null && pending.heardAt <= this.pendingSince)
      patience = Math.min(patience, ORPHAN_PATIENCE * 2 ** Math.min(this.tries, 3));
    const othersMove = movedAt > this.pendingSince + patience / 2;
    return waited > patience && (othersMove || waited > 3 * PENDING_PATIENCE);
  }

  /** Whether the parent is of no use any more; `silent` in parts, `me` is our short id. */
  mustGo(
    parent: Neighbour,
    stripe: number,
    silent: number,
    { me, spread, now }: { me: string; spread: number; now: number },
  ): boolean {
    if (parent.quiet || parent.path(stripe).includes(me)) return true;
    if (silent < STARVED_PARTS) {
      this.trustUntil = null;
      return false;
    }
    if (parent.starved(stripe)) {
      // Only the real orphan looks for a parent; its descendants pull meanwhile, for a while.
      this.trustUntil ??= now + STARVED_TRUST + spread * TRUST_SPREAD;
      return now >= this.trustUntil;
    }
    return silent >= SILENT_PARTS;
  }

  /** Whether the parent asks to be replaced while it still feeds. */
  isGoing(parent: Neighbour | null, now: number): boolean {
    if (!parent?.going()) {
      this.goingSince = null;
      return false;
    }
    this.goingSince ??= now;
    return true;
  }

  /**
   * Whether the parent has not known its way to the publisher for too long.
   *
   * A circle may live on the blocks that its members ask for elsewhere, so it is never silent, and nobody in it has a
   * path that could tell.
   */
  isRootless(parent: Neighbour | null, stripe: number, spread: number, now: number): boolean {
    if (parent === null || parent.status === null || parent.path(stripe).length > 0) {
      this.rootlessSince = null;
      return false;
    }
    this.rootlessSince ??= now;
    return now - this.rootlessSince >= ROOTLESS_TRUST + spread * TRUST_SPREAD;
  }
}

export interface Change {
  readonly type: "subscribe" | "unsubscribe";
  readonly stripe: number;
  readonly peer: string;
}
