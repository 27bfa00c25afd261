/** What a peer does for others: takes children, feeds them, says how it fares, and lets them go in order. */

import { encode, REFUSE_NOT_CARRIED, REFUSE_SLOW, type Subscribe, type Want } from "../wire.ts";
import { type Send, send } from "./actions.ts";
import { Announcements } from "./announcements.ts";
import { Children, NEWEST_INDEPENDENT } from "./children.ts";
import type { Counters } from "./counters.ts";
import type { Taken } from "./intake.ts";
import type { Neighbour } from "./neighbour.ts";
import { Places } from "./places.ts";
import { LEAF } from "./throttle.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Window } from "./window.ts";

/** The children of one braid, and neighbours that might become some. A publisher has no `upstreams`. */
export class Downward {
  readonly #braid: string;
  readonly #stripes: number;
  readonly #upstreams: Upstreams | null;
  readonly #neighbours: ReadonlyMap<string, Neighbour>;
  readonly #parts: Window;
  readonly #counters: Counters;
  readonly #announcements: Announcements;
  readonly children: Children;
  readonly places: Places;

  constructor(
    me: string,
    braid: string,
    stripes: number,
    upstreams: Upstreams | null,
    neighbours: ReadonlyMap<string, Neighbour>,
    parts: Window,
    counters: Counters,
    carries: boolean,
    now: number,
  ) {
    this.#braid = braid;
    this.#stripes = stripes;
    this.#upstreams = upstreams;
    this.#neighbours = neighbours;
    this.#parts = parts;
    this.#counters = counters;
    this.children = new Children(braid, stripes, counters, upstreams === null, now);
    this.places = new Places(stripes, upstreams, this.children, carries || upstreams === null);
    this.#announcements = new Announcements(me, braid, stripes, upstreams, parts, now);
  }

  /** A link to `peer` is ready. */
  greet(peer: string, now: number): Send[] {
    return [send(peer, this.#status(now))];
  }

  /** `neighbour` asks to be fed a stripe. */
  subscribed(neighbour: Neighbour, { stripe, epoch, number }: Subscribe, now: number): Send[] {
    if (stripe > this.#stripes) return [];
    neighbour.takesPart = true;
    const { peer } = neighbour;
    const asked = this.#upstreams?.stripes[stripe]?.pending === peer;
    const reason = this.places.refusal(neighbour, stripe, now);
    if (reason !== null) {
      this.#counters.refusedChildren += 1;
      return [this.#refuse(peer, stripe, reason)];
    }
    const out: Send[] = [];
    // We asked each other, and the smaller id is the parent: it may have begun to push to us before.
    if (asked) out.push(send(peer, encode({ type: "unsubscribe", braid: this.#braid, stripe })));
    const known = epoch === this.#parts.epoch || number === NEWEST_INDEPENDENT;
    let start = known ? number : this.#parts.oldest;
    if (!neighbour.conduct.mayHaveBacklog(now)) start = this.#parts.newest + 1;
    out.push(...this.children.add(neighbour, stripe, start, this.#parts, now));
    out.push(send(peer, this.#status(now)));
    return out;
  }

  /** Another epoch. */
  begin(): void {
    this.children.begin();
    this.places.upload.begin();
  }

  unsubscribed(neighbour: Neighbour, stripe: number): void {
    if (stripe <= this.#stripes) this.children.remove(neighbour, stripe);
  }

  /** `neighbour` asks for lost blocks. */
  wanted(neighbour: Neighbour, { epoch, number, blocks }: Want, now: number): Send[] {
    if (epoch !== this.#parts.epoch || !this.places.carry()) return [];
    return this.children.want(neighbour, number, blocks, this.#parts, now);
  }

  /** A block has just been verified. */
  taken(taken: Taken, now: number): Send[] {
    const { number, size, duration, parity } = taken.seal;
    if (!parity) this.places.upload.part(number, size, duration / 1e6);
    return this.children.push(taken, now);
  }

  drained(neighbour: Neighbour, buffered: number): Send[] {
    this.places.upload.left(neighbour.outbox.drained(buffered));
    return this.children.pump(neighbour);
  }

  /** Whether this peer uploads at all. */
  setCarries(carries: boolean, now: number): Send[] {
    this.places.carries = carries || this.#upstreams === null;
    const out = this.places.carries ? [] : this.#dismiss(REFUSE_NOT_CARRIED);
    return [...out, ...this.announce(now)];
  }

  /** Going: children are told, so that they find other parents before the links close. */
  leave(now: number): Send[] {
    this.places.leaving = true;
    return this.announce(now);
  }

  tick(now: number): Send[] {
    const out: Send[] = [];
    const late: Neighbour[] = [];
    let [busy, full] = [false, false];
    for (const neighbour of this.#neighbours.values()) {
      const { outbox } = neighbour;
      if (outbox.empty) continue;
      if (outbox.busy(now) && !neighbour.isGone(now)) busy = true;
      if (neighbour.waits(now)) full = true;
      if (neighbour.isLate(now)) late.push(neighbour);
    }
    this.children.busy = busy;
    this.places.upload.look(full, this.children.living(now), now);
    if (late.length > 0) out.push(...this.#shed(late, now));
    this.children.expire(now);
    const stepped = this.places.throttle.changed(now);
    if (stepped && this.places.throttle.step === LEAF) out.push(...this.#dismiss(REFUSE_SLOW));
    if (stepped || this.#announcements.due(now)) out.push(...this.announce(now));
    else if (this.#announcements.changed()) out.push(...this.#warn(now));
    return out;
  }

  /** STATUS to everybody who takes part; who leaves tells all. */
  announce(now: number): Send[] {
    this.#announcements.said(now);
    const data = this.#status(now);
    const out: Send[] = [];
    for (const { takesPart, peer } of this.#neighbours.values()) {
      if (takesPart || this.places.leaving) out.push(send(peer, data));
    }
    return out;
  }

  /** STATUS to those who are fed from here: what became of the way above concerns them at once. */
  #warn(now: number): Send[] {
    this.#announcements.saidToChildren();
    const data = this.#status(now);
    const fed = [...this.#neighbours.values()].filter(({ feeds }) => feeds.size > 0);
    return fed.map(({ peer }) => send(peer, data));
  }

  /**
   * Takes stripes from children that get theirs too late, from those first who feed nobody.
   *
   * One that is late alone has itself to thank, or its way. When several are it is our upload: half of them lose a
   * stripe, and the others, for whom there is more now, have time to catch up.
   */
  #shed(late: Neighbour[], now: number): Send[] {
    late.sort((a, b) => Number(b.isLeaf()) - Number(a.isLeaf()));
    const out: Send[] = [];
    for (const child of late.slice(0, Math.ceil(late.length / 2))) {
      const refused = this.children.slow(child, now);
      if (refused.length > 0) this.places.slow(child.peer, now);
      out.push(...refused);
    }
    for (const neighbour of this.#neighbours.values()) neighbour.outbox.relieve(now);
    return out;
  }

  #dismiss(reason: number): Send[] {
    const out: Send[] = [];
    for (const neighbour of this.#neighbours.values()) {
      for (const stripe of [...neighbour.feeds].sort((a, b) => a - b)) {
        this.children.remove(neighbour, stripe);
        out.push(this.#refuse(neighbour.peer, stripe, reason));
      }
    }
    return out;
  }

  #refuse(peer: string, stripe: number, reason: number): Send {
    return send(peer, encode({ type: "refuse", braid: this.#braid, stripe, reason }));
  }

  #status(now: number): Uint8Array {
    const { places } = this;
    const feeds = (stripe: number) => this.children.of(stripe).size > 0;
    return this.#announcements.encode(places.free(now), places.announcesCarrying(), places.leaving, feeds);
  }
}
