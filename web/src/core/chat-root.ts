/**
 * The root of the chat's tree in a crowd, and the link that leads there.
 *
 * In a tree that is made of nothing but first and second copies two messages under way at a time take two links out of one
 * circle: a room of 300 fell apart into 10 to 40 pieces again and again, without a loss or a leave. So a crowd has a root, as
 * bridges have (IEEE 802.1D): it sends waves over all links, whoever hears of one passes it on to all, and takes as its parent
 * a neighbour to whom the wave had fewer links to go. That is a tree, for the way only gets shorter from a child to its
 * parent, and a low one.
 *
 * Whoever loses its link to the root, or hears no waves, is the root of the next generation; of several the smallest id is.
 * Anybody can make itself the root or lie about its distance: that spoils the shape of the tree, and what does not come along
 * it is told of and asked for as ever.
 */

import type { ChatRoot } from "../wire.ts";
import { Bucket } from "./bucket.ts";
import type { ChatLimits } from "./chat-limits.ts";

const MAX_HOPS = 64;
const NUMBERS = 2 ** 32;

interface Neighbour {
  /** What it may say of waves. */
  readonly rate: Bucket;
  heard: ChatRoot | null;
  shunnedUntil: number;
}

/** `say` sends over a link. */
export class Root {
  /** The neighbour by which this peer hangs in the tree. */
  parent: string | null = null;
  readonly #me: string;
  readonly #limits: ChatLimits;
  readonly #say: (peer: string, message: ChatRoot) => void;
  /** 0 to 1, so that not all act in one moment. */
  readonly #spread: number;
  #crowded = false;
  readonly #neighbours = new Map<string, Neighbour>();
  /** What all neighbours were told of the last wave. */
  #said: ChatRoot | null = null;
  /** Who told of it first. */
  #first: string | null = null;
  #decideAt: number | null = null;
  /** When to begin a wave of one's own. */
  #beginAt: number | null = null;

  constructor(me: string, limits: ChatLimits, say: (peer: string, message: ChatRoot) => void) {
    this.#me = me;
    this.#limits = limits;
    this.#say = say;
    this.#spread = Number.parseInt(me.slice(-4), 16) / 65536;
  }

  /** Whether this peer has its place in a tree with a root. */
  get known(): boolean {
    return this.parent !== null || this.#said?.root === this.#me;
  }

  /** `crowded`: whether the room is one that needs a root. */
  linkOpened(peer: string, now: number, crowded: boolean): void {
    const rate = new Bucket(this.#limits.waves, now);
    this.#neighbours.set(peer, { rate, heard: null, shunnedUntil: Number.NEGATIVE_INFINITY });
    if (this.#said !== null) this.#say(peer, this.#said);
    this.#crowded = crowded;
    if (crowded) this.#beginAt ??= now + this.#limits.waveEvery * (1 + this.#spread);
  }

  linkClosed(peer: string, now: number): void {
    this.#neighbours.delete(peer);
    if (this.#said?.root === peer) this.#begin(now);
    else if (peer === this.parent) this.#choose(now);
  }

  /** What is new does not come from the parent. */
  failed(now: number): void {
    const parent = this.parent === null ? undefined : this.#neighbours.get(this.parent);
    if (parent === undefined) return;
    parent.shunnedUntil = now + this.#limits.shunned;
    this.#choose(now);
  }

  /** `peer` tells of a wave. */
  heard(peer: string, message: ChatRoot, now: number): void {
    const neighbour = this.#neighbours.get(peer);
    const { generation, root, number, hops } = message;
    if (neighbour === undefined || root === this.#me || hops >= MAX_HOPS || !neighbour.rate.take(now)) return;
    neighbour.heard = message;
    if (this.#isNewer(message)) {
      this.#first = peer;
      this.#beginAt = now + this.#limits.waveLost + this.#limits.waveEvery * this.#spread;
      this.#passOn(generation, root, number, hops + 1);
      if (peer !== this.parent) this.#decideAt = now + this.#limits.waveSettles;
    }
    if (!this.known) this.#choose(now);
  }

  #isNewer({ generation, root, number }: ChatRoot): boolean {
    const said = this.#said;
    if (said === null) return true;
    if (generation !== said.generation) return isAfter(generation, said.generation);
    return root < said.root || (root === said.root && isAfter(number, said.number));
  }

  #passOn(generation: number, root: string, number: number, hops: number): void {
    const said: ChatRoot = { type: "chatRoot", generation, root, number, hops };
    this.#said = said;
    for (const peer of this.#neighbours.keys()) this.#say(peer, said);
  }

  /** Sends a wave: of the next generation if somebody else was the root before. */
  #begin(now: number): void {
    const last = this.#said;
    this.parent = this.#first = this.#decideAt = null;
    this.#beginAt = now + this.#limits.waveEvery;
    if (last === null) this.#passOn(0, this.#me, 0, 0);
    else if (last.root === this.#me) this.#passOn(last.generation, this.#me, (last.number + 1) % NUMBERS, 0);
    else this.#passOn((last.generation + 1) % NUMBERS, this.#me, 0, 0);
  }

  /** How far it is from the root in the last wave; null if it may be behind this peer. */
  #hops(peer: string): number | null {
    const [said, heard] = [this.#said, this.#neighbours.get(peer)?.heard ?? null];
    if (said === null || heard === null) return null;
    const { generation, root, number, hops } = heard;
    if (generation !== said.generation || root !== said.root || number !== said.number) return null;
    return hops < said.hops || (hops === said.hops && peer < this.#me) ? hops : null;
  }

  /** Takes the neighbour that is nearest to the root, of two the one that told of the wave first. */
  #choose(now: number): void {
    this.#decideAt = null;
    const able = [...this.#neighbours].flatMap(([peer, { shunnedUntil }]) => {
      const hops = this.#hops(peer);
      return hops === null ? [] : [{ peer, hops, shunned: now < shunnedUntil, late: peer !== this.#first }];
    });
    able.sort(
      (a, b) =>
        Number(a.shunned) - Number(b.shunned) ||
        a.hops - b.hops ||
        Number(a.late) - Number(b.late) ||
        (a.peer < b.peer ? -1 : 1),
    );
    this.parent = able[0]?.peer ?? null;
  }

  /** Whether the parent is a good one in the last wave, too. */
  #isWell(now: number): boolean {
    const parent = this.parent === null ? undefined : this.#neighbours.get(this.parent);
    if (this.parent === null || parent === undefined || now < parent.shunnedUntil) return false;
    const hops = this.#hops(this.parent);
    return hops !== null && hops < (this.#said?.hops ?? 0);
  }

  handleTimer(now: number): void {
    if (this.#decideAt !== null && now >= this.#decideAt) {
      this.#decideAt = null;
      if (!this.#isWell(now)) this.#choose(now);
    }
    if (this.#beginAt === null || now < this.#beginAt) return;
    if (this.#crowded) this.#begin(now);
    else this.parent = this.#said = this.#first = this.#decideAt = this.#beginAt = null;
  }

  nextTimer(): number | null {
    if (this.#decideAt === null || this.#beginAt === null) return this.#decideAt ?? this.#beginAt;
    return Math.min(this.#decideAt, this.#beginAt);
  }
}

/** Whether a number is later, as in RFC 1982: so no number is the last one. */
function isAfter(one: number, other: number): boolean {
  const ahead = (one - other + NUMBERS) % NUMBERS;
  return ahead > 0 && ahead < NUMBERS / 2;
}
