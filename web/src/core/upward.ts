/** What a peer does for itself: has itself fed, mends what was lost, plays it, and tells the planner. */

import { MAX_STRIPES } from "../seal.ts";
import { encode } from "../wire.ts";
import { type Action, type Send, send } from "./actions.ts";
import { NEWEST_INDEPENDENT } from "./children.ts";
import type { Counters } from "./counters.ts";
import { Delivery, OVERDUE } from "./delivery.ts";
import type { Taken } from "./intake.ts";
import type { Neighbour } from "./neighbour.ts";
import { Reception } from "./reception.ts";
import { ASK_AFTER_PARTS, Repair } from "./repair.ts";
import { Reports } from "./reports.ts";
import { Startup } from "./startup.ts";
import type { Change } from "./upstream.ts";
import { Upstreams } from "./upstreams.ts";
import type { Window } from "./window.ts";

/**
 * Parts behind the newest that are still asked for by who plays nothing, or is so late that it has to leap: from there
 * on, or from the newest independent part where that is older.
 */
export const BEHIND = 20;
/**
 * Parts after the first block of a part within which a block counts as carried though it was rebuilt from parity before: whoever is
 * on the longest of the ways would carry nothing else. What comes later than the ways differ says that an upload has too much to carry.
 */
const CARRIED_WITHIN = 0.5;

/** The way up of one braid at a peer that does not publish it itself, and what comes down that way. */
export class Upward {
  readonly #braid: string;
  readonly #stripes: number;
  readonly #partDuration: number;
  readonly #neighbours: ReadonlyMap<string, Neighbour>;
  readonly #parts: Window;
  readonly #counters: Counters;
  readonly #delivers: boolean;
  readonly #reception: Reception;
  readonly delivery = new Delivery();
  readonly repair: Repair;
  readonly startup: Startup;
  readonly upstreams: Upstreams;
  readonly reports: Reports;
  #newest = -1;
  #links: readonly string[] = [];

  constructor(
    me: string,
    braid: string,
    stripes: number,
    partDuration: number,
    neighbours: ReadonlyMap<string, Neighbour>,
    parts: Window,
    counters: Counters,
    delivers: boolean,
    origins: boolean,
    now: number,
  ) {
    const spread = Number.parseInt(me.slice(0, 4), 16) / 65536;
    this.#braid = braid;
    this.#stripes = stripes;
    this.#partDuration = partDuration;
    this.#neighbours = neighbours;
    this.#parts = parts;
    this.#counters = counters;
    this.#delivers = delivers;
    this.repair = new Repair(spread, stripes, now);
    this.startup = new Startup(origins, now);
    this.upstreams = new Upstreams(me, stripes, spread, partDuration, neighbours, parts, now);
    this.#reception = new Reception(stripes);
    this.reports = new Reports(this.upstreams, this.#reception, now);
  }

  /** The publisher has begun a new epoch, and the window is empty. */
  begun(now: number): void {
    this.#newest = -1;
    this.delivery.begin();
    this.upstreams.rhythm.begin();
    this.#reception.begin();
    this.upstreams.shares.begin();
    this.repair.begin();
    this.startup.begin(now);
  }

  /** A block has just been verified, from wherever it came. */
  taken(taken: Taken, now: number): Action[] {
    const { seal, stripe, message, fresh } = taken;
    const { number } = seal;
    if (number > this.#newest) {
      this.#newest = number;
      this.upstreams.movedAt = now;
    }
    const source = this.#neighbours.get(taken.source ?? "");
    if (source === undefined) return [];
    const { peer } = source;
    const out = this.#apply(this.upstreams.block(stripe, number, peer, now), now);
    const parental = this.upstreams.stripes[stripe]?.parent === peer;
    const counts = stripe < this.#stripes ? this.#judged(source, taken, parental, now) : fresh;
    if (parental) {
      this.#reception.pushed(stripe, number, seal.blocks / seal.stripes, peer, counts ? message.length : 0);
    }
    return out;
  }

  /** What a block of data says of who sent it; `parental`: the parent of its stripe. Returns whether it counts as carried. */
  #judged(source: Neighbour, taken: Taken, parental: boolean, now: number): boolean {
    const { conduct, peer } = source;
    const { seal, stripe, index, fresh } = taken;
    const { number } = seal;
    conduct.sent(number, index);
    if (parental) {
      const seenFor = this.#seenFor(number, now);
      const { rhythm } = this.upstreams;
      if (number === rhythm.newest(stripe)) rhythm.lag(stripe, seenFor);
      const inTime = fresh || seenFor <= ASK_AFTER_PARTS;
      if (this.upstreams.shares.pushed(number, index, inTime)) {
        conduct.inTime += Number(inTime);
        return fresh || seenFor <= CARRIED_WITHIN;
      }
      if (!fresh) conduct.unexpected();
    } else if (!fresh && peer !== this.upstreams.stripes[stripe]?.pending) conduct.unexpected();
    return fresh;
  }

  /** For how long, in parts, a part in the window has been known. */
  #seenFor(number: number, now: number): number {
    return (now - (this.#parts.get(number)?.firstSeen ?? now)) / this.#partDuration;
  }

  /** What can be played now. */
  deliver(now: number): Action[] {
    if (!this.#delivers) return [];
    const actions = this.delivery.poll(this.#parts, now);
    for (const action of actions) {
      if (action.type === "deliver") this.#counters.partsDelivered += 1;
      else this.#counters.partsSkipped += action.parts;
    }
    return actions;
  }

  /** No more is needed: nobody is fed from here any longer. */
  leave(): Send[] {
    const out: Send[] = [];
    for (const [stripe, { parent, pending }] of this.upstreams.stripes.entries()) {
      for (const peer of [parent, pending]) {
        if (peer !== null) out.push(send(peer, encode({ type: "unsubscribe", braid: this.#braid, stripe })));
      }
    }
    return out;
  }

  /** `settled`: all that the origin has sent was checked; `slots` as in `Report`. */
  tick(settled: boolean, slots: number | null, now: number): Action[] {
    const { upstreams: up, startup } = this;
    const parts = this.#parts;
    const out: Action[] = [];
    const wanted = this.#stripes < MAX_STRIPES && this.#reception.wantsParity(now);
    // Who lacks a whole stripe needs that first.
    if (wanted !== up.wantsParity && (up.allFed() || !wanted)) {
      up.wantsParity = wanted;
      out.push({ type: "parity", wanted });
    }
    if (startup.maySubscribe(settled, now)) out.push(...this.#apply(up.tick(startup.answered, now), now));
    this.#counters.failOvers += up.takeFailOvers();
    const active = startup.active(up.allFed(), up.noneFed(), up.leftToOrigin, now);
    if (active) up.shares.excuse(parts.newest);
    if (settled) out.push(...startup.poll(active, parts.epoch, parts.newestComplete, now));
    if (!active || !startup.answered) out.push(...this.#mend(now));
    out.push(...this.deliver(now));
    const links = up.wanted();
    if (links.length !== this.#links.length || links.some((peer, i) => peer !== this.#links[i])) {
      this.#links = links;
      out.push({ type: "links", peers: links });
    }
    out.push(...this.reports.due(slots, now));
    return out;
  }

  #apply(changes: readonly Change[], now: number): Action[] {
    const braid = this.#braid;
    const { epoch } = this.#parts;
    return changes.map(({ type, stripe, peer }) => {
      if (type === "unsubscribe") return send(peer, encode({ type, braid, stripe }));
      return send(peer, encode({ type, braid, stripe, epoch, number: this.#start(stripe, now) }));
    });
  }

  /** The part from which on a stripe is asked for. */
  #start(stripe: number, now: number): number {
    const parts = this.#parts;
    if (parts.newest < 0) return NEWEST_INDEPENDENT;
    if (stripe === this.#stripes) return parts.newest;
    return parts.firstMissing(stripe, this.#stripes, this.#nextNeeded(now));
  }

  /**
   * The part that is played next; before that is known, and at a relay, the first that came.
   *
   * What cannot be played any more is not asked for, lest that crowd out what can.
   */
  #nextNeeded(now: number): number {
    const needed = this.delivery.next;
    const parts = this.#parts;
    if (needed !== null && now <= this.delivery.deadline(now) + OVERDUE) return needed;
    let floor = parts.newest - BEHIND;
    if (this.#delivers) floor = Math.min(floor, parts.newestIndependent()?.seal.number ?? floor);
    return Math.max(0, needed ?? parts.first, floor);
  }

  #mend(now: number): Action[] {
    const parts = this.#parts;
    const out: Action[] = [];
    const start = this.#nextNeeded(now);
    const choose = this.upstreams.mender(now);
    const lags = this.upstreams.rhythm.lags.slice(0, this.#stripes);
    const { epoch } = parts;
    const pushed = this.upstreams.pushed();
    const asks = this.repair.due(parts, start, this.#partDuration, lags, pushed, choose, now);
    for (const ask of [...asks, ...this.repair.stalled(parts, this.#partDuration, choose, now)]) {
      this.#counters.wantsSent += 1;
      const { peer, number, indices: blocks } = ask;
      this.#neighbours.get(peer)?.asked(number, blocks, now);
      out.push(send(peer, encode({ type: "want", braid: this.#braid, epoch, number, blocks })));
    }
    if (!this.startup.origins) return out;
    const deadline = this.#delivers ? this.delivery.deadline(now) : now + 1;
    for (const number of this.repair.fetches(parts, start, deadline, now)) {
      this.#counters.fetches += 1;
      out.push({ type: "fetch", epoch, number });
    }
    return out;
  }
}
