/**
 * Which links this peer has and wants: a state machine without I/O, the twin of peer/core/link_set.py.
 *
 * The shell tells what happened (`introduced`, `want`, `offerReceived`, `linkOpened`, …), then executes what
 * `pollActions` returns. A link is made, watched and closed here; what travels on it is the business of others.
 * Peer ids are 32, connection ids 16 hex digits; times are seconds on a monotonic clock.
 */

import { type KnownPeer, KnownPeers, retryDelay, SeenConnections } from "./known-peers.ts";
import type { Introduction, LinkReason, LinkSetAction, LinkState } from "./link-actions.ts";
import { fallsQuiet, isDead, isIdle, lookAt, nextPing, QUIET_AFTER } from "./link-liveness.ts";
import { objection } from "./link-offers.ts";
import { givesWay } from "./link-places.ts";

export const RECEIVE_ONLY_LINKS = 12;
export const CARRYING_LINKS = 32;

const SETUP_TIMEOUT = 8;
const ATTEMPTS = 3;
const UNREACHABLE_FOR = 30;
const EXPELLED_FOR = 600;
const FULL_RETRY = 1;
/** A link that lived this long was a success: its loss is not one more failed attempt. */
const STEADY_AFTER = 10;
/** Attempts are spread over this time when signaling comes back, so that a room does not stampede. */
const RESUME_SPREAD = 1;

const GAVE_UP: ReadonlySet<LinkReason> = new Set([
  "leaving",
  "bad-block",
  "protocol-error",
  "too-many-links",
]);

export class LinkSet {
  readonly own: string;
  #limit: number;
  readonly #chance: () => number;
  readonly #peers: KnownPeers;
  readonly #seen = new SeenConnections();
  #up = false;
  readonly #mediated = new Set<string>();
  #actions: LinkSetAction[] = [];
  #timer: number | null = null;
  #moved = true;

  /** `chance` returns a number in [0, 1): the shell passes one that cannot be guessed, tests a fixed sequence. */
  constructor(own: string, limit: number, chance: () => number) {
    this.own = own;
    this.#peers = new KnownPeers(own);
    this.#limit = limit;
    this.#chance = chance;
  }

  // What the shell may ask.

  pollActions(): LinkSetAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  /** When `handleTimer` is due; it may be a little early, never late. */
  nextTimer(): number | null {
    if (this.#moved) {
      let timer: number | null = null;
      for (const known of this.#peers) {
        const at = this.#due(known);
        if (at !== null && (timer === null || at < timer)) timer = at;
      }
      this.#timer = timer;
      this.#moved = false;
    }
    return this.#timer;
  }

  introduction(peer: string): Introduction | null {
    return this.#peers.get(peer)?.introduction ?? null;
  }

  /** The id of the connection to `peer` that is open or being made. */
  connection(peer: string): string | null {
    const known = this.#peers.get(peer);
    return known?.holdsPlace ? known.connection : null;
  }

  state(peer: string): LinkState {
    return this.#peers.get(peer)?.state ?? "absent";
  }

  get placesTaken(): number {
    return this.#peers.placesTaken();
  }

  // Events.

  /** The introducer, or a verified offer, told key and nonce; an empty name or role keeps the known one. */
  introduced(peer: string, key: string, nonce: string, name: string, role: string, now: number): void {
    const known = this.#peers.know(peer);
    if (known === null) return;
    const old = known.introduction;
    known.introduction = { key, nonce, name: name || (old?.name ?? ""), role: role || (old?.role ?? "") };
    if (old !== null && old.nonce === nonce) return;
    // A new nonce is a new session of that peer: what failed before says nothing about it.
    if (known.state === "offered" && !known.answered) this.#close(known, "replaced");
    if (
      (known.state === "absent" || known.state === "waiting" || known.state === "unreachable") &&
      !known.expelled
    ) {
      known.state = "absent";
      known.attempts = 0;
      this.#begin(known, now);
    }
  }

  want(peer: string, purpose: string, now: number): void {
    const known = this.#peers.know(peer);
    if (known === null) {
      if (peer !== this.own) this.#actions.push({ type: "unreachable", peer });
      return;
    }
    if (known.purposes.has(purpose)) return;
    known.purposes.add(purpose);
    if (known.state === "unreachable") this.#actions.push({ type: "unreachable", peer });
    else if (known.state === "absent") this.#begin(known, now);
    this.#moved = true;
  }

  unwant(peer: string, purpose: string, now: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined || !known.purposes.delete(purpose)) return;
    this.#moved = true;
    if (known.purposes.size > 0) return;
    if (known.state === "waiting") known.state = "absent";
    else if (known.state === "open") known.usedAt = now;
    // An offer is seen through: whoever takes it may want the link, and would wait in vain for seconds.
  }

  /** An offer came whose signature the shell has verified. */
  offerReceived(peer: string, connection: string, now: number): void {
    const known = this.#peers.know(peer);
    const reason = objection(this.own, peer, known, this.#seen.has(connection));
    this.#seen.add(connection);
    if (known === null || reason !== null) {
      this.#actions.push({ type: "refuse", peer, connection, reason: reason ?? "too-many-links" });
      return;
    }
    if (known.holdsPlace) {
      // An offer after its sender's answer, or over an open link, says that the sender began anew.
      this.#close(known, known.state !== "offered" ? "replaced" : "glare");
    } else if (!this.#makeRoom(now, null)) {
      this.#actions.push({ type: "refuse", peer, connection, reason: "too-many-links" });
      return;
    }
    known.attempt("accepted", connection, now + SETUP_TIMEOUT);
    this.#moved = true;
    this.#actions.push({ type: "accept", peer, connection });
  }

  /** A verified answer came; the shell hands it to the connection. */
  answerReceived(peer: string, connection: string, _now: number): void {
    const known = this.#peers.holding(peer, connection);
    if (known !== null && known.state === "offered") known.answered = true;
  }

  /** The other side says that it does not take our offer. */
  refused(peer: string, connection: string, now: number): void {
    const known = this.#peers.holding(peer, connection);
    if (known !== null && known.state === "offered") this.#giveUp(known, now, UNREACHABLE_FOR);
  }

  /** Both channels are open and both HELLOs are exchanged. */
  linkOpened(peer: string, connection: string, now: number): void {
    const known = this.#peers.holding(peer, connection);
    if (known === null) {
      this.#actions.push({ type: "close", peer, connection, reason: "stale" });
      return;
    }
    if (known.state === "open") return;
    known.opened(now);
    this.#actions.push({ type: "opened", peer });
    this.#ping(known, now);
  }

  /** The connection ended; one that was not open yet failed. */
  linkClosed(peer: string, connection: string, reason: LinkReason, now: number): void {
    const known = this.#peers.holding(peer, connection);
    if (known !== null) this.#lost(known, reason, now);
  }

  /** The connection could not be made. */
  linkFailed(peer: string, connection: string, reason: LinkReason, now: number): void {
    this.linkClosed(peer, connection, reason, now);
  }

  /** Any message came from `peer`. */
  heard(peer: string, now: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined || known.state !== "open") return;
    known.heardAt = now;
    if (known.quiet) {
      known.quiet = false;
      this.#actions.push({ type: "loud", peer });
    }
  }

  /** Something that matters went over the link: anything but HELLO, PING, PONG and STATUS. */
  used(peer: string, now: number): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.usedAt = now;
  }

  /** The introducer can be reached, or no longer; links stay as they are. */
  signalingUp(up: boolean, now: number): void {
    if (up === this.#up) return;
    this.#up = up;
    this.#moved = true;
    if (!up) return;
    for (const known of this.#peers) {
      if (known.state === "waiting") known.due = Math.max(known.due, now + RESUME_SPREAD * this.#chance());
    }
  }

  /** Neighbours can, or can no longer, pass an offer on to `peer`. */
  mediated(peer: string, possible: boolean, now: number): void {
    if (possible) this.#mediated.add(peer);
    else this.#mediated.delete(peer);
    const known = this.#peers.get(peer);
    if (known?.state === "waiting") known.due = Math.max(known.due, now);
    this.#moved = true;
  }

  /** The introducer says that `peer` left. An open link stays: whether it lives is seen on it. */
  departed(peer: string, now: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    known.introduction = null;
    if (known.state === "offered" && !known.answered) {
      this.#close(known, "leaving");
      this.#giveUp(known, now, UNREACHABLE_FOR);
    } else if (known.state === "waiting") {
      this.#giveUp(known, now, UNREACHABLE_FOR);
    }
  }

  /** `peer` misbehaved: close its link and take none from it for ten minutes. */
  expel(peer: string, reason: LinkReason, now: number): void {
    const known = this.#peers.know(peer);
    if (known === null) return;
    if (known.holdsPlace) this.#close(known, reason);
    this.#giveUp(known, now, EXPELLED_FOR);
    known.expelled = true;
  }

  /** A smaller limit closes nothing; it admits nothing new. */
  setLimit(limit: number, _now: number): void {
    this.#limit = limit;
    this.#moved = true;
  }

  /** Close every link; nothing is wanted any more. */
  leave(_now: number): void {
    for (const known of this.#peers) {
      known.purposes.clear();
      if (known.holdsPlace) this.#close(known, "leaving");
      known.state = "absent";
    }
    this.#moved = true;
  }

  handleTimer(now: number): void {
    const expected = this.nextTimer();
    if (expected === null || now < expected) return;
    if (now - expected >= QUIET_AFTER) {
      // We slept ourselves (a suspended machine, a frozen page): that silence was not the others'.
      for (const known of this.#peers) known.heardAt = Math.max(known.heardAt, now);
    }
    for (const known of [...this.#peers]) this.#tick(known, now);
    this.#moved = true;
  }

  // Inside.

  #canOffer(known: KnownPeer): boolean {
    return this.#up || this.#mediated.has(known.id);
  }

  #tick(known: KnownPeer, now: number): void {
    if (known.state === "open") {
      this.#watch(known, now);
    } else if (known.state === "offered" || known.state === "accepted") {
      if (now >= known.due) {
        this.#end(known, "timed-out", now);
      }
    } else if (known.state === "waiting") {
      if (now >= known.due) this.#connect(known, now);
    } else if (known.state === "unreachable" && now >= known.due) {
      known.state = "absent";
      known.expelled = false;
      known.attempts = 0;
      this.#begin(known, now);
    }
  }

  #watch(known: KnownPeer, now: number): void {
    if (isDead(known, now)) {
      this.#end(known, "silent", now);
    } else if (isIdle(known, now)) {
      this.#close(known, "not-needed");
    } else {
      if (fallsQuiet(known, now)) {
        known.quiet = true;
        this.#actions.push({ type: "quiet", peer: known.id });
      }
      if (now >= known.pingAt) this.#ping(known, now);
    }
  }

  #due(known: KnownPeer): number | null {
    if (known.state === "open") return lookAt(known);
    if (known.state === "absent" || (known.state === "waiting" && !this.#canOffer(known))) return null;
    return known.due;
  }

  #begin(known: KnownPeer, now: number): void {
    this.#moved = true;
    if (known.purposes.size === 0) return;
    known.state = "waiting";
    known.due = now;
    this.#connect(known, now);
  }

  #connect(known: KnownPeer, now: number): void {
    if (known.introduction === null) {
      this.#giveUp(known, now, UNREACHABLE_FOR);
    } else if (!this.#canOffer(known)) {
      return;
    } else if (!this.#makeRoom(now, known)) {
      known.due = now + FULL_RETRY;
    } else {
      known.attempt("offered", this.#seen.new(this.#chance), now + SETUP_TIMEOUT);
      const mediated = this.#mediated.has(known.id) && (!this.#up || known.attempts % 2 === 1);
      this.#actions.push({ type: "connect", peer: known.id, connection: known.connection, mediated });
    }
    this.#moved = true;
  }

  #makeRoom(now: number, wanted: KnownPeer | null): boolean {
    const taken = this.placesTaken;
    if (taken < this.#limit) return true;
    const victim = taken === this.#limit ? givesWay(this.#peers, wanted, now) : null;
    if (victim === null) return false;
    this.#close(victim, "too-many-links");
    if (victim.purposes.size > 0) {
      victim.state = "waiting";
      victim.due = now + UNREACHABLE_FOR;
    }
    return true;
  }

  #lost(known: KnownPeer, reason: LinkReason, now: number): void {
    this.#moved = true;
    const wasOpen = known.state === "open";
    known.state = "absent";
    if (wasOpen) {
      this.#actions.push({ type: "closed", peer: known.id, reason });
      if (now - known.openedAt >= STEADY_AFTER) known.attempts = 0;
    }
    if (reason === "leaving") known.introduction = null;
    if (GAVE_UP.has(reason)) {
      this.#giveUp(known, now, UNREACHABLE_FOR);
    } else if (known.purposes.size > 0 && this.#canOffer(known)) {
      known.attempts += 1;
      if (known.attempts >= ATTEMPTS) {
        this.#giveUp(known, now, UNREACHABLE_FOR);
      } else {
        known.state = "waiting";
        known.due = now + retryDelay(known.attempts, this.#chance());
      }
    } else if (known.purposes.size > 0) {
      known.state = "waiting";
      known.due = now;
    }
  }

  /** It answers no more. */
  #end(known: KnownPeer, reason: LinkReason, now: number): void {
    this.#actions.push({ type: "close", peer: known.id, connection: known.connection, reason });
    this.#lost(known, reason, now);
  }

  #giveUp(known: KnownPeer, now: number, seconds: number): void {
    known.state = "unreachable";
    known.due = now + seconds;
    this.#moved = true;
    if (known.purposes.size > 0) this.#actions.push({ type: "unreachable", peer: known.id });
  }

  #close(known: KnownPeer, reason: LinkReason): void {
    this.#actions.push({ type: "close", peer: known.id, connection: known.connection, reason });
    if (known.state === "open") this.#actions.push({ type: "closed", peer: known.id, reason });
    known.state = "absent";
    this.#moved = true;
  }

  #ping(known: KnownPeer, now: number): void {
    known.pingAt = nextPing(now, this.#chance());
    this.#moved = true;
    this.#actions.push({ type: "sendPing", peer: known.id });
  }
}
