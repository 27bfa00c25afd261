/**
 * The braid: receive, verify, forward, repair and fail over one rendition. A state machine without I/O, the twin of
 * peer/core/braid.py; both replay the traces in tests/vectors/braid.
 *
 * Events are methods that take `now` (monotonic seconds) last; `pollActions()` gives what to do; `nextTimer()` says
 * when to call `handleTimer(now)`.
 */

import { Seal } from "../seal.ts";
import {
  encode,
  type Message,
  REFUSE_FULL,
  REFUSE_LEAVING,
  REFUSE_LOOP,
  REFUSE_NOT_CARRIED,
  type Status,
  type Subscribe,
} from "../wire.ts";
import { type Action, type Equivocation, send } from "./actions.ts";
import { Announcements } from "./announcements.ts";
import { Children, NEWEST_INDEPENDENT } from "./children.ts";
import { Counters } from "./counters.ts";
import { Delivery } from "./delivery.ts";
import { Intake, type Outcome, type Taken } from "./intake.ts";
import { Judge, refusal } from "./judge.ts";
import { Neighbour, type Role } from "./neighbour.ts";
import { Reception } from "./reception.ts";
import { ASK_AFTER_PARTS, Repair } from "./repair.ts";
import { Reports } from "./reports.ts";
import { Standing } from "./standing.ts";
import { Startup } from "./startup.ts";
import type { Change } from "./upstream.ts";
import { Upstreams } from "./upstreams.ts";
import { Window } from "./window.ts";

export const TICK = 0.05;
export const DEFAULT_CHILDREN = 32;
/** Children that a publisher takes on one stripe: the planned one, and one more while trees are mended. */
export const PUBLISHER_PER_STRIPE = 2;
/** Leaves that it takes besides: a room of leaves has nobody else to feed it. */
export const PUBLISHER_LEAVES = 24;
/** Parts behind the newest that a relay, which has no deadline, still asks for. */
export const RELAY_MENDS = 20;

export interface BraidOptions {
  stripes: number;
  /** In seconds. */
  partDuration: number;
  /** That of the stream description: older seals are replays. */
  epoch: number;
  now: number;
  /** False for relays. */
  delivers?: boolean;
  /** False for leaves. */
  carries?: boolean;
  /** Whether the stream can be had over HTTP. */
  origins?: boolean;
  /** What this peer remembers of others. */
  standing?: Standing;
}

/** One rendition at one peer. `me` and `publisher` are peer ids, `key` the publisher's Ed25519 key, `braid` the braid id. */
export class Braid {
  readonly me: string;
  readonly publisher: string;
  readonly braid: string;
  readonly isPublisher: boolean;
  readonly counters = new Counters();
  readonly window = new Window();
  readonly delivery = new Delivery();
  readonly neighbours = new Map<string, Neighbour>();
  readonly upstreams: Upstreams;
  carries: boolean;
  readonly #stripes: number;
  readonly #partDuration: number;
  readonly #delivers: boolean;
  readonly #repair: Repair;
  readonly #startup: Startup;
  readonly #children: Children;
  readonly #intake: Intake;
  readonly #judge: Judge;
  readonly #announcements: Announcements;
  readonly #reception: Reception;
  readonly #reports: Reports;
  #leaving = false;
  #childrenLimit = DEFAULT_CHILDREN;
  #planSequence = -1;
  #links: readonly string[] = [];
  #actions: Action[] = [];
  #newest = -1;
  #tickAt: number;

  constructor(me: string, publisher: string, key: Uint8Array, braid: string, options: BraidOptions) {
    const { stripes, partDuration, epoch, now, delivers = true, carries = true, origins = false } = options;
    this.#judge = new Judge(options.standing ?? new Standing(), now);
    this.me = me;
    this.publisher = publisher;
    this.braid = braid;
    this.isPublisher = me === publisher;
    this.carries = carries;
    const spread = Number.parseInt(me.slice(0, 4), 16) / 65536;
    this.#stripes = stripes;
    this.#partDuration = partDuration;
    this.#delivers = delivers && !this.isPublisher;
    this.#repair = new Repair(spread);
    this.#startup = new Startup(origins && !this.isPublisher, now);
    this.#children = new Children(braid, stripes, this.counters);
    this.#intake = new Intake(key, braid, stripes, this.window, this.counters);
    this.upstreams = new Upstreams(me, stripes, spread, now);
    const above = this.isPublisher ? null : this.upstreams;
    this.#announcements = new Announcements(me, braid, stripes, above, this.#children, this.window, now);
    this.#tickAt = now;
    this.#reception = new Reception(stripes);
    this.#reports = new Reports(this.upstreams, this.#reception, now);
    this.window.begin(epoch);
  }

  // --- verbs of the shell

  /** What is to be done, in order; forgotten once it is taken. */
  pollActions(): Action[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  nextTimer(): number {
    return this.#tickAt;
  }

  handleTimer(now: number): void {
    if (now >= this.#tickAt) this.#tick(now);
  }

  // --- links and the plan

  /** A link to `peer` is ready; `role` is what it does in the room. */
  linkOpened(peer: string, role: Role, now: number): void {
    const neighbour = new Neighbour(peer, peer === this.publisher ? "publisher" : role, now);
    if (!this.#judge.admits(neighbour, now)) {
      this.#actions.push(refusal(peer));
      return;
    }
    this.neighbours.set(peer, neighbour);
    this.#send(peer, this.#status());
    this.#tick(now);
  }

  linkClosed(peer: string, now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour === undefined) return;
    this.neighbours.delete(peer);
    this.#children.gone(neighbour);
    if (this.upstreams.lost(peer, now)) this.counters.failOvers += 1;
    this.#reports.lost(peer, now);
    this.#tick(now);
  }

  /** Nothing at all has come over the link for a while, or it speaks again. */
  linkQuiet(peer: string, quiet: boolean, now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour === undefined) return;
    neighbour.quiet = quiet;
    this.#tick(now);
  }

  /** The planner's assignment; an older one than the last is ignored. */
  plan(
    sequence: number,
    parents: readonly (string | null)[],
    standbys: readonly string[],
    childrenLimit: number,
    now: number,
  ): void {
    if (sequence <= this.#planSequence || parents.length !== this.#stripes) return;
    this.#planSequence = sequence;
    this.#childrenLimit = childrenLimit;
    this.upstreams.plan(
      parents,
      standbys.filter((peer) => peer !== this.me),
      now,
    );
    this.#tick(now);
  }

  /** The introducer has forgotten us: its sequence numbers begin again. */
  planRestarted(): void {
    this.#planSequence = -1;
  }

  /** Tells the planner who feeds us at the next tick. */
  reportSoon(now: number): void {
    this.#reports.soon(now);
  }

  /** A newer stream description: its epoch is the least that seals may have. */
  described(epoch: number, now: number): void {
    if (epoch <= this.window.epoch) return;
    this.window.begin(epoch);
    this.#begun(now);
  }

  /** Whether the stream can be had over HTTP. */
  setOrigins(origins: boolean): void {
    this.#startup.origins = origins && !this.isPublisher;
  }

  /** No links at all: everything comes over HTTP. */
  setHttpOnly(httpOnly: boolean): void {
    this.#startup.httpOnly = httpOnly;
  }

  /** Whether this peer uploads at all. */
  setCarries(carries: boolean, now: number): void {
    this.carries = carries;
    if (!carries) {
      for (const neighbour of this.neighbours.values()) {
        for (const stripe of [...neighbour.feeds].sort((a, b) => a - b)) {
          this.#children.remove(neighbour, stripe);
          this.#refuse(neighbour.peer, stripe, REFUSE_NOT_CARRIED);
        }
      }
    }
    this.#announce(now);
  }

  /** Going: children are told first, so that they move before the links close. */
  leave(now: number): void {
    this.#leaving = true;
    this.#announce(now);
    for (const [stripe, { parent, pending }] of this.upstreams.stripes.entries()) {
      for (const peer of [parent, pending]) if (peer !== null) this.#unsubscribe(peer, stripe);
    }
  }

  // --- media in

  /** The publisher's own part: `raw` is its seal. */
  publish(raw: Uint8Array, data: Uint8Array, now: number): void {
    this.#take(this.#intake.own(Seal.parse(raw), raw, data, now), now);
    if (now >= this.#tickAt) this.#tick(now);
  }

  /** The player's forward buffer. */
  buffer(seconds: number, now: number): void {
    this.delivery.buffer(seconds, now);
  }

  /** The origin's answer to `Join`: (seal, part) from its newest independent part on. */
  joined(parts: readonly (readonly [Uint8Array, Uint8Array])[], now: number): void {
    this.#startup.joined(now);
    for (const [raw, data] of parts) this.#take(this.#intake.whole(raw, data, now), now);
    this.#tick(now);
  }

  joinFailed(retryAfter: number, now: number): void {
    this.#startup.joinFailed(retryAfter, now);
    this.#tick(now);
  }

  /** The origin's answer to `Fetch`. */
  fetched(number: number, raw: Uint8Array, data: Uint8Array, now: number): void {
    this.#repair.fetched(number);
    this.#startup.fetched(number);
    this.#take(this.#intake.whole(raw, data, now), now);
    this.#tick(now);
  }

  /** No answer, or (`gone`) the part has left the origin's window. */
  fetchFailed(number: number, gone: boolean, now: number): void {
    this.#repair.fetched(number);
    this.#startup.fetchFailed(number, gone, now);
  }

  /** A decoded link message for this braid, and its bytes. */
  received(peer: string, message: Message, raw: Uint8Array, now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour === undefined) return;
    neighbour.heardAt = now;
    if (neighbour.conduct.maySay(message.type, now)) this.#heard(neighbour, message, raw, now);
    else this.counters.floods += 1;
    if (now >= this.#tickAt) this.#tick(now);
  }

  #heard(neighbour: Neighbour, message: Message, raw: Uint8Array, now: number): void {
    const { peer } = neighbour;
    switch (message.type) {
      case "block": {
        this.counters.received(neighbour.role, raw.length);
        const { late } = this.counters;
        this.#take(this.#intake.block(peer, message, raw, now), now);
        if (this.counters.late > late) neighbour.conduct.unexpected();
        break;
      }
      case "status":
        this.#theirStatus(neighbour, message, now);
        break;
      case "subscribe":
        this.#subscribed(neighbour, message, now);
        break;
      case "unsubscribe":
        if (message.stripe < this.#stripes) this.#children.remove(neighbour, message.stripe);
        break;
      case "refuse":
        if (message.stripe < this.#stripes) {
          neighbour.refused(message.stripe, now);
          this.upstreams.refused(message.stripe, peer, now);
        }
        break;
      case "want":
        if (message.epoch === this.window.epoch && this.#canCarry()) {
          this.#do(this.#children.want(neighbour, message.number, message.blocks, this.window, now));
        }
        break;
    }
  }

  /** The link to `peer` holds `buffered` bytes of blocks. */
  drained(peer: string, buffered: number, _now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour === undefined) return;
    neighbour.outbox.drained(buffered);
    this.#do(this.#children.pump(neighbour));
  }

  /** The answer to `Verify`. */
  verified(token: number, ok: boolean, now: number): void {
    this.#take(this.#intake.verified(token, ok, this.neighbours, now), now);
  }

  // --- counts for people

  /** Proofs that the publisher has signed two seals for one part: the first eight. */
  equivocations(): readonly Equivocation[] {
    return this.#intake.equivocations.proofs;
  }

  stripeParents(): (string | null)[] {
    return this.upstreams.parents();
  }

  stripeChildren(): string[][] {
    return Array.from({ length: this.#stripes }, (_, stripe) => [...this.#children.of(stripe).keys()]);
  }

  // --- inside

  /** What the intake made of something that came. */
  #take(outcomes: readonly Outcome[], now: number): void {
    for (const outcome of outcomes) {
      if (outcome.type === "taken") this.#taken(outcome, now);
      else if (outcome.type === "began") this.#begun(now);
      else {
        if (outcome.type === "reject") this.#judge.expelled(outcome.peer, now);
        this.#actions.push(outcome);
      }
    }
    this.#deliver(now);
  }

  #taken({ seal, index, message, source, fresh }: Taken, now: number): void {
    const { number } = seal;
    if (fresh) {
      if (number > this.#newest) {
        this.#newest = number;
        this.upstreams.movedAt = now;
      }
      this.#do(this.#children.push(number, index, message, source, now));
    }
    const neighbour = source === null ? undefined : this.neighbours.get(source);
    if (source === null || neighbour === undefined) return;
    const { conduct } = neighbour;
    const stripe = index % this.#stripes;
    conduct.sent(number, index);
    const before = this.upstreams.stripes[stripe]?.parent;
    this.#apply(this.upstreams.block(stripe, number, source, now));
    const parent = this.upstreams.stripes[stripe]?.parent;
    if (parent !== before) this.#tickAt = now;
    if (parent === source) {
      const size = fresh ? message.length : 0;
      this.#reception.pushed(stripe, number, seal.blocks / this.#stripes, source, size);
      const inTime = fresh || this.#seenFor(number, now) <= ASK_AFTER_PARTS;
      if (this.upstreams.shares.pushed(number, index, inTime)) conduct.inTime += Number(inTime);
      else if (!fresh) conduct.unexpected();
    } else if (!fresh && source !== this.upstreams.stripes[stripe]?.pending) {
      conduct.unexpected();
    }
  }

  /** For how long, in parts, a part in the window has been known. */
  #seenFor(number: number, now: number): number {
    return (now - (this.window.get(number)?.firstSeen ?? now)) / this.#partDuration;
  }

  #deliver(now: number): void {
    if (!this.#delivers) return;
    for (const action of this.delivery.poll(this.window, now)) {
      if (action.type === "deliver") this.counters.partsDelivered += 1;
      else this.counters.partsSkipped += action.parts;
      this.#actions.push(action);
    }
  }

  /** The publisher has begun a new epoch, and the window is empty. */
  #begun(now: number): void {
    this.#newest = -1;
    this.delivery.begin();
    this.upstreams.rhythm.begin();
    this.#reception.begin();
    this.upstreams.shares.begin();
    this.#repair.begin();
    this.#children.begin();
    this.#startup.begin(now);
    this.#tickAt = now;
  }

  #canCarry(): boolean {
    return (this.carries || this.isPublisher) && !this.#leaving;
  }

  #subscribed(neighbour: Neighbour, message: Subscribe, now: number): void {
    const { stripe, epoch, number } = message;
    if (stripe >= this.#stripes) return;
    neighbour.takesPart = true;
    const asked = this.upstreams.stripes[stripe]?.pending === neighbour.peer;
    const reason = this.#refusal(neighbour, stripe);
    // We asked each other, and the smaller id is the parent: it may have begun to push to us before.
    if (asked && reason === null) this.#unsubscribe(neighbour.peer, stripe);
    if (reason !== null) {
      this.counters.refusedChildren += 1;
      this.#refuse(neighbour.peer, stripe, reason);
      return;
    }
    const known = epoch === this.window.epoch || number === NEWEST_INDEPENDENT;
    let start = known ? number : this.window.oldest;
    if (!neighbour.conduct.mayHaveBacklog(now)) start = this.window.newest + 1;
    this.#do(this.#children.add(neighbour, stripe, start, this.window, now));
    this.#send(neighbour.peer, this.#status());
  }

  #refusal(neighbour: Neighbour, stripe: number): number | null {
    if (this.#leaving) return REFUSE_LEAVING;
    if (!this.#canCarry()) return REFUSE_NOT_CARRIED;
    const children = this.#children.of(stripe);
    if (children.has(neighbour.peer)) return null;
    if (this.isPublisher) {
      const leaf = neighbour.isLeaf();
      const alike = [...children.values()].filter((child) => child.isLeaf() === leaf).length;
      return alike >= (leaf ? PUBLISHER_LEAVES : PUBLISHER_PER_STRIPE) ? REFUSE_FULL : null;
    }
    if (this.upstreams.path(stripe, this.neighbours).includes(neighbour.short)) return REFUSE_LOOP;
    if (this.#children.count() >= this.#childrenLimit) return REFUSE_FULL;
    return this.upstreams.askedBy(stripe, neighbour.peer) ? null : REFUSE_LOOP;
  }

  #theirStatus(neighbour: Neighbour, status: Status, now: number): void {
    neighbour.status = status;
    neighbour.statusAt = now;
    neighbour.takesPart = true;
    if (this.upstreams.stripes.some((up) => up.parent === neighbour.peer)) this.#tick(now);
  }

  #apply(changes: readonly Change[]): void {
    for (const { type, stripe, peer } of changes) {
      if (type === "unsubscribe") {
        this.#unsubscribe(peer, stripe);
        continue;
      }
      const parts = this.window;
      const { epoch } = parts;
      let number = NEWEST_INDEPENDENT;
      if (parts.newest >= 0) number = parts.firstMissing(stripe, this.#stripes, this.#nextNeeded());
      this.#send(peer, encode({ type: "subscribe", braid: this.braid, stripe, epoch, number }));
    }
  }

  /** The part that is played next; before that is known, and at a relay, the first that came. */
  #nextNeeded(): number {
    return this.delivery.next ?? Math.max(0, this.window.first);
  }

  #watchParents(now: number): void {
    if (this.isPublisher) return;
    this.#apply(this.upstreams.tick(this.neighbours, this.window, this.#partDuration, now));
  }

  #tick(now: number): void {
    this.#tickAt = now + TICK;
    if (!this.isPublisher && !this.#leaving) this.#pull(now);
    for (const neighbour of this.neighbours.values()) this.#do(this.#children.slow(neighbour, now));
    this.#children.expire(now);
    this.#do(this.#judge.settle(this.neighbours.values(), this.upstreams.takeMeagre(), now));
    if (this.#announcements.due(this.neighbours, now)) this.#announce(now);
  }

  #pull(now: number): void {
    const up = this.upstreams;
    const settled = this.#intake.settled();
    if (this.#startup.maySubscribe(settled, now)) this.#watchParents(now);
    this.counters.failOvers += up.takeFailOvers();
    const active = this.#startup.active(up.allFed(), up.noneFed(), now);
    if (active) up.shares.excuse(this.window.newest);
    if (settled) this.#do(this.#startup.poll(active, this.window.epoch, this.window.newestComplete, now));
    if (!active || !this.#startup.joinedOnce) this.#mend(now);
    this.#deliver(now);
    const wanted = up.wanted();
    if (!same(wanted, this.#links)) {
      this.#links = wanted;
      this.#actions.push({ type: "links", peers: wanted });
    }
    this.#do(this.#reports.due(null, now));
  }

  #mend(now: number): void {
    const parts = this.window;
    let start = this.#nextNeeded();
    if (!this.#delivers) start = Math.max(start, parts.newest - RELAY_MENDS);
    const choose = this.upstreams.mender(this.neighbours, parts.epoch, now);
    for (const ask of this.#repair.due(parts, start, this.#partDuration, choose, now)) {
      this.counters.wantsSent += 1;
      const { peer, number, indices: blocks } = ask;
      this.neighbours.get(peer)?.asked(number, blocks, now);
      const { epoch } = parts;
      this.#send(peer, encode({ type: "want", braid: this.braid, epoch, number, blocks }));
    }
    if (!this.#startup.origins) return;
    const deadline = this.#delivers ? this.delivery.deadline(now) : now + 1;
    for (const number of this.#repair.fetches(parts, start, deadline, now)) {
      this.counters.fetches += 1;
      this.#actions.push({ type: "fetch", epoch: parts.epoch, number });
    }
  }

  #announce(now: number): void {
    this.#announcements.said(this.neighbours, now);
    const data = this.#status();
    for (const neighbour of this.neighbours.values()) {
      if (neighbour.takesPart || this.#leaving) this.#send(neighbour.peer, data);
    }
  }

  #status(): Uint8Array {
    const limit = this.isPublisher
      ? PUBLISHER_PER_STRIPE * this.#stripes + this.#children.leaves()
      : this.#childrenLimit;
    return this.#announcements.encode(this.neighbours, limit, this.#canCarry(), this.#leaving);
  }

  #refuse(peer: string, stripe: number, reason: number): void {
    this.#send(peer, encode({ type: "refuse", braid: this.braid, stripe, reason }));
  }

  #unsubscribe(peer: string, stripe: number): void {
    this.#send(peer, encode({ type: "unsubscribe", braid: this.braid, stripe }));
  }

  #send(peer: string, data: Uint8Array): void {
    this.#actions.push(send(peer, data));
  }

  #do(actions: readonly Action[]): void {
    for (const action of actions) this.#actions.push(action);
  }
}

function same(one: readonly (string | null)[], two: readonly (string | null)[]): boolean {
  return one.length === two.length && one.every((peer, i) => peer === two[i]);
}
