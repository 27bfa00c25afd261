/**
 * Offers passed on between neighbours, and the way back for what answers them.
 *
 * An offer goes from neighbour to neighbour towards its addressee and leaves a circuit behind: by its connection id the
 * answer, candidates and a failure find the way. Nothing goes where no offer went before, nothing is multiplied, and an
 * id that comes a second time is a loop. Every table and every rate here has a bound.
 */

import {
  encode,
  type Introducing,
  LOOP,
  NO_WAY,
  NOT_TAKEN,
  type RelayAnswer,
  type RelayCandidate,
  type RelayFailed,
  type RelayOffer,
  senderOf,
  TOO_FAR,
  TOO_OFTEN,
} from "../wire-introductions.ts";
import { Bucket, type Rate } from "./bucket.ts";
import { forgetOldest } from "./forget-oldest.ts";
import type { IntroductionAction } from "./introduction-actions.ts";
import type { PartialView } from "./partial-view.ts";

const CIRCUITS = 256;
/** Circuits that one neighbour's offers may hold: a flood of them leaves room for those of others. */
const PER_NEIGHBOUR = 32;
const CIRCUIT_LIFE = 20;
/** For each side of a circuit. */
const CANDIDATES = 64;
/** Offers that are passed on for one neighbour, and for one key, whoever brings them. */
const BY_NEIGHBOUR: Rate = [16, 2];
const BY_ORIGIN: Rate = [6, 0.5];
const ORIGINS = 256;

/**
 * The way of one connection: `back` towards the peer that offered, `onward` towards the addressee; null is ourselves.
 *
 * `peer` is the addressee, or, where that is us, the peer that offered.
 */
interface Circuit {
  readonly peer: string;
  readonly back: string | null;
  readonly onward: string | null;
  readonly until: number;
  answered: boolean;
  readonly candidates: Map<string, number>;
}

/** The circuits through, from and to `own`, whose neighbours are those of `neighbours`. */
export class Relaying {
  /** Offers that were passed on, those that were not, and what fits no offer or came too often. */
  relayed = 0;
  refused = 0;
  strayed = 0;
  readonly #circuits = new Map<string, Circuit>();
  readonly #byNeighbour = new Map<string, Bucket>();
  readonly #byOrigin = new Map<string, Bucket>();
  #actions: IntroductionAction[] = [];

  constructor(
    private readonly own: string,
    private readonly view: PartialView,
    private readonly neighbours: ReadonlySet<string>,
  ) {}

  pollActions(): IntroductionAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  expire(now: number): void {
    for (const [connection, { until }] of [...this.#circuits]) {
      if (now >= until) this.#circuits.delete(connection);
    }
  }

  /** Circuits through it end; those who wait for an answer that way are told. */
  linkClosed(neighbour: string): void {
    this.#byNeighbour.delete(neighbour);
    for (const [connection, circuit] of [...this.#circuits]) {
      if (circuit.back === neighbour) this.#circuits.delete(connection);
      else if (circuit.onward === neighbour) this.#end(connection, circuit, NO_WAY);
    }
  }

  // Our own.

  /** Has an offer of ours passed on; false when no neighbour knows the way. */
  sendOffer(offer: RelayOffer, now: number): boolean {
    const way = this.view.way(offer.to, null);
    if (way === null || !this.#begin(offer.connection, offer.to, null, way, now)) return false;
    this.#send(way, offer);
    return true;
  }

  /** Answers an offer that neighbours passed on to us; false for any other. */
  sendAnswer(answer: RelayAnswer): boolean {
    const circuit = this.#circuits.get(answer.connection);
    if (circuit === undefined || circuit.back === null || circuit.onward !== null) return false;
    circuit.answered = true;
    this.#send(circuit.back, answer);
    return true;
  }

  /** A candidate of ours, the way of its offer; false when that did not go by neighbours. */
  sendCandidate(candidate: RelayCandidate): boolean {
    const circuit = this.#circuits.get(candidate.connection);
    if (circuit === undefined || (circuit.back !== null && circuit.onward !== null)) return false;
    const end = circuit.back ?? circuit.onward;
    if (end === null) return false;
    this.#send(end, candidate);
    return true;
  }

  /** The offer that was handed to us is not taken: whoever made it is told. */
  refuse(connection: string): void {
    const circuit = this.#circuits.get(connection);
    if (circuit !== undefined && circuit.onward === null && !circuit.answered) {
      this.#end(connection, circuit, NOT_TAKEN);
    }
  }

  /** A connection of ours ended soon after its offer: that neighbour is no good way to its peer. */
  close(connection: string): void {
    const circuit = this.#circuits.get(connection);
    if (circuit === undefined) return;
    this.#circuits.delete(connection);
    if (circuit.onward !== null) this.view.misled(circuit.peer, circuit.onward);
  }

  // What comes over links.

  offered(peer: string, offer: RelayOffer, now: number): void {
    let onward: string | null = null;
    let reason = this.#objection(peer, offer, now);
    if (reason === null && offer.to !== this.own) {
      onward = this.neighbours.has(offer.to) ? offer.to : this.view.way(offer.to, peer);
      if (onward === null || onward === peer) reason = NO_WAY;
    }
    const other = onward === null ? senderOf(offer) : offer.to;
    if (reason === null && !this.#begin(offer.connection, other, peer, onward, now)) reason = TOO_OFTEN;
    if (reason !== null) {
      this.refused += 1;
      this.#send(peer, { type: "relayFailed", connection: offer.connection, reason });
    } else if (onward === null) {
      this.#actions.push({ type: "hand", peer: other, message: offer });
    } else {
      this.relayed += 1;
      this.#send(onward, { ...offer, hops: offer.hops - 1 });
    }
  }

  answered(peer: string, answer: RelayAnswer): void {
    const circuit = this.#fromOnward(peer, answer.connection);
    if (circuit === null) return;
    circuit.answered = true;
    this.#pass(circuit.back, circuit, answer);
  }

  candidate(peer: string, candidate: RelayCandidate): void {
    const circuit = this.#circuits.get(candidate.connection);
    if (circuit === undefined || (peer !== circuit.back && peer !== circuit.onward)) {
      this.strayed += 1;
      return;
    }
    const count = (circuit.candidates.get(peer) ?? 0) + 1;
    circuit.candidates.set(peer, count);
    if (count > CANDIDATES) this.strayed += 1;
    else this.#pass(peer === circuit.onward ? circuit.back : circuit.onward, circuit, candidate);
  }

  failed(peer: string, failed: RelayFailed): void {
    const circuit = this.#fromOnward(peer, failed.connection);
    if (circuit === null) return;
    if (failed.reason !== NOT_TAKEN) this.view.misled(circuit.peer, peer);
    this.#end(failed.connection, circuit, failed.reason);
  }

  // Inside.

  #objection(peer: string, offer: RelayOffer, now: number): number | null {
    const sender = senderOf(offer);
    if (sender === this.own || this.#circuits.has(offer.connection)) return LOOP;
    const byNeighbour = allowance(this.#byNeighbour, peer, BY_NEIGHBOUR, now);
    const byOrigin = allowance(this.#byOrigin, sender, BY_ORIGIN, now);
    if (!byNeighbour.take(now) || !byOrigin.take(now)) return TOO_OFTEN;
    return offer.hops === 0 && offer.to !== this.own ? TOO_FAR : null;
  }

  #begin(connection: string, peer: string, back: string | null, onward: string | null, now: number): boolean {
    let theirs = 0;
    for (const circuit of this.#circuits.values()) if (circuit.back === back) theirs += 1;
    if (this.#circuits.size >= CIRCUITS || theirs >= PER_NEIGHBOUR) return false;
    const until = now + CIRCUIT_LIFE;
    this.#circuits.set(connection, { peer, back, onward, until, answered: false, candidates: new Map() });
    return true;
  }

  /** The circuit of what may come but once, and only from where the offer went. */
  #fromOnward(peer: string, connection: string): Circuit | null {
    const circuit = this.#circuits.get(connection);
    if (circuit === undefined || circuit.onward !== peer || circuit.answered) {
      this.strayed += 1;
      return null;
    }
    return circuit;
  }

  /** The circuit leads nowhere; whoever offered is told, unless an answer has come through. */
  #end(connection: string, circuit: Circuit, reason: number): void {
    this.#circuits.delete(connection);
    if (circuit.answered) return;
    if (circuit.back !== null) this.#send(circuit.back, { type: "relayFailed", connection, reason });
    else this.#actions.push({ type: "undelivered", peer: circuit.peer, connection });
  }

  #pass(to: string | null, circuit: Circuit, message: RelayAnswer | RelayCandidate): void {
    if (to === null) this.#actions.push({ type: "hand", peer: circuit.peer, message });
    else this.#send(to, message);
  }

  #send(peer: string, message: Introducing): void {
    this.#actions.push({ type: "send", peer, data: encode(message), channel: "control" });
  }
}

function allowance(buckets: Map<string, Bucket>, who: string, rate: Rate, now: number): Bucket {
  const known = buckets.get(who);
  if (known !== undefined) return known;
  if (buckets.size >= ORIGINS) forgetOldest(buckets);
  const bucket = new Bucket(rate, now);
  buckets.set(who, bucket);
  return bucket;
}
