/** The upward side of a braid: one parent for each stripe, the plan, and fail-over without loops or storms. */

import { bestParent, mender, type Neighbours } from "./candidates.ts";
import type { Neighbour } from "./neighbour.ts";
import { PushShare } from "./push-share.ts";
import { STALLED_PARTS } from "./repair.ts";
import { Rhythm, SILENT_PARTS, STARVED_PARTS } from "./rhythm.ts";
import { type Change, PENDING_PATIENCE, ROOTLESS_TRUST, Upstream } from "./upstream.ts";
import type { Window } from "./window.ts";

/** Seconds after which a peer without a plan looks for parents among its neighbours. */
export const NO_PLAN_PATIENCE = 2.0;
/** Seconds for which an orphan takes nobody that was fed through the lost parent: they are orphans, too. */
export const SHUN = 0.5;
/** Free places of one that is asked for parity unplanned: who lacks a stripe needs the last of them. */
export const PARITY_SPARE = 4;
/** Seconds after which a planned parent that we have no link to is told to the planner as one that failed. */
export const LINK_PATIENCE = 6.0;
/** Parts over which orphans that have only the publisher to ask spread themselves. */
export const PUBLISHER_WAIT_PARTS = 2.0;

/**
 * Chooses parents. It sends nothing: it returns what to subscribe to and what to give up.
 *
 * `stripes` are those of the data; one more, with that number, is the parity's. `neighbours` and `parts` are the
 * braid's own, `partDuration` is in seconds, and `spread` (0 to 1) is this peer's own: it keeps those that are in the
 * same plight from acting in one moment.
 */
export class Upstreams {
  readonly #me: string;
  readonly #id: string;
  readonly #data: number;
  readonly #spread: number;
  readonly #partDuration: number;
  readonly #neighbours: Neighbours;
  readonly #parts: Window;
  readonly #born: number;
  readonly stripes: Upstream[];
  readonly rhythm: Rhythm;
  readonly shares: PushShare;
  #meagre: string[] = [];
  standbys: readonly string[] = [];
  hasPlan = false;
  /** The plan names no parent at all, for uploads do not carry everybody. */
  leftToOrigin = false;
  wantsParity = false;
  #plannedParity = false;
  /** When a part newer than all before was last seen. */
  movedAt = Number.NEGATIVE_INFINITY;
  #failOvers = 0;
  /** Planned parents that never pushed, or too little; told to the planner. */
  readonly failed = new Set<string>();

  constructor(
    me: string,
    stripes: number,
    spread: number,
    partDuration: number,
    neighbours: Neighbours,
    parts: Window,
    now: number,
  ) {
    this.#me = short(me);
    this.#id = me;
    this.#data = stripes;
    this.#spread = spread;
    this.#partDuration = partDuration;
    this.#neighbours = neighbours;
    this.#parts = parts;
    this.#born = now;
    this.stripes = Array.from({ length: stripes + 1 }, (_, stripe) => new Upstream(stripe < stripes));
    this.rhythm = new Rhythm(stripes + 1);
    this.shares = new PushShare(stripes);
  }

  /** The planner's word. A working parent is kept until the planned one has shown that it keeps up. */
  plan(parents: readonly (string | null)[], standbys: readonly string[], now: number): void {
    this.hasPlan = true;
    this.leftToOrigin = parents.every((parent) => parent === null);
    this.standbys = standbys;
    this.#plannedParity = parents.length > this.#data;
    for (const [stripe, up] of this.stripes.entries()) up.plan(parents[stripe] ?? null, now);
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

  /** We want the parity stripe, or the planner wants us to carry it. */
  get takesParity(): boolean {
    return this.wantsParity || this.#plannedParity;
  }

  /** How many stripes are taken: those of the data, and the parity's while it is. */
  taken(): number {
    return this.#data + Number(this.takesParity);
  }

  parents(): (string | null)[] {
    return this.stripes.slice(0, this.taken()).map((up) => up.parent);
  }

  allFed(): boolean {
    return this.stripes.every((up, stripe) => up.parent !== null || stripe === this.#data);
  }

  noneFed(): boolean {
    return this.stripes.every((up, stripe) => up.parent === null || stripe === this.#data);
  }

  /** Short ids from the publisher to this peer; empty while that is not known. */
  path(stripe: number): readonly string[] {
    const above = this.#neighbour(this.stripes[stripe]?.parent ?? null)?.path(stripe) ?? [];
    return above.length > 0 && above.length < 32 ? [...above, this.#me] : [];
  }

  /** A verified block came from `peer`; a new parent may have shown by it that it keeps up. */
  block(stripe: number, number: number, peer: string, now: number): Change[] {
    const up = this.stripes[stripe];
    const changes: Change[] = [];
    if (up === undefined) return changes;
    if (peer === up.pending && up.keepsUp(number, this.rhythm.newest(stripe), now)) {
      if (up.parent !== null && up.parent !== peer) {
        changes.push({ type: "unsubscribe", stripe, peer: up.parent });
        if (up.forMore) this.#meagre.push(up.parent);
      }
      up.adopt(peer);
      this.rhythm.reset(stripe, number, now);
      if (stripe < this.#data) this.shares.takenOver(stripe, number);
    }
    if (peer === up.parent) this.rhythm.block(stripe, number, now);
    return changes;
  }

  /** `peer` will not, or will no longer, push this stripe. */
  refused(stripe: number, peer: string, now: number): void {
    const up = this.stripes[stripe];
    if (up === undefined) return;
    if (up.pending === peer) up.pending = null;
    if (up.parent === peer) this.#orphan(up, null, now);
    else if (up.planned === peer) this.#planFailed(up, now);
  }

  /** The link to `peer` is gone. True if it fed anything. */
  lost(peer: string, now: number): boolean {
    let fed = false;
    for (const up of this.stripes) {
      if (up.pending === peer) up.pending = null;
      if (up.parent === peer) {
        fed = true;
        this.#orphan(up, short(peer), now);
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

  /** Looks at every stripe; returns what to change. `http`: the origin has answered us before. */
  tick(http: boolean, now: number): Change[] {
    const kept = http && this.leftToOrigin ? 0 : this.taken();
    const changes = this.stripes.slice(kept).flatMap((_, past) => this.#giveUp(kept + past));
    const moment = { me: this.#me, spread: this.#spread, now };
    this.shares.review(this.#parts, now);
    for (const [stripe, up] of this.stripes.slice(0, kept).entries()) {
      let parent = this.#neighbour(up.parent);
      let silent = 0;
      if (parent !== null) silent = this.rhythm.silentParts(stripe, this.#parts, this.#partDuration, now);
      up.starved = parent === null || silent >= STARVED_PARTS;
      if (parent !== null && up.mustGo(parent, stripe, silent, moment)) {
        this.#failOvers += 1;
        if (silent >= SILENT_PARTS) {
          parent.pushedNothing(stripe, (this.rhythm.lastBlock[stripe] ?? 0) + this.#partDuration, now);
        }
        this.#orphan(up, parent.short, now);
        changes.push({ type: "unsubscribe", stripe, peer: parent.peer });
        parent = null;
      }
      changes.push(...this.#checkPending(up, stripe, now));
      changes.push(...this.#followPlan(up, stripe, parent, now));
      if (up.isGoing(parent, now) && up.pending === null) changes.push(...this.#move(up, stripe, now));
      if (up.pending === null && up.isRootless(parent, stripe, this.#spread, now)) {
        changes.push(...this.#leaveCircle(up, stripe, now));
      }
      if (up.pending === null && parent !== null && this.#isMeagre(parent, stripe, now)) {
        changes.push(...this.#askForMore(up, stripe, now));
      }
      if (up.pending === null) changes.push(...this.#seek(up, stripe, now));
    }
    return changes;
  }

  /** Up to which part each stripe's parent has come; without bound where nothing comes. */
  pushed(): number[] {
    return this.stripes
      .slice(0, this.#data)
      .map(({ parent, starved }, stripe) =>
        parent === null || starved ? Number.POSITIVE_INFINITY : this.rhythm.newest(stripe),
      );
  }

  /** Whom to ask for a stripe's lost blocks on the n-th try. */
  mender(now: number): (stripe: number, tries: number) => string | null {
    const { epoch, newestSeen } = this.#parts;
    const stalled = now - newestSeen >= STALLED_PARTS * this.#partDuration;
    const since = stalled ? newestSeen : Number.NEGATIVE_INFINITY;
    return mender(this.parents(), this.#neighbours, since, { epoch, me: this.#me, now });
  }

  #neighbour(peer: string | null): Neighbour | null {
    return peer === null ? null : (this.#neighbours.get(peer) ?? null);
  }

  /** Take a stripe no more. */
  #giveUp(stripe: number): Change[] {
    const { parent, pending, orphanSince } = this.stripes[stripe] as Upstream;
    const peers = [parent, pending].filter((peer) => peer !== null);
    if (peers.length > 0 || orphanSince !== null) this.stripes[stripe] = new Upstream(stripe < this.#data);
    return peers.map((peer) => ({ type: "unsubscribe", stripe, peer }));
  }

  #orphan(up: Upstream, lost: string | null, now: number): void {
    if (up.planned === up.parent) this.#planFailed(up, now);
    up.orphan(lost, now);
  }

  /** `excused`: it has no place or is not fed itself, which the planner sees by itself. */
  #planFailed(up: Upstream, now: number, excused = true): void {
    if (up.planFailed(now) && !excused && up.planned !== null) this.failed.add(up.planned);
  }

  #checkPending(up: Upstream, stripe: number, now: number): Change[] {
    const pending = this.#neighbour(up.pending);
    if (pending === null || !up.hopeless(pending, this.movedAt, now)) return [];
    up.pending = null;
    up.tries += 1;
    pending.refused(stripe, now);
    if (up.pushingSince === null) pending.pushedNothing(stripe, up.pendingSince, now);
    if (pending.peer === up.planned) {
      this.#planFailed(up, now, pending.starved(stripe) || pending.path(stripe).length === 0);
    }
    return [{ type: "unsubscribe", stripe, peer: pending.peer }];
  }

  /** Asks the planned parent, unless it is not fed and the one that we have is. */
  #followPlan(up: Upstream, stripe: number, parent: Neighbour | null, now: number): Change[] {
    const planned = this.#neighbour(up.planned);
    if (planned === null && up.planned !== null && now - up.plannedAt >= LINK_PATIENCE) {
      this.failed.add(up.planned);
      up.plannedAt = now;
    }
    if (planned === null || planned.peer === up.parent || now < up.planRetryAt) return [];
    if (up.pending !== null && (up.pending === planned.peer || !up.superseded)) return [];
    const way = planned.path(stripe);
    if (planned.quiet || planned.going() || way.includes(this.#me)) return [];
    if (planned.doubt > 0 && up.parent !== null) return [];
    if (way.length === 0 && parent !== null && parent.path(stripe).length > 0) return [];
    const changes: Change[] = [];
    if (up.pending !== null) changes.push({ type: "unsubscribe", stripe, peer: up.pending });
    return [...changes, ...this.#subscribe(up, stripe, planned.peer, now)];
  }

  /** Asks somebody who is not fed through the parent that goes; that one is kept until then. */
  #move(up: Upstream, stripe: number, now: number): Change[] {
    const going = short(up.parent ?? "");
    const found = this.#best(stripe, going, now);
    if (found?.path(stripe).includes(going) !== false || this.#mustWait(found, up.goingSince, now)) return [];
    return this.#subscribe(up, stripe, found.peer, now);
  }

  /** Asks somebody who knows the way; the parent is kept until then, for it may be fed by the origin. */
  #leaveCircle(up: Upstream, stripe: number, now: number): Change[] {
    const since = (up.rootlessSince ?? now) + ROOTLESS_TRUST;
    const found = this.#best(stripe, up.lost, now);
    if (found === null || this.#mustWait(found, since, now)) return [];
    if (up.planned === up.parent) this.#planFailed(up, now);
    return this.#subscribe(up, stripe, found.peer, now);
  }

  #isMeagre(parent: Neighbour, stripe: number, now: number): boolean {
    return stripe < this.#data && this.shares.meagre(stripe, parent.path(stripe).length, now);
  }

  /** The parent sends just enough not to be silent: it is kept until another has shown to be better. */
  #askForMore(up: Upstream, stripe: number, now: number): Change[] {
    const found = this.#best(stripe, up.lost, now);
    if (found === null || this.#mustWait(found, now, now)) return [];
    if (up.planned !== null && up.planned === up.parent) {
      this.#planFailed(up, now);
      this.failed.add(up.planned);
    }
    return this.#subscribe(up, stripe, found.peer, now, true);
  }

  #seek(up: Upstream, stripe: number, now: number): Change[] {
    if (up.parent !== null) return [];
    if (!this.hasPlan && now - this.#born < NO_PLAN_PATIENCE) return [];
    if (up.orphanSince === null) {
      up.orphanSince = Math.max(now, this.#born);
      if (up.planned !== null) return [];
    }
    // Who has just asked for parity gives the planner its time, too.
    const awaited = up.planned !== null || this.#isUnplanned(stripe);
    if (awaited && up.planFailures === 0 && now - up.orphanSince < PENDING_PATIENCE) return [];
    const found = this.#best(stripe, up.lost, now);
    if (found === null || this.#mustWait(found, up.orphanSince, now)) return [];
    if (found.path(stripe).includes(up.lost ?? "") && now - up.orphanSince < SHUN) return [];
    return this.#subscribe(up, stripe, found.peer, now);
  }

  /** Parity, which the plan does not name. */
  #isUnplanned(stripe: number): boolean {
    return stripe === this.#data && !this.#plannedParity;
  }

  /** Those who have only the publisher to ask do not ask all at once: the first helps the others. */
  #mustWait(found: Neighbour, since: number | null, now: number): boolean {
    if (found.role !== "publisher" || !this.#others(found)) return false;
    return now - (since ?? 0) < this.#spread * PUBLISHER_WAIT_PARTS * this.#partDuration;
  }

  #others(publisher: Neighbour): boolean {
    for (const n of this.#neighbours.values()) if (n !== publisher && n.takesPart && !n.quiet) return true;
    return false;
  }

  #subscribe(up: Upstream, stripe: number, peer: string, now: number, forMore = false): Change[] {
    up.ask(peer, now, forMore);
    return [{ type: "subscribe", stripe, peer }];
  }

  #best(stripe: number, lost: string | null, now: number): Neighbour | null {
    const moment = { epoch: this.#parts.epoch, me: this.#me, now };
    const since = this.rhythm.lastBlock[stripe] ?? 0;
    const least = this.#isUnplanned(stripe) ? PARITY_SPARE : 1;
    return bestParent(stripe, this.#neighbours, this.standbys, lost, this.parents(), since, moment, least);
  }
}

function short(peer: string): string {
  return peer.slice(0, 8);
}
