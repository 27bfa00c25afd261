/**
 * The tree of links along which new messages are pushed, and what mends it (Plumtree).
 *
 * A message that comes a second time takes the link that brought it out of the tree: over such a link only the ids of what
 * is new are told. When something that was told of does not come along the tree in time, the teller is asked for it, and its
 * link is a branch again: so the tree goes around losses and ends, and around detours that are longer than the patience with
 * them. In a small room a few links more than one may bring the same: it comes by the shortest way then, and a lost packet
 * delays nothing. In a crowd the branches are the way to the root and those who hang below (`chat-root.ts`): what is late is
 * asked for then, and no branch is made of it.
 */

import type { ChatRoot, OfChat } from "../wire.ts";
import { Bucket } from "./bucket.ts";
import type { ChatLimits } from "./chat-limits.ts";
import { inMessages } from "./chat-link.ts";
import { Root } from "./chat-root.ts";
import { forgetOldest } from "./forget-oldest.ts";

/** Stands for oneself where a message came first. */
export const OWN = "";

interface TreeLink {
  /** What the peer may tell of. */
  readonly rate: Bucket;
  branch: boolean;
  /** What it is to be told of. */
  readonly news: Set<string>;
  /** The peer has asked for being pushed what is new. */
  child: boolean;
}

/** A new message that was told of, and is not here. */
interface Awaited {
  /** When the next teller is asked. */
  due: number;
  /** Who has not been asked yet, in the order of their telling. */
  readonly tellers: Set<string>;
  /** All of them. */
  readonly told: Set<string>;
  asked: string;
}

/** `send` sends a message over a link. What no teller has sent in time is handed to `lost`. */
export class Tree {
  readonly #limits: ChatLimits;
  readonly #send: (peer: string, message: OfChat) => void;
  readonly #lost: (id: string, tellers: readonly string[], now: number) => void;
  readonly #links = new Map<string, TreeLink>();
  readonly #awaited = new Map<string, Awaited>();
  /** Who brought each of the last new messages. */
  readonly #first = new Map<string, string>();
  /** Who brings what is new, the one last that did so last. */
  readonly #feeders = new Set<string>();
  #most: number;
  #newsAt: number | null = null;
  /** Who was asked last for each of the last messages that did not come along the tree in time. */
  readonly #asked = new Map<string, string>();
  readonly #root: Root;
  /** In a crowd: who was told so. What is new goes up to it as well as down to the children. */
  #parent: string | null = null;
  /** Messages in a row that came because they were asked for. */
  #idle = 0;

  constructor(
    me: string,
    limits: ChatLimits,
    send: (peer: string, message: OfChat) => void,
    lost: (id: string, tellers: readonly string[], now: number) => void,
  ) {
    this.#limits = limits;
    this.#send = send;
    this.#lost = lost;
    this.#most = limits.feeders;
    this.#root = new Root(me, limits, send);
  }

  /** Whether it was told of as new, and is still to come. */
  has(id: string): boolean {
    return this.#awaited.has(id);
  }

  /** `company`: how many are in the room. */
  linkOpened(peer: string, now: number, company: number): void {
    const crowded = company >= this.#limits.crowd;
    this.#most = crowded ? 1 : this.#limits.feeders;
    // In a crowd, who comes asks for what it is told of once, and is a branch of one link, not of all.
    const branch = !(crowded && (this.#feeders.size > 0 || this.#root.known));
    const rate = new Bucket(this.#limits.link, now);
    this.#links.set(peer, { rate, branch, news: new Set(), child: false });
    this.#root.linkOpened(peer, now, crowded);
    this.#followRoot();
  }

  linkClosed(peer: string, now: number): void {
    this.#links.delete(peer);
    this.#feeders.delete(peer);
    for (const awaited of this.#awaited.values()) if (awaited.asked === peer) awaited.due = now;
    this.#root.linkClosed(peer, now);
    this.#followRoot();
  }

  /** `peer` says how far the root is. */
  rooted(peer: string, message: ChatRoot, now: number): void {
    this.#root.heard(peer, message, now);
    this.#followRoot();
  }

  /** Be the child of who leads to the root, and no branch of others. */
  #followRoot(): void {
    const parent = this.#root.parent;
    if (parent === this.#parent) return;
    this.#parent = parent;
    this.#idle = 0;
    if (parent !== null) this.#climb(parent);
    if (!this.#root.known) return;
    for (const [peer, link] of this.#links) {
      if (!link.branch || link.child || peer === parent) continue;
      link.branch = false;
      this.#send(peer, { type: "chatPrune", ids: [] });
    }
  }

  #climb(parent: string): void {
    const link = this.#links.get(parent);
    if (link !== undefined) link.branch = true;
    this.#send(parent, { type: "chatGraft", ids: [] });
  }

  // What comes

  /** A new message came first from `peer`, or is OWN. Returns who told of it. */
  came(id: string, peer: string, now: number): readonly string[] {
    this.#first.delete(id);
    this.#first.set(id, peer);
    if (this.#first.size > this.#limits.remembered) forgetOldest(this.#first);
    const awaited = this.#awaited.get(id);
    this.#awaited.delete(id);
    const link = this.#links.get(peer);
    if (link !== undefined) this.#cameOver(peer, link, awaited?.asked === peer, now);
    return awaited === undefined ? [] : [...awaited.told];
  }

  /** Something new came first over that link; `asked`: because it was asked for. */
  #cameOver(peer: string, link: TreeLink, asked: boolean, now: number): void {
    if (!this.#root.known) {
      link.branch = true;
      this.#feeds(peer);
    } else if (!asked) {
      this.#idle = 0;
    } else if (++this.#idle >= this.#limits.idle) {
      this.#idle = 0;
      this.#root.failed(now);
      this.#followRoot();
    }
  }

  /** `peer` sent what was here before. */
  cameAgain(id: string, peer: string): void {
    const first = this.#first.get(id);
    const link = this.#links.get(peer);
    link?.news.delete(id);
    if (link === undefined || first === undefined || first === peer) return; // of the past, or its own
    if (this.#root.known) {
      // One that is in the tree stays: waves take it out if it is wrong there.
      if (link.child || peer === this.#parent || this.#asked.get(id) === peer) return;
      link.branch = false;
      this.#send(peer, { type: "chatPrune", ids: [id] });
    } else if (first !== OWN && this.#links.get(first)?.branch !== true) {
      this.#first.set(id, peer); // who brought it first brings no more: this one does
      link.branch = true;
    } else if (this.#feeders.has(peer) || this.#feeders.size < this.#most) {
      this.#feeds(peer);
    } else {
      link.branch = false;
      this.#send(peer, { type: "chatPrune", ids: [id] });
    }
  }

  /** `peer` has a new message that is not here. */
  told(id: string, peer: string, now: number): void {
    const awaited = this.#awaited.get(id);
    if (awaited !== undefined) {
      if (!awaited.told.has(peer)) awaited.tellers.add(peer);
      awaited.told.add(peer);
    } else if (this.#awaited.size < this.#limits.waiting) {
      const due = now + this.#limits.graftAfter;
      this.#awaited.set(id, { due, tellers: new Set([peer]), told: new Set([peer]), asked: OWN });
    }
  }

  /** Whether one more message that `peer` tells of is taken notice of. */
  mayTell(peer: string, now: number): boolean {
    return this.#links.get(peer)?.rate.take(now) ?? false;
  }

  /** `peer` need not be told of it. */
  knows(id: string, peer: string): void {
    this.#links.get(peer)?.news.delete(id);
  }

  /** `peer` wants to be pushed what is new. */
  grafted(peer: string): void {
    const link = this.#links.get(peer);
    if (link !== undefined) link.branch = link.child = true;
  }

  /** `peer` gets what is new from others. */
  pruned(peer: string): void {
    this.#feeders.delete(peer);
    const link = this.#links.get(peer);
    if (link !== undefined) link.branch = link.child = false;
    if (peer === this.#parent) this.#climb(peer);
  }

  /** It brings what is new: those that did so last are kept in the tree. */
  #feeds(peer: string): void {
    this.#feeders.delete(peer);
    this.#feeders.add(peer);
    while (this.#feeders.size > this.#most) forgetOldest(this.#feeders);
  }

  // What goes out

  /** The links over which to push it; the other ones are told of it. */
  spread(id: string, holders: { has(peer: string): boolean }, now: number): readonly string[] {
    const lacking = [...this.#links.keys()].filter((peer) => !holders.has(peer));
    let branches = lacking.filter((peer) => this.#links.get(peer)?.branch);
    // Who says something may be gone before anybody asks for it.
    if (branches.length === 0 && this.#first.get(id) === OWN) branches = lacking.slice(0, 1);
    for (const peer of lacking) {
      if (branches.includes(peer)) continue;
      this.#links.get(peer)?.news.add(id);
      this.#newsAt ??= now + this.#limits.newsAfter;
    }
    return branches;
  }

  // Time

  handleTimer(now: number): void {
    if (this.#newsAt !== null && now >= this.#newsAt) {
      this.#newsAt = null;
      for (const [peer, { news }] of this.#links) {
        for (const ids of inMessages([...news])) this.#send(peer, { type: "chatNews", ids });
        news.clear();
      }
    }
    this.#root.handleTimer(now);
    this.#followRoot();
    const questions = new Map<string, string[]>();
    for (const [id, awaited] of this.#awaited) if (now >= awaited.due) this.#ask(id, awaited, questions, now);
    for (const [peer, wanted] of questions) {
      const link = this.#links.get(peer);
      if (link !== undefined && !this.#root.known) link.branch = true;
      const type = this.#root.known ? "chatWant" : "chatGraft";
      for (const ids of inMessages(wanted)) this.#send(peer, { type, ids });
    }
  }

  #ask(id: string, awaited: Awaited, questions: Map<string, string[]>, now: number): void {
    for (const peer of awaited.tellers) {
      awaited.tellers.delete(peer);
      if (!this.#links.has(peer)) continue;
      awaited.asked = peer;
      awaited.due = now + this.#limits.graftAgain;
      this.#asked.set(id, peer);
      if (this.#asked.size > this.#limits.remembered) forgetOldest(this.#asked);
      const wanted = questions.get(peer) ?? [];
      wanted.push(id);
      questions.set(peer, wanted);
      return;
    }
    this.#awaited.delete(id);
    this.#lost(id, [...awaited.told], now);
  }

  nextTimer(): number | null {
    let first = this.#root.nextTimer();
    if (this.#newsAt !== null) first = Math.min(first ?? this.#newsAt, this.#newsAt);
    for (const { due } of this.#awaited.values()) first = first === null ? due : Math.min(first, due);
    return first;
  }
}
