/** The downward side of a braid: who is fed which stripe, what waits for them, what they asked for. */

import { encode, REFUSE_SLOW } from "../wire.ts";
import { type Send, send } from "./actions.ts";
import type { Counters } from "./counters.ts";
import type { Taken } from "./intake.ts";
import type { Neighbour } from "./neighbour.ts";
import type { Window } from "./window.ts";

export const NEWEST_INDEPENDENT = 0xffffffff;
export const WANT_SECONDS = 1.0;
export const WANTS_KEPT = 1024;
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

  constructor(braid: string, stripes: number, counters: Counters) {
    this.#braid = braid;
    this.#stripes = stripes;
    this.#counters = counters;
    this.#byStripe = Array.from({ length: stripes + 1 }, () => new Map());
  }

  /** Stripe children in all. */
  count(): number {
    return this.#byStripe.reduce((sum, children) => sum + children.size, 0);
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
    let from = start;
    if (start === NEWEST_INDEPENDENT) from = parts.newestIndependent()?.seal.number ?? parts.newest + 1;
    for (const number of parts.numbers(from)) {
      for (const message of parts.stripe(number, stripe, this.#stripes)) {
        child.outbox.put(stripe, message, now);
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
  push({ seal: { number }, stripe, index, message, source }: Taken, now: number): Send[] {
    const out: Send[] = [];
    for (const child of this.of(stripe).values()) {
      if (child.peer === source) continue;
      child.outbox.put(stripe, message, now);
      out.push(...this.pump(child));
    }
    // Nobody asks for parity.
    if (this.#wants.size === 0 || stripe === this.#stripes) return out;
    const asked = this.#wants.get(key(number, index)) ?? new Map<string, Asker>();
    this.#wants.delete(key(number, index));
    this.#wanted -= asked.size;
    const all = this.#wants.get(key(number, ALL)) ?? [];
    for (const [peer, { until, neighbour }] of new Map([...asked, ...all])) {
      if (until < now || peer === source || neighbour.feeds.has(stripe)) continue;
      if (asked.has(peer) || neighbour.allow(1, now)) out.push(this.#serve(neighbour, message));
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
      if (message !== null) out.push(this.#serve(asker, message));
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
    if (stripe === null) return [];
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

  #serve(asker: Neighbour, message: Uint8Array): Send {
    this.#counters.wantsServed += 1;
    this.#counters.toPeers += message.length;
    return send(asker.peer, message, "blocks");
  }
}

/** One number for a part and a block index (at most 1024 of them, and ALL). */
function key(number: number, index: number): number {
  return number * 2048 + index + 1;
}
