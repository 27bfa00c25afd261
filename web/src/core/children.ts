/** The downward side of a braid: who is fed which stripe, what waits for them, what they asked for. */

import { encode, REFUSE_SLOW } from "../wire.ts";
import { type Send, send } from "./actions.ts";
import { Bucket } from "./bucket.ts";
import type { Counters } from "./counters.ts";
import type { Taken } from "./intake.ts";
import type { Neighbour } from "./neighbour.ts";
import { BACKLOG, KEY_FRAME, LEAVE_WITHIN, REQUESTED } from "./outbox.ts";
import type { Window } from "./window.ts";

export const NEWEST_INDEPENDENT = 0xffffffff;
export const WANT_SECONDS = 1.0;
export const WANTS_KEPT = 1024;
/** Parts of the past that a child is given, unless the newest independent one is older: the rest is played by now. */
export const BACKLOG_PARTS = 10;
/**
 * Blocks that are sent on request, in all, as parts of one block a stripe: 0.4 of a stream of 100 ms parts. What is
 * asked for must not crowd out what is pushed: its loss would be asked for in turn.
 */
export const SERVED_PARTS_BURST = 16.0;
export const SERVED_PARTS_PER_SECOND = 4.0;
/** So many times that does a publisher, of whom the heads of all stripes ask. */
export const PUBLISHER_SERVES = 8.0;
/** Stands for every block of a part of which not even the seal is here. */
const ALL = -1;

interface Asker {
  readonly until: number;
  readonly neighbour: Neighbour;
}

/** Pushes verified blocks; keeps requests that cannot be answered yet. */
export class Children {
  readonly #braid: string;
  readonly #stripes: number;
  readonly #counters: Counters;
  readonly #byStripe: readonly Map<string, Neighbour>[];
  /** Who waits for a block that is not here, by `key(number, index)` and peer. */
  readonly #wants = new Map<number, Map<string, Asker>>();
  #wanted = 0;

  readonly #served: Bucket;
  /** Blocks wait for somebody: nothing is sent on request meanwhile. */
  busy = false;

  constructor(braid: string, stripes: number, counters: Counters, publisher: boolean, now: number) {
    const times = (publisher ? PUBLISHER_SERVES : 1) * stripes;
    this.#served = new Bucket([SERVED_PARTS_BURST * times, SERVED_PARTS_PER_SECOND * times], now);
    this.#braid = braid;
    this.#stripes = stripes;
    this.#counters = counters;
    this.#byStripe = Array.from({ length: stripes + 1 }, () => new Map());
  }

  /** Stripe children in all. */
  count(): number {
    return this.#byStripe.reduce((sum, children) => sum + children.size, 0);
  }

  /** Those whose child was heard lately: the dead keep nobody out until their links are closed. */
  living(now: number): number {
    return this.#byStripe.reduce(
      (sum, children) => sum + [...children.values()].filter((child) => !child.isGone(now)).length,
      0,
    );
  }

  /** Those of them that are leaves. */
  leaves(): number {
    return this.#byStripe.reduce(
      (sum, children) => sum + [...children.values()].filter((child) => child.isLeaf()).length,
      0,
    );
  }

  of(stripe: number): Map<string, Neighbour> {
    return this.#byStripe[stripe] as Map<string, Neighbour>;
  }

  /** Feeds `stripe` to `child`, beginning with what the window has from part `start` on. */
  add(child: Neighbour, stripe: number, start: number, parts: Window, now: number): Send[] {
    this.of(stripe).set(child.peer, child);
    child.feeds.add(stripe);
    child.outbox.drop(stripe); // asking again and again does not make more wait
    const newest = parts.newestIndependent()?.seal.number ?? parts.newest + 1;
    const asked = start === NEWEST_INDEPENDENT ? newest : start;
    const from = Math.max(asked, Math.min(newest, parts.newest - BACKLOG_PARTS));
    for (const number of parts.numbers(from)) {
      for (const message of parts.stripe(number, stripe, this.#stripes)) {
        child.outbox.put(stripe, message, now + BACKLOG);
      }
    }
    return this.pump(child);
  }

  remove(child: Neighbour, stripe: number): void {
    this.of(stripe).delete(child.peer);
    child.feeds.delete(stripe);
    child.outbox.drop(stripe);
  }

  /** The link is closed. */
  gone(child: Neighbour): void {
    for (const stripe of [...child.feeds]) this.remove(child, stripe);
    for (const [key, askers] of this.#wants) {
      if (!askers.delete(child.peer)) continue;
      this.#wanted -= 1;
      if (askers.size === 0) this.#wants.delete(key);
    }
  }

  /** A block has just been verified: to the stripe's children and to who asked for it. */
  push({ seal, stripe, index, message, source }: Taken, now: number): Send[] {
    const out: Send[] = [];
    const { epoch, number } = seal;
    const leaveBy = now + LEAVE_WITHIN + (seal.independent ? KEY_FRAME : 0);
    // Those first who have children themselves: what they wait for, all below them wait for, too.
    for (const feeds of [true, false]) {
      for (const child of this.of(stripe).values()) {
        if (child.feedsOn(stripe) !== feeds || child.peer === source || child.hasAll(epoch, number)) continue;
        child.outbox.put(stripe, message, leaveBy);
        out.push(...this.pump(child));
      }
    }
    // Nobody asks for parity.
    if (this.#wants.size === 0 || stripe === this.#stripes) return out;
    const asked = this.#wants.get(key(number, index)) ?? new Map<string, Asker>();
    this.#wants.delete(key(number, index));
    this.#wanted -= asked.size;
    const all = this.#wants.get(key(number, ALL)) ?? [];
    for (const [peer, { until, neighbour }] of new Map([...asked, ...all])) {
      if (until < now || peer === source || neighbour.feeds.has(stripe)) continue;
      if (asked.has(peer) || neighbour.allow(1, now)) out.push(...this.#serve(neighbour, message, now));
    }
    return out;
  }

  /** Answers a WANT with what is here; remembers the rest for a second. */
  want(asker: Neighbour, number: number, indices: readonly number[], parts: Window, now: number): Send[] {
    const part = parts.get(number);
    const asked = indices.length > 0 ? indices : part === null ? [ALL] : [...part.messages.keys()];
    if (!asker.allow(asked.length, now)) return [];
    const out: Send[] = [];
    for (const index of asked) {
      if (part !== null && index >= part.seal.blocks) continue;
      const message = part?.message(index) ?? null;
      if (message !== null) out.push(...this.#serve(asker, message, now));
      else if (this.#wanted < WANTS_KEPT && number >= parts.oldest) {
        let askers = this.#wants.get(key(number, index));
        if (askers === undefined) {
          askers = new Map();
          this.#wants.set(key(number, index), askers);
        }
        if (!askers.has(asker.peer)) this.#wanted += 1;
        askers.set(asker.peer, { until: now + WANT_SECONDS, neighbour: asker });
      }
    }
    return out;
  }

  /** Forgets requests that nobody waits for any more. */
  expire(now: number): void {
    for (const [key, askers] of this.#wants) {
      for (const [peer, { until }] of askers) {
        if (until >= now) continue;
        askers.delete(peer);
        this.#wanted -= 1;
      }
      if (askers.size === 0) this.#wants.delete(key);
    }
  }

  /** Another epoch: old requests mean nothing. */
  begin(): void {
    this.#wants.clear();
    this.#wanted = 0;
  }

  /** Takes a stripe from a child that cannot keep up, so that it finds another parent. */
  slow(child: Neighbour, now: number): Send[] {
    const stripe = child.outbox.late(now);
    if (stripe === REQUESTED) child.outbox.drop(stripe);
    if (stripe === null || !child.feeds.has(stripe)) return [];
    this.remove(child, stripe);
    this.#counters.slowChildren += 1;
    return [send(child.peer, encode({ type: "refuse", braid: this.#braid, stripe, reason: REFUSE_SLOW }))];
  }

  /** Hands over as much as the link takes. */
  pump(child: Neighbour): Send[] {
    return child.outbox.take().map((message) => {
      this.#counters.toPeers += message.length;
      return send(child.peer, message, "blocks");
    });
  }

  #serve(asker: Neighbour, message: Uint8Array, now: number): Send[] {
    if (this.busy || asker.outbox.full() || !this.#served.take(now)) return [];
    this.#counters.wantsServed += 1;
    asker.outbox.put(REQUESTED, message, now + LEAVE_WITHIN);
    return this.pump(asker);
  }
}

/** One number for a part and a block index (at most 1024 of them, and ALL). */
function key(number: number, index: number): number {
  return number * 2048 + index + 1;
}
