/**
 * The braid: receive, verify, forward, repair and fail over one rendition. A state machine without I/O, the twin of
 * peer/core/braid.py; both replay the traces in tests/vectors/braid.
 *
 * Events are methods that take `now` (monotonic seconds) last; `pollActions()` gives what to do; `nextTimer()` says
 * when to call `handleTimer(now)`.
 */

import { Seal } from "../seal.ts";
import type { Message } from "../wire.ts";
import type { Action, Equivocation } from "./actions.ts";
import { Counters } from "./counters.ts";
import type { Delivery } from "./delivery.ts";
import { Downward } from "./downward.ts";
import { Intake, type Outcome, type Taken } from "./intake.ts";
import { Judge, refusal } from "./judge.ts";
import { Neighbour, type Role } from "./neighbour.ts";
import { Probing, type UploadRate } from "./probing.ts";
import { Standing } from "./standing.ts";
import type { Level } from "./throttle.ts";
import type { Upstreams } from "./upstreams.ts";
import { Upward } from "./upward.ts";
import { Window } from "./window.ts";

export const TICK = 0.05;

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
  /** What is known of this peer's upload: without it nothing is done to find out. */
  upload?: UploadRate;
}

/** One rendition at one peer. `me` and `publisher` are peer ids, `key` the publisher's Ed25519 key, `braid` the braid id. */
export class Braid {
  readonly me: string;
  readonly publisher: string;
  readonly braid: string;
  readonly isPublisher: boolean;
  readonly counters = new Counters();
  readonly window = new Window();
  readonly neighbours = new Map<string, Neighbour>();
  readonly #stripes: number;
  readonly #intake: Intake;
  readonly #up: Upward;
  readonly #down: Downward;
  readonly #probing: Probing;
  readonly #judge: Judge;
  #planSequence = -1;
  #left = false;
  #actions: Action[] = [];
  #tickAt: number;

  constructor(me: string, publisher: string, key: Uint8Array, braid: string, options: BraidOptions) {
    const { stripes, partDuration, epoch, now, delivers = true, carries = true, origins = false } = options;
    const { neighbours, window: parts, counters } = this;
    this.#judge = new Judge(options.standing ?? new Standing(), now);
    this.me = me;
    this.publisher = publisher;
    this.braid = braid;
    this.isPublisher = me === publisher;
    const [plays, joins] = [delivers && !this.isPublisher, origins && !this.isPublisher];
    this.#stripes = stripes;
    this.#intake = new Intake(key, braid, stripes, parts, counters);
    this.#up = new Upward(me, braid, stripes, partDuration, neighbours, parts, counters, plays, joins, now);
    const above = this.isPublisher ? null : this.#up.upstreams;
    this.#down = new Downward(me, braid, stripes, above, neighbours, parts, counters, carries, now);
    this.#probing = new Probing(braid, neighbours, this.isPublisher ? undefined : options.upload);
    this.#tickAt = now;
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
    this.#do(this.#down.greet(peer, now));
    this.#tick(now);
  }

  linkClosed(peer: string, now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour === undefined) return;
    this.neighbours.delete(peer);
    this.#down.children.gone(neighbour);
    this.#probing.closed(peer);
    if (this.upstreams.wanted().includes(peer)) this.#up.reports.lost(peer, now);
    if (this.upstreams.lost(peer, now)) this.counters.failOvers += 1;
    this.#tick(now);
  }

  /** Nothing at all has come over the link for a while, or it speaks again. */
  linkQuiet(peer: string, quiet: boolean, now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour === undefined) return;
    neighbour.quiet = quiet;
    this.#tick(now);
  }

  /** The planner's assignment, with one parent more for who takes parity; an older one is ignored. */
  plan(
    sequence: number,
    parents: readonly (string | null)[],
    standbys: readonly string[],
    childrenLimit: number,
    now: number,
  ): void {
    const more = parents.length - this.#stripes;
    if (sequence <= this.#planSequence || more < 0 || more > 1) return;
    this.#planSequence = sequence;
    this.#down.places.limit = childrenLimit;
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
    this.#up.reports.soon(now);
  }

  /** A newer stream description: its epoch is the least that seals may have. */
  described(epoch: number, now: number): void {
    if (epoch <= this.window.epoch) return;
    this.window.begin(epoch);
    this.#begun(now);
  }

  /** Whether the stream can be had over HTTP. */
  setOrigins(origins: boolean): void {
    this.#up.startup.origins = origins && !this.isPublisher;
  }

  /** No links at all: everything comes over HTTP. */
  setHttpOnly(httpOnly: boolean): void {
    this.#up.startup.httpOnly = httpOnly;
  }

  /** Whether this peer uploads at all. */
  setCarries(carries: boolean, now: number): void {
    this.#do(this.#down.setCarries(carries, now));
  }

  /** How far this machine slows us down: 0 not, 1 somewhat (a hidden tab), 2 so that we are behind. */
  throttled(level: Level, now: number): void {
    this.#down.places.throttle.told(level, now);
    this.#tick(now);
  }

  /** Going: children are told first and fed until they have moved, or the links close. */
  leave(now: number): void {
    this.#do(this.#down.leave(now));
    this.#tick(now);
  }

  // --- media in

  /** The publisher's own part, or the companion with its parity: `raw` is its seal. */
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
    this.#up.startup.joined(now);
    for (const [raw, data] of parts) this.#take(this.#intake.whole(raw, data, now), now);
    this.#tick(now);
  }

  joinFailed(retryAfter: number, now: number): void {
    this.#up.startup.joinFailed(retryAfter, now);
    this.#tick(now);
  }

  /** The origin's answer to `Fetch`. */
  fetched(number: number, raw: Uint8Array, data: Uint8Array, now: number): void {
    this.#up.repair.fetched(number);
    this.#up.startup.fetched(number);
    this.#take(this.#intake.whole(raw, data, now), now);
    this.#tick(now);
  }

  /** No answer, or (`gone`) the part has left the origin's window. */
  fetchFailed(number: number, gone: boolean, now: number): void {
    this.#up.repair.fetched(number);
    this.#up.startup.fetchFailed(number, gone, now);
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
        neighbour.status = message;
        neighbour.statusAt = now;
        neighbour.takesPart = true;
        if (this.upstreams.stripes.some((up) => up.parent === peer)) this.#tick(now);
        break;
      case "subscribe":
        this.#do(this.#down.subscribed(neighbour, message, now));
        break;
      case "unsubscribe":
        this.#down.unsubscribed(neighbour, message.stripe);
        break;
      case "refuse":
        if (message.stripe <= this.#stripes) {
          neighbour.refused(message.stripe, now);
          this.upstreams.refused(message.stripe, peer, now);
        }
        break;
      case "want":
        this.#do(this.#down.wanted(neighbour, message, now));
        break;
      case "probe":
        this.#do(this.#probing.came(peer, message, now));
        break;
      case "probed":
        this.#do(this.#probing.probed(peer, message, now));
        break;
    }
  }

  /** The link to `peer` holds `buffered` bytes of blocks. */
  drained(peer: string, buffered: number, _now: number): void {
    const neighbour = this.neighbours.get(peer);
    if (neighbour !== undefined) this.#do(this.#down.drained(neighbour, buffered));
  }

  /** The answer to `Verify`. */
  verified(token: number, ok: boolean, now: number): void {
    this.#take(this.#intake.verified(token, ok, this.neighbours, now), now);
  }

  // --- for the shell and for people

  get upstreams(): Upstreams {
    return this.#up.upstreams;
  }

  get delivery(): Delivery {
    return this.#up.delivery;
  }

  /** Proofs that the publisher has signed two seals for one part: the first eight. */
  equivocations(): readonly Equivocation[] {
    return this.#intake.equivocations.proofs;
  }

  /** By stripe; one more where the parity stripe is taken. */
  stripeParents(): (string | null)[] {
    return this.upstreams.parents();
  }

  /** By stripe; one more where the parity stripe is fed. */
  stripeChildren(): string[][] {
    const { children } = this.#down;
    const length = this.#stripes + Number(children.of(this.#stripes).size > 0);
    return Array.from({ length }, (_, stripe) => [...children.of(stripe).keys()]);
  }

  // --- inside

  /** What the intake made of something that came. */
  #take(outcomes: readonly Outcome[], now: number): void {
    for (const outcome of outcomes) {
      if (outcome.type === "taken") this.#taken(outcome, now);
      else if (outcome.type === "began") this.#begun(now);
      else {
        if (outcome.type === "reject") {
          this.#judge.expelled(outcome.peer, now);
          this.#up.reports.harmful(outcome.peer);
        }
        this.#actions.push(outcome);
      }
    }
    this.#do(this.#up.deliver(now));
  }

  #taken(taken: Taken, now: number): void {
    if (taken.fresh) this.#do(this.#down.taken(taken, now));
    const up = this.upstreams.stripes[taken.stripe];
    const before = up?.parent;
    this.#do(this.#up.taken(taken, now));
    if (up?.parent !== before) this.#tickAt = now;
  }

  /** The publisher has begun a new epoch, and the window is empty. */
  #begun(now: number): void {
    this.#up.begun(now);
    this.#down.begin();
    this.#tickAt = now;
  }

  #tick(now: number): void {
    this.#tickAt = now + TICK;
    const { places, children } = this.#down;
    if (!this.isPublisher && !places.leaving) {
      this.#do(this.#up.tick(this.#intake.settled(), places.slots(), now));
    }
    if (places.carry()) {
      this.#do(this.#probing.tick(now));
      places.upload.carries(this.#probing.rate, now);
    }
    this.#do(this.#down.tick(now));
    this.#do(this.#judge.settle(this.neighbours.values(), this.upstreams.takeMeagre(), now));
    if (places.leaving && !this.#left && children.count() === 0) {
      this.#left = true;
      this.#do(this.#up.leave());
    }
  }

  #do(actions: readonly Action[]): void {
    for (const action of actions) this.#actions.push(action);
  }
}
