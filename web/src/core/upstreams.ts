/** The upward side of a braid: one parent for each stripe, the plan, and fail-over without loops or storms. */

import { bestParent, mender, type Neighbours } from "./candidates.ts";
import type { Neighbour } from "./neighbour.ts";
import { PushShare } from "./push-share.ts";
import { Rhythm, SILENT_PARTS, STARVED_PARTS } from "./rhythm.ts";
import { type Change, Upstream } from "./upstream.ts";
import type { Window } from "./window.ts";

/** Seconds in which a new parent must push its first block while others move. */
export const PENDING_PATIENCE = 1.0;
/** Parts that a new parent must push in time, one after another, before a working one is given up for it. */
export const PROOF_PARTS = 5;
/** Parts that it may be behind the working one: a longer way takes longer. */
export const PROOF_LATE = 2;
/** Seconds in which it must have done so; a page that has just been opened is often late at first. */
export const PROOF_PATIENCE = 5.0;
/** Seconds for which a parent that announced starvation is left to look for its own new parent. */
export const STARVED_TRUST = 0.6;
/** Seconds over which those that trust no longer spread themselves. */
export const TRUST_SPREAD = 0.4;
export const PLAN_RETRY = 2.0;
/** Seconds after which a peer without a plan looks for parents among its neighbours. */
export const NO_PLAN_PATIENCE = 2.0;
/** Seconds for which a parent may not know its way to the publisher; then we might be in a circle. */
export const ROOTLESS_TRUST = 0.6;
/** Seconds for which an orphan takes nobody that was fed through the lost parent: they are orphans, too. */
export const SHUN = 0.5;
/** Parts over which orphans that have only the publisher to ask spread themselves. */
export const PUBLISHER_WAIT_PARTS = 2.0;

/** Chooses parents. It sends nothing: it returns what to subscribe to and what to give up. */
export class Upstreams {
  readonly #me: string;
  readonly #id: string;
  readonly #spread: number;
  readonly #born: number;
  readonly stripes: readonly Upstream[];
  readonly rhythm: Rhythm;
  readonly shares: PushShare;
  #meagre: string[] = [];
  standbys: readonly string[] = [];
  hasPlan = false;
  /** When a part newer than all before was last seen. */
  movedAt = Number.NEGATIVE_INFINITY;
  #failOvers = 0;
  /** Planned parents that never pushed, or too little; told to the planner. */
  readonly failed = new Set<string>();

  constructor(me: string, stripes: number, spread: number, now: number) {
    this.#me = short(me);
    this.#id = me;
    this.#spread = spread;
    this.#born = now;
    this.stripes = Array.from({ length: stripes }, () => new Upstream());
    this.rhythm = new Rhythm(stripes);
    this.shares = new PushShare(stripes);
  }

  /** The planner's word. A working parent is kept until the planned one has shown that it keeps up. */
  plan(parents: readonly (string | null)[], standbys: readonly string[], now: number): void {
    this.hasPlan = true;
    this.standbys = standbys;
    for (const [stripe, up] of this.stripes.entries()) {
      const planned = parents[stripe] ?? null;
      if (planned === up.planned) continue;
      up.superseded = up.pending !== null && up.pending === up.planned;
      up.planned = planned;
      up.planRetryAt = now;
      up.planFailures = 0;
    }
  }

  /** The peers to be linked with, parents first. */
  wanted(): string[] {
    const ordered = new Set<string>();
    for (const up of this.stripes) {
      for (const peer of [up.parent, up.pending, up.planned]) if (peer !== null) ordered.add(peer);
    }
    for (const peer of this.standbys) ordered.add(peer);
    return [...ordered];
  }

  parents(): (string | null)[] {
    return this.stripes.map((up) => up.parent);
  }

  allFed(): boolean {
    return this.stripes.every((up) => up.parent !== null);
  }

  noneFed(): boolean {
    return this.stripes.every((up) => up.parent === null);
  }

  /** Short ids from the publisher to this peer; empty while that is not known. */
  path(stripe: number, neighbours: Neighbours): readonly string[] {
    const above = find(neighbours, this.stripes[stripe]?.parent ?? null)?.path(stripe) ?? [];
    return above.length > 0 && above.length < 32 ? [...above, this.#me] : [];
  }

  /** A verified block came from `peer`; a new parent may have shown by it that it keeps up. */
  block(stripe: number, number: number, peer: string, now: number): Change[] {
    const up = this.stripes[stripe];
    const changes: Change[] = [];
    if (up === undefined) return changes;
    if (peer === up.pending && this.#keepsUp(up, stripe, number, now)) {
      if (up.parent !== null && up.parent !== peer) {
        changes.push({ type: "unsubscribe", stripe, peer: up.parent });
        if (up.forMore) this.#meagre.push(up.parent);
      }
      up.parent = peer;
      up.pending = null;
      up.lost = null;
      up.orphanSince = null;
      up.trustUntil = null;
      up.rootlessSince = null;
      if (peer === up.planned) up.planFailures = 0;
      this.rhythm.reset(stripe, number, now);
      this.shares.takenOver(stripe, number);
    }
    if (peer === up.parent) this.rhythm.block(stripe, number, now);
    return changes;
  }

  /** Whether the pending parent may take over; anybody may where nothing works. */
  #keepsUp(up: Upstream, stripe: number, number: number, now: number): boolean {
    if (up.parent === null || up.starved || up.rootlessSince !== null) return true;
    up.pushingSince ??= now;
    if (number > up.provedTo) {
      up.provedTo = number;
      up.proved = number >= this.rhythm.newest(stripe) - PROOF_LATE ? up.proved + 1 : 0;
    }
    return up.proved >= PROOF_PARTS;
  }

  /** `peer` will not, or will no longer, push this stripe. */
  refused(stripe: number, peer: string, now: number): void {
    const up = this.stripes[stripe];
    if (up === undefined) return;
    if (up.pending === peer) up.pending = null;
    if (up.parent === peer) this.#orphan(up, now);
    else if (up.planned === peer) this.#planFailed(up, now);
  }

  /** The link to `peer` is gone. True if it fed anything. */
  lost(peer: string, now: number): boolean {
    let fed = false;
    for (const up of this.stripes) {
      if (up.pending === peer) up.pending = null;
      if (up.parent === peer) {
        fed = true;
        this.#orphan(up, now);
        up.lost = short(peer);
      }
    }
    return fed;
  }

  /** Whether `peer` may be our child. Of two that ask each other the smaller id is the parent. */
  askedBy(stripe: number, peer: string): boolean {
    const up = this.stripes[stripe];
    if (up === undefined || up.parent === peer) return false;
    if (up.pending === peer) {
      if (this.#id > peer) return false;
      up.pending = null;
    }
    return true;
  }

  /** How many parents were replaced for their silence since the last call. */
  takeFailOvers(): number {
    const count = this.#failOvers;
    this.#failOvers = 0;
    return count;
  }

  /** The parents that were replaced since the last call because they pushed too little. */
  takeMeagre(): string[] {
    const meagre = this.#meagre;
    this.#meagre = [];
    return meagre;
  }

  /** Looks at every stripe; returns what to change. */
  tick(neighbours: Neighbours, parts: Window, partDuration: number, now: number): Change[] {
    const changes: Change[] = [];
    this.shares.review(parts, now);
    for (const [stripe, up] of this.stripes.entries()) {
      const parent = find(neighbours, up.parent);
      const silent = parent !== null ? this.rhythm.silentParts(stripe, parts, partDuration, now) : 0;
      up.starved = parent === null || silent >= STARVED_PARTS;
      if (parent !== null && this.#mustReplace(up, parent, stripe, silent, now)) {
        this.#failOvers += 1;
        changes.push(...this.#replace(up, stripe, now));
      }
      changes.push(...this.#checkPending(up, stripe, neighbours, now));
      changes.push(...this.#followPlan(up, stripe, neighbours, now));
      if (up.pending === null && this.#rootless(up, stripe, neighbours, now)) {
        changes.push(...this.#leaveCircle(up, stripe, neighbours, parts, partDuration, now));
      }
      const hops = parent !== null && up.parent === parent.peer ? parent.path(stripe).length : null;
      if (up.pending === null && hops !== null && this.shares.meagre(stripe, hops, now)) {
        changes.push(...this.#askForMore(up, stripe, neighbours, parts, partDuration, now));
      }
      if (up.pending === null) {
        changes.push(...this.#seek(up, stripe, neighbours, parts, partDuration, now));
      }
    }
    return changes;
  }

  #mustReplace(up: Upstream, parent: Neighbour, stripe: number, silent: number, now: number): boolean {
    if (parent.quiet || parent.leaving() || parent.path(stripe).includes(this.#me)) return true;
    if (silent < STARVED_PARTS) {
      up.trustUntil = null;
      return false;
    }
    if (parent.starved(stripe)) {
      // Only the real orphan looks for a parent; its descendants pull meanwhile, for a while.
      up.trustUntil ??= now + STARVED_TRUST + this.#spread * TRUST_SPREAD;
      return now >= up.trustUntil;
    }
    return silent >= SILENT_PARTS;
  }

  #replace(up: Upstream, stripe: number, now: number): Change[] {
    const old = up.parent;
    this.#orphan(up, now);
    if (old === null) return [];
    up.lost = short(old);
    return [{ type: "unsubscribe", stripe, peer: old }];
  }

  /** Asks the planned parent, unless it is not fed and the one that we have is. */
  #followPlan(up: Upstream, stripe: number, neighbours: Neighbours, now: number): Change[] {
    const planned = find(neighbours, up.planned);
    if (planned === null || planned.peer === up.parent || now < up.planRetryAt) return [];
    if (up.pending !== null && (up.pending === planned.peer || !up.superseded)) return [];
    const way = planned.path(stripe);
    if (planned.quiet || way.includes(this.#me)) return [];
    if (planned.doubt > 0 && up.parent !== null) return [];
    const parent = find(neighbours, up.parent);
    if (way.length === 0 && parent !== null && parent.path(stripe).length > 0) return [];
    const changes: Change[] = [];
    if (up.pending !== null) changes.push({ type: "unsubscribe", stripe, peer: up.pending });
    return [...changes, ...this.#subscribe(up, stripe, planned.peer, now)];
  }

  /**
   * Whether the parent has not known its way to the publisher for too long.
   *
   * A circle may live on the blocks that its members ask for elsewhere, so it is never silent, and nobody in it has a
   * path that could tell.
   */
  #rootless(up: Upstream, stripe: number, neighbours: Neighbours, now: number): boolean {
    const parent = find(neighbours, up.parent);
    if (parent === null || parent.status === null || parent.path(stripe).length > 0) {
      up.rootlessSince = null;
      return false;
    }
    up.rootlessSince ??= now;
    return now - up.rootlessSince >= ROOTLESS_TRUST + this.#spread * TRUST_SPREAD;
  }

  /** Asks somebody who knows the way; the parent is kept until then, for it may be fed by the origin. */
  #leaveCircle(
    up: Upstream,
    stripe: number,
    neighbours: Neighbours,
    parts: Window,
    partDuration: number,
    now: number,
  ): Change[] {
    const since = (up.rootlessSince ?? now) + ROOTLESS_TRUST;
    const found = this.#best(up, stripe, neighbours, parts.epoch, now);
    if (found === null || this.#mustWait(found, neighbours, partDuration, since, now)) return [];
    if (up.planned === up.parent) this.#planFailed(up, now);
    return this.#subscribe(up, stripe, found.peer, now);
  }

  /** The parent sends just enough not to be silent: it is kept until another has shown to be better. */
  #askForMore(
    up: Upstream,
    stripe: number,
    neighbours: Neighbours,
    parts: Window,
    partDuration: number,
    now: number,
  ): Change[] {
    const found = this.#best(up, stripe, neighbours, parts.epoch, now);
    if (found === null || this.#mustWait(found, neighbours, partDuration, now, now)) return [];
    if (up.planned !== null && up.planned === up.parent) {
      this.#planFailed(up, now);
      this.failed.add(up.planned);
    }
    const changes = this.#subscribe(up, stripe, found.peer, now);
    up.forMore = true;
    return changes;
  }

  #orphan(up: Upstream, now: number): void {
    if (up.planned === up.parent) this.#planFailed(up, now);
    up.parent = null;
    up.orphanSince = now;
    up.trustUntil = null;
    up.lost = null;
  }

  #planFailed(up: Upstream, now: number): void {
    up.planFailures += 1;
    up.planRetryAt = now + PLAN_RETRY * up.planFailures;
    if (up.planFailures >= 2 && up.planned !== null) this.failed.add(up.planned);
  }

  #checkPending(up: Upstream, stripe: number, neighbours: Neighbours, now: number): Change[] {
    const peer = up.pending;
    if (peer === null) return [];
    const waited = now - up.pendingSince;
    const proving = up.pushingSince !== null && now - up.pushingSince <= PROOF_PATIENCE;
    const othersMove = this.movedAt > up.pendingSince + PENDING_PATIENCE / 2;
    const patient = waited <= PENDING_PATIENCE || !(othersMove || waited > 3 * PENDING_PATIENCE);
    const neighbour = find(neighbours, peer);
    if ((patient || proving) && !neighbour?.silent(now)) return [];
    up.pending = null;
    neighbour?.refused(stripe, now);
    if (peer === up.planned) this.#planFailed(up, now);
    return [{ type: "unsubscribe", stripe, peer }];
  }

  #seek(
    up: Upstream,
    stripe: number,
    neighbours: Neighbours,
    parts: Window,
    partDuration: number,
    now: number,
  ): Change[] {
    if (up.parent !== null) return [];
    if (!this.hasPlan && now - this.#born < NO_PLAN_PATIENCE) return [];
    if (up.orphanSince === null) {
      up.orphanSince = Math.max(now, this.#born);
      if (up.planned !== null) return [];
    }
    if (up.planned !== null && up.planFailures === 0 && now - up.orphanSince < PENDING_PATIENCE) return [];
    const found = this.#best(up, stripe, neighbours, parts.epoch, now);
    if (found === null || this.#mustWait(found, neighbours, partDuration, up.orphanSince, now)) return [];
    if (found.path(stripe).includes(up.lost ?? "") && now - up.orphanSince < SHUN) return [];
    return this.#subscribe(up, stripe, found.peer, now);
  }

  /** Those who have only the publisher to ask do not ask all at once: the first helps the others. */
  #mustWait(
    found: Neighbour,
    neighbours: Neighbours,
    partDuration: number,
    since: number,
    now: number,
  ): boolean {
    if (found.role !== "publisher" || !this.#others(found, neighbours)) return false;
    return now - since < this.#spread * PUBLISHER_WAIT_PARTS * partDuration;
  }

  #subscribe(up: Upstream, stripe: number, peer: string, now: number): Change[] {
    up.pending = peer;
    up.pendingSince = now;
    up.superseded = false;
    up.forMore = false;
    up.pushingSince = null;
    up.proved = 0;
    up.provedTo = -1;
    return [{ type: "subscribe", stripe, peer }];
  }

  #best(up: Upstream, stripe: number, neighbours: Neighbours, epoch: number, now: number): Neighbour | null {
    const moment = { epoch, me: this.#me, now };
    return bestParent(stripe, neighbours, this.standbys, up.lost, this.parents(), moment);
  }

  #others(publisher: Neighbour, neighbours: Neighbours): boolean {
    for (const n of neighbours.values()) if (n !== publisher && n.takesPart && !n.quiet) return true;
    return false;
  }

  /** Whom to ask for a stripe's lost blocks on the n-th try. */
  mender(
    neighbours: Neighbours,
    epoch: number,
    now: number,
  ): (stripe: number, tries: number) => string | null {
    return mender(this.parents(), neighbours, { epoch, me: this.#me, now });
  }
}

/** The short id of a peer. */
function short(peer: string): string {
  return peer.slice(0, 8);
}

function find(neighbours: Neighbours, peer: string | null): Neighbour | null {
  return peer === null ? null : (neighbours.get(peer) ?? null);
}
