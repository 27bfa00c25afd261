/** What peers are told of the log: pushed, announced, and answered from memory or from the store. */

import type { ChatMessage, OfChat } from "../wire.ts";
import { encodeChat, MAX_FOLLOWS, messageId } from "../wire-chat.ts";
import { type Send, send } from "./actions.ts";
import type { History } from "./chat-history.ts";
import type { ChatLimits } from "./chat-limits.ts";
import { ChatLink } from "./chat-link.ts";
import { comparePlaces, type SignedMessage } from "./chat-message.ts";
import type { Recalls } from "./chat-recall.ts";
import { Tree } from "./chat-tree.ts";
import { forgetOldest } from "./forget-oldest.ts";

interface Holders {
  has(peer: string): boolean;
}

/** The links, and what goes out over them. */
export class Telling {
  readonly links = new Map<string, ChatLink>();
  /** Messages of one's own that no link has carried yet. */
  readonly unsent = new Set<string>();
  readonly #limits: ChatLimits;
  readonly #history: History;
  readonly #store: Recalls | null;
  readonly #act: (action: Send) => void;
  readonly tree: Tree;
  #announceAt: number | null = null;

  constructor(
    me: string,
    limits: ChatLimits,
    history: History,
    store: Recalls | null,
    act: (action: Send) => void,
    lost: (id: string, tellers: readonly string[], now: number) => void,
  ) {
    this.#limits = limits;
    this.#history = history;
    this.#store = store;
    this.#act = act;
    this.tree = new Tree(me, limits, (peer, message) => this.send(peer, message), lost);
  }

  linkOpened(peer: string, now: number, company: number): void {
    this.links.set(peer, new ChatLink(this.#limits, now));
    this.tree.linkOpened(peer, now, company);
  }

  linkClosed(peer: string, now: number): void {
    this.links.delete(peer);
    this.tree.linkClosed(peer, now);
  }

  /** `peer` lacks these, as a comparison has shown. */
  tellOfLacking(peer: string, ids: readonly string[]): void {
    const link = this.links.get(peer);
    if (link !== undefined) link.compared = new Set(ids);
    this.send(peer, { type: "chatHave", ids });
  }

  /** One's own message could not be sent to anybody yet. */
  waitForLinks(id: string): void {
    this.unsent.add(id);
    if (this.unsent.size > this.#limits.remembered) forgetOldest(this.unsent);
  }

  send(peer: string, message: OfChat): void {
    this.#act(send(peer, encodeChat(message)));
  }

  /** Sends it along the tree, and tells of it everywhere else, but not to those that have it. */
  push(message: SignedMessage, holders: Holders, now: number): void {
    const data = encodeChat(message.signed);
    for (const peer of this.tree.spread(message.id, holders, now)) this.#act(send(peer, data));
  }

  /** Announces it to all but those, together with others. */
  tellLater(id: string, holders: Holders, now: number): void {
    for (const [peer, link] of this.links) {
      if (holders.has(peer)) continue;
      link.tellLater(id);
      this.#announceAt ??= now + this.#limits.announceAfter;
    }
  }

  /** The store, while it has more than memory has. */
  get recalls(): Recalls | null {
    return this.#history.floor > 0 ? this.#store : null;
  }

  /** Calls `then` with the peer and those that are not in the store, unless it says too much at once. */
  unlessKept(
    peer: string,
    ids: readonly string[],
    then: (peer: string, ids: readonly string[], now: number) => void,
    now: number,
  ): void {
    const link = this.links.get(peer);
    if (this.recalls === null || ids.length === 0) {
      then(peer, ids, now);
    } else if (link?.looksUp(now)) {
      this.recalls.lookUp(ids, (kept, later) => {
        link.lookedUp();
        if (this.links.get(peer) !== link) return;
        then(
          peer,
          ids.filter((id) => !kept.includes(id)),
          later,
        );
      });
    }
  }

  // Answers

  /** `peer` asks for these messages. */
  wanted(peer: string, link: ChatLink, ids: readonly string[], now: number): void {
    const found: SignedMessage[] = [];
    for (const id of ids) {
      const message = this.#history.get(id);
      if (message !== undefined) {
        if (message.measure === null) found.push(message);
        link.owe(id);
      } else if (this.recalls !== null) {
        link.seek(id);
      }
    }
    this.#answer(peer, link, now);
    if (found.length === 0 || ids.length > MAX_FOLLOWS) return;
    if (ids.every((id) => link.compared.has(id))) return;
    // Who asks for a few old messages is filling a gap: told what came before them, it need not go there step by step.
    const oldest = found.reduce((a, b) => (comparePlaces(b.place, a.place) < 0 ? b : a));
    if (this.#history.amongNewest(oldest.place, this.#limits.newest)) return;
    const before = this.#history.before(oldest.place, this.#limits.newest);
    if (before.length > 0 && link.affords(32 * before.length, now)) {
      this.send(peer, { type: "chatHave", ids: before });
    }
  }

  /** `peer` asks for those up to the last of these; no answer when it asks too much. */
  askedBefore(peer: string, link: ChatLink, ids: readonly string[], now: number): void {
    const count = this.#limits.newest;
    const known = ids.map((id) => this.#history.get(id)).filter((message) => message !== undefined);
    const last = known.reduce<SignedMessage | null>(
      (a, b) => (a === null || comparePlaces(b.place, a.place) > 0 ? b : a),
      null,
    );
    const page = last === null ? [] : [...this.#history.before(last.place, count - 1), last.id];
    const store = this.recalls;
    if (page.length === count || store === null) {
      link.owePage(page);
      this.#answer(peer, link, now);
    } else if (link.looksUp(now)) {
      store.lookBefore(ids, count, (found, later) => {
        link.lookedUp();
        if (this.links.get(peer) !== link) return;
        link.owePage(found);
        this.#answer(peer, link, later);
      });
    }
  }

  #answer(peer: string, link: ChatLink, now: number): void {
    for (const message of link.answers(this.#history, now)) {
      this.#sendMessage(peer, message.id, message.signed);
    }
    const page = link.page(now);
    if (page !== null) this.send(peer, { type: "chatPage", ids: page });
    const ids = link.reads(now);
    if (ids.length > 0) this.#store?.recall(ids, (found, later) => this.#recalled(peer, link, found, later));
  }

  #recalled(peer: string, link: ChatLink, found: readonly ChatMessage[], now: number): void {
    if (this.links.get(peer) !== link) return;
    const sizes = found.map(({ header, body }) => header.length + (body?.length ?? 0));
    const sendable = link.read(sizes, now);
    for (const message of found) {
      const id = messageId(message.header);
      if (sendable) this.#sendMessage(peer, id, message);
      else link.seek(id);
    }
    this.#answer(peer, link, now);
  }

  #sendMessage(peer: string, id: string, message: ChatMessage): void {
    this.unsent.delete(id);
    this.send(peer, message);
  }

  // Time

  handleTimer(now: number): void {
    this.tree.handleTimer(now);
    for (const [peer, link] of this.links) this.#answer(peer, link, now);
    if (this.#announceAt === null || now < this.#announceAt) return;
    this.#announceAt = null;
    for (const [peer, link] of this.links) {
      for (const ids of link.pollUntold()) this.send(peer, { type: "chatHave", ids });
    }
  }

  nextTimer(): number | null {
    const links = [...this.links.values()].map((link) => link.nextTimer());
    const times = [this.#announceAt, this.tree.nextTimer(), ...links].filter((time) => time !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }
}
