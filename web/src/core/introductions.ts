/**
 * Introductions through neighbours: a state machine without I/O that keeps the mesh whole; the twin of
 * peer/core/introductions.py.
 *
 * It tells neighbours of peers and learns of others from them (`gossip`, `partial-view`), passes offers on
 * (`relaying`), and wants links of its own while the introducer is away (`mending`): docs/protocol.md section 5.
 * Events are methods that take `now` (monotonic seconds) last; `pollActions()` gives what to do; `nextTimer()` says when
 * to call `handleTimer(now)`.
 */

import { peerId } from "../signing.ts";
import type { Introducing, RelayAnswer, RelayCandidate, RelayOffer } from "../wire-introductions.ts";
import { Gossip } from "./gossip.ts";
import type { IntroductionAction } from "./introduction-actions.ts";
import { AVOID_FOR, Mending } from "./mending.ts";
import type { Role } from "./neighbour.ts";
import { PartialView } from "./partial-view.ts";
import { Relaying } from "./relaying.ts";

const TICK = 1;
/** Seconds for which a lost peer is not tried again: if it is dead, its other neighbours know by then. */
const LOST_FOR = 4;

export interface IntroductionsOptions {
  /** Raw public key and nonce, as in our hello. */
  key: Uint8Array;
  nonce: Uint8Array;
  room: string;
  role: Role;
  /** The link set's. */
  limit: number;
  /** ms since 1970 by our own clock: only our own records are ever ordered by it, so it may be wrong. */
  wall: number;
  chance: () => number;
}

/** One peer's part in introducing the peers of a room to each other. */
export class Introductions {
  readonly view: PartialView;
  readonly mending: Mending;
  readonly gossip: Gossip;
  readonly relaying: Relaying;
  #tickAt: number;
  #links: readonly string[] = [];
  #actions: IntroductionAction[] = [];

  constructor({ key, nonce, room, role, limit, wall, chance }: IntroductionsOptions, now: number) {
    const own = peerId(key);
    this.view = new PartialView(own, chance);
    this.mending = new Mending(this.view, limit, chance);
    const neighbours = this.mending.open;
    const credential = new Uint8Array();
    const record = { key, nonce, sequence: wall, role, carries: false, braids: [], credential };
    this.gossip = new Gossip(own, room, record, this.view, neighbours, chance, now);
    this.relaying = new Relaying(own, this.view, neighbours);
    this.#tickAt = now + TICK;
  }

  // Verbs of the shell.

  pollActions(): IntroductionAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  nextTimer(): number {
    return Math.min(this.#tickAt, this.gossip.nextTimer());
  }

  handleTimer(now: number): void {
    this.gossip.handleTimer(now);
    if (now >= this.#tickAt) {
      this.#tickAt = now + TICK;
      this.view.expire(now);
      this.relaying.expire(now);
      this.gossip.expire(now);
    }
    this.#update(now);
  }

  // What we are.

  /** Whether we pass blocks on, and the braids that we take part in. */
  describe(carries: boolean, braids: readonly string[], now: number): void {
    if (this.gossip.describe(carries, braids, now)) this.#update(now);
  }

  /** The answer to `sign`. */
  signed(body: Uint8Array, signature: Uint8Array, now: number): void {
    this.gossip.signed(body, signature, now);
    this.#update(now);
  }

  /** Whether some stripe that we want has no parent. */
  hungry(hungry: boolean, now: number): void {
    if (hungry === this.mending.hungry) return;
    this.mending.hungry = hungry;
    this.#update(now);
  }

  setLimit(limit: number): void {
    this.mending.limit = limit;
  }

  // Links.

  signalingUp(up: boolean, now: number): void {
    this.mending.signalingUp(up, now);
    this.gossip.signalingUp(up, now);
    this.#update(now);
  }

  linkOpened(peer: string, now: number): void {
    this.mending.open.add(peer);
    this.view.linkOpened(peer);
    this.gossip.linkOpened(peer, now);
    this.#update(now);
  }

  /** The link to `peer` is gone; `left`: it said that it leaves the room. */
  linkClosed(peer: string, left: boolean, now: number): void {
    this.mending.open.delete(peer);
    this.mending.drop(peer, now + (left ? AVOID_FOR : LOST_FOR));
    this.gossip.linkClosed(peer);
    this.view.linkClosed(peer);
    if (left) this.view.forget(peer);
    this.relaying.linkClosed(peer);
    this.#update(now);
  }

  /** The link set has given up on `peer` for now. */
  unreachable(peer: string, now: number): void {
    if (!this.mending.wanted.has(peer)) return;
    this.mending.drop(peer, now + AVOID_FOR);
    this.#update(now);
  }

  /** `peer` misbehaved: nothing is believed of it or told about it. */
  expelled(peer: string, now: number): void {
    this.view.bar(peer, now);
    this.mending.drop(peer, now + AVOID_FOR);
    this.#update(now);
  }

  /** A connection that was being made, by us or to us, has ended. */
  connectionClosed(connection: string, now: number): void {
    this.relaying.close(connection);
    this.#update(now);
  }

  // Offers, answers and candidates of our own.

  /** Has an offer of ours passed on; false when no neighbour knows the way. */
  sendOffer(offer: RelayOffer, now: number): boolean {
    const sent = this.relaying.sendOffer(offer, now);
    this.#update(now);
    return sent;
  }

  /** Answers an offer that neighbours passed on to us; false for any other. */
  sendAnswer(answer: RelayAnswer, now: number): boolean {
    const sent = this.relaying.sendAnswer(answer);
    this.#update(now);
    return sent;
  }

  /** A candidate of ours, the way of its offer; false when that did not go by neighbours. */
  sendCandidate(candidate: RelayCandidate, now: number): boolean {
    const sent = this.relaying.sendCandidate(candidate);
    this.#update(now);
    return sent;
  }

  /** The offer that was handed to us is not taken. */
  refuse(connection: string, now: number): void {
    this.relaying.refuse(connection);
    this.#update(now);
  }

  // What comes over links.

  /** A decoded message of a linked peer. */
  received(peer: string, message: Introducing, now: number): void {
    if (!this.mending.open.has(peer)) return;
    switch (message.type) {
      case "shuffle":
        this.gossip.shuffled(peer, message, now);
        break;
      case "peers":
        this.gossip.toldOf(peer, message, now);
        break;
      case "relayOffer":
        this.relaying.offered(peer, message, now);
        break;
      case "relayAnswer":
        this.relaying.answered(peer, message);
        break;
      case "relayCandidate":
        this.relaying.candidate(peer, message);
        break;
      case "relayFailed":
        this.relaying.failed(peer, message);
        break;
    }
    this.#update(now);
  }

  /** The answer to `verify`. */
  verified(token: number, ok: boolean, now: number): void {
    this.gossip.verified(token, ok, now);
    this.#update(now);
  }

  // Inside.

  /** Passes on what the parts ask for, and brings the wanted links and the ways to peers up to date. */
  #update(now: number): void {
    this.#actions.push(...this.gossip.pollActions());
    for (const action of this.relaying.pollActions()) {
      if (action.type === "undelivered" && !this.view.reachable(action.peer)) {
        this.mending.drop(action.peer, now + AVOID_FOR);
      }
      this.#actions.push(action);
    }
    for (const { peer, record } of this.mending.balance(this.gossip.record.braids, now)) {
      this.#actions.push({ type: "acquaint", peer, record });
    }
    for (const [peer, possible] of this.view.pollWays()) {
      this.#actions.push({ type: "mediated", peer, possible });
    }
    const links = [...this.mending.wanted.keys()];
    if (links.join() !== this.#links.join()) {
      this.#links = links;
      this.#actions.push({ type: "links", peers: links });
    }
  }
}
