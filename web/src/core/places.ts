/** Whom this peer takes as a child, and how many. */

import { REFUSE_FULL, REFUSE_LEAVING, REFUSE_LOOP, REFUSE_NOT_CARRIED, REFUSE_SLOW } from "../wire.ts";
import type { Children } from "./children.ts";
import type { Neighbour } from "./neighbour.ts";
import { FULL, HANDING_OVER, LEAF, OPEN, Throttle } from "./throttle.ts";
import { Upload } from "./upload.ts";
import type { Upstreams } from "./upstreams.ts";

export const DEFAULT_CHILDREN = 32;
/** Children that a publisher takes on one stripe: the planned ones, and more while trees are mended. */
export const PUBLISHER_PER_STRIPE = 6;
/** Leaves that it takes besides: a room of leaves has nobody else to feed it. */
export const PUBLISHER_LEAVES = 24;
/** Seconds for which a child that could not keep up is not taken again, so that it settles elsewhere. */
export const SLOW_AGAIN = 10.0;

/** The planner's limit, our own will, and what our upload turned out to carry. */
export class Places {
  readonly #stripes: number;
  readonly #upstreams: Upstreams | null;
  readonly #children: Children;
  readonly throttle = new Throttle();
  limit = DEFAULT_CHILDREN;
  carries: boolean;
  leaving = false;
  /** Until when a peer is not taken again. */
  readonly #slow = new Map<string, number>();
  readonly upload: Upload;

  constructor(stripes: number, upstreams: Upstreams | null, children: Children, carries: boolean) {
    this.#stripes = stripes;
    this.upload = new Upload(stripes);
    this.#upstreams = upstreams;
    this.#children = children;
    this.carries = carries;
  }

  /** Whether anything is passed on at all. */
  carry(): boolean {
    return this.carries && !this.leaving && this.throttle.step < LEAF;
  }

  /** What STATUS says: who hands over seems to carry nothing, so that its children look around. */
  announcesCarrying(): boolean {
    return this.carry() && this.throttle.step < HANDING_OVER;
  }

  /** (child, stripe) pairs that may come. */
  free(now: number): number {
    if (!this.carry() || this.throttle.step > OPEN || this.#children.busy) return 0;
    let limit = Math.min(this.limit, this.slots() ?? this.limit);
    if (this.#upstreams === null) {
      limit = PUBLISHER_PER_STRIPE * (this.#stripes + 1) + this.#children.leaves();
    }
    return Math.max(0, Math.min(255, limit - this.#children.living(now)));
  }

  /** What we can carry, if that is less than the planner may think. */
  slots(): number | null {
    if (this.throttle.step >= HANDING_OVER) return 0;
    if (this.throttle.step === FULL) return this.#children.count();
    return this.upload.slots;
  }

  /** A child could not keep up and has just lost a stripe. */
  slow(child: string, now: number): void {
    for (const [peer, until] of this.#slow) if (until <= now) this.#slow.delete(peer);
    this.#slow.set(child, now + SLOW_AGAIN);
  }

  /** Why `child` may not have `stripe`; null if it may. */
  refusal(child: Neighbour, stripe: number, now: number): number | null {
    if (this.leaving) return REFUSE_LEAVING;
    if (!this.announcesCarrying()) return REFUSE_NOT_CARRIED;
    const children = this.#children.of(stripe);
    if (children.has(child.peer)) return null;
    if ((this.#slow.get(child.peer) ?? 0) > now) return REFUSE_SLOW;
    const up = this.#upstreams;
    if (up === null) {
      const leaf = child.isLeaf();
      const alike = [...children.values()].filter((c) => c.isLeaf() === leaf && !c.isGone(now)).length;
      return alike >= (leaf ? PUBLISHER_LEAVES : PUBLISHER_PER_STRIPE) ? REFUSE_FULL : null;
    }
    if (stripe >= up.taken()) return REFUSE_NOT_CARRIED;
    if (up.path(stripe).includes(child.short)) return REFUSE_LOOP;
    if (this.#children.busy) return REFUSE_FULL; // what waits already would wait longer
    if (this.#children.living(now) >= Math.min(this.limit, this.slots() ?? this.limit)) return REFUSE_FULL;
    return up.askedBy(stripe, child.peer) ? null : REFUSE_LOOP;
  }
}
