/**
 * What neighbours tell each other of peers: walks through the mesh, one's own record, signatures to check.
 *
 * Records are told as they were signed. What this peer has not checked itself it does not tell, so a record that does
 * not fit its signature convicts the neighbour that told it.
 */

import { concatBytes, equalBytes } from "../encoding.ts";
import {
  MAX_BRAIDS,
  type PeerRecord,
  PeerRecordError,
  readRecord,
  recordBody,
  SIGNATURE,
  signedByPeer,
} from "../peer-record.ts";
import { TAG_PEER } from "../signing.ts";
import { PROTOCOL_ERROR } from "../wire.ts";
import { encode, MAX_TOLD, type Peers, type Shuffle, type Told } from "../wire-introductions.ts";
import { Bucket, type Rate } from "./bucket.ts";
import type { IntroductionAction } from "./introduction-actions.ts";
import type { PartialView } from "./partial-view.ts";

/** Seconds for which one's own record is told before a new one is signed; it counts for 60 s. */
const RESIGN = 15;
/** Seconds between own walks, times 0.5 to 1.5; views must be fresher while the introducer is away. */
const SHUFFLE_EVERY = 10;
const SHUFFLE_AWAY = 3;
const WALK_STEPS = 3;
const WALKS = 64;
const WALK_LIFE = 10;
const SHUFFLES: Rate = [16, 2];
/** Signatures that are checked for one neighbour. */
const RECORDS: Rate = [96, 12];
const UNVERIFIED = 256;
const OTHERS = MAX_TOLD - 1;
/** A new link is about to carry a backlog: walks tell of more later. */
const OTHERS_AT_FIRST = 3;

/** A record whose signature is being checked. */
interface Claim {
  readonly teller: string;
  readonly hops: number;
  readonly born: number;
  readonly peer: string;
  readonly record: PeerRecord;
  readonly raw: Uint8Array;
}

/** Its neighbours are those of `neighbours`, which its owner keeps up to date. */
export class Gossip {
  /** Records that were taken in, those with a wrong signature, old ones of nobody known, too many. */
  taken = 0;
  forged = 0;
  stale = 0;
  ignored = 0;
  record: PeerRecord;
  readonly #wall: number;
  #raw: Uint8Array | null = null;
  #born: number;
  #signingSince: number;
  #resignAt: number;
  #shuffleAt: number;
  #away = false;
  /** Of each walk that came by: who handed it on to us, and until when its answer may come. */
  readonly #walks = new Map<number, { from: string; until: number }>();
  readonly #claims = new Map<number, Claim>();
  #token = 0;
  readonly #shuffles = new Map<string, Bucket>();
  readonly #records = new Map<string, Bucket>();
  #actions: IntroductionAction[] = [];

  constructor(
    private readonly own: string,
    private readonly room: string,
    record: PeerRecord,
    private readonly view: PartialView,
    private readonly neighbours: ReadonlySet<string>,
    private readonly chance: () => number,
    now: number,
  ) {
    this.record = record;
    this.#wall = record.sequence - Math.trunc(now * 1000);
    this.#born = now;
    this.#signingSince = now;
    this.#resignAt = now;
    this.#shuffleAt = now + SHUFFLE_EVERY * chance();
  }

  pollActions(): IntroductionAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  nextTimer(): number {
    return Math.min(this.#shuffleAt, this.#resignAt);
  }

  handleTimer(now: number): void {
    if (now >= this.#resignAt) this.#resign(now);
    if (now >= this.#shuffleAt) this.#walk(now);
  }

  expire(now: number): void {
    for (const [walk, { until }] of [...this.#walks]) if (now >= until) this.#walks.delete(walk);
  }

  /** Whether we pass blocks on, and the braids that we take part in. True when that is new. */
  describe(carries: boolean, braids: readonly string[], now: number): boolean {
    const named = braids.slice(0, MAX_BRAIDS);
    const old = this.record;
    if (carries === old.carries && named.join() === old.braids.join()) return false;
    this.record = { ...old, carries, braids: named };
    this.#resign(now);
    return true;
  }

  /** The answer to `sign`: neighbours learn at once what is new. */
  signed(body: Uint8Array, signature: Uint8Array, now: number): void {
    if (!equalBytes(body, recordBody(this.record))) return;
    this.#raw = concatBytes(body, signature);
    this.#born = this.#signingSince;
    for (const peer of this.neighbours) {
      this.#send(peer, { type: "peers", walk: 0, told: this.#told(0, peer, now) });
    }
  }

  signalingUp(up: boolean, now: number): void {
    this.#away = !up;
    if (this.#away) this.#shuffleAt = Math.min(this.#shuffleAt, now + SHUFFLE_AWAY * this.chance());
  }

  linkOpened(peer: string, now: number): void {
    this.#shuffles.set(peer, new Bucket(SHUFFLES, now));
    this.#records.set(peer, new Bucket(RECORDS, now));
    this.#send(peer, { type: "peers", walk: 0, told: this.#told(OTHERS_AT_FIRST, peer, now) });
  }

  linkClosed(peer: string): void {
    this.#shuffles.delete(peer);
    this.#records.delete(peer);
  }

  /** A walk has come to us: it goes on, or its answer goes back. */
  shuffled(peer: string, { walk, steps, told }: Shuffle, now: number): void {
    if (!this.#shuffles.get(peer)?.take(now)) {
      this.ignored += 1;
      return;
    }
    this.#learn(peer, told, now);
    const following = steps > 1 ? this.#anyBut(peer) : null;
    if (following === null || this.#walks.has(walk) || this.#walks.size >= WALKS) {
      this.#send(peer, { type: "peers", walk, told: this.#told(OTHERS, peer, now) });
      return;
    }
    this.#walks.set(walk, { from: peer, until: now + WALK_LIFE });
    const more = this.#told(OTHERS, following, now);
    this.#send(following, { type: "shuffle", walk, steps: steps - 1, told: more });
  }

  /** An answer to a walk, or news of a neighbour. */
  toldOf(peer: string, { walk, told }: Peers, now: number): void {
    this.#learn(peer, told, now);
    const back = this.#walks.get(walk);
    if (back === undefined) return;
    this.#walks.delete(walk);
    this.#send(back.from, { type: "peers", walk, told: this.#told(OTHERS, back.from, now) });
  }

  /** The answer to `verify`. */
  verified(token: number, ok: boolean, now: number): void {
    const claim = this.#claims.get(token);
    this.#claims.delete(token);
    if (claim === undefined || !this.neighbours.has(claim.teller)) return;
    const { peer, record, raw, born, teller, hops } = claim;
    if (!ok) {
      this.forged += 1;
      this.#reject(teller, "The signature of a peer's record does not fit it.");
    } else if (this.view.isNews(peer, record, now - born, now)) {
      this.taken += 1;
      this.view.learn(peer, record, raw, born, teller, hops, this.neighbours.has(peer));
    }
  }

  // Inside.

  #resign(now: number): void {
    this.#signingSince = now;
    this.#resignAt = now + RESIGN;
    const sequence = Math.max(this.record.sequence + 1, this.#wall + Math.trunc(now * 1000));
    this.record = { ...this.record, sequence };
    this.#actions.push({ type: "sign", body: recordBody(this.record) });
  }

  #walk(now: number): void {
    const every = this.#away ? SHUFFLE_AWAY : SHUFFLE_EVERY;
    this.#shuffleAt = now + every * (0.5 + this.chance());
    const peer = this.#anyBut(null);
    if (peer === null) return;
    const walk = 1 + Math.trunc(this.chance() * 0xffffffff);
    this.#send(peer, { type: "shuffle", walk, steps: WALK_STEPS, told: this.#told(OTHERS, peer, now) });
  }

  /** What `to` is told: our own record first, then others that we have checked. */
  #told(others: number, to: string, now: number): Told[] {
    const told = this.view.sample(others, to, now);
    if (this.#raw === null) return told;
    const age = Math.trunc((now - this.#born) * 1000);
    return [{ hops: 0, age, record: this.#raw }, ...told];
  }

  #learn(teller: string, told: readonly Told[], now: number): void {
    for (const one of told) {
      try {
        const read = readRecord(one.record);
        if (read !== null && read.peer !== this.own) {
          this.#consider(teller, one, read.peer, read.record, now);
        }
      } catch (error) {
        if (!(error instanceof PeerRecordError)) throw error;
        this.#reject(teller, error.message);
        return;
      }
    }
  }

  #consider(teller: string, told: Told, peer: string, record: PeerRecord, now: number): void {
    const age = told.age / 1000;
    if (!this.view.isNews(peer, record, age, now)) {
      if (!this.view.has(peer)) this.stale += 1;
      this.view.heard(peer, teller, told.hops);
      return;
    }
    if (this.#claims.size >= UNVERIFIED || !this.#records.get(teller)?.take(now)) {
      this.ignored += 1;
      return;
    }
    const token = ++this.#token;
    const raw = told.record;
    this.#claims.set(token, { teller, hops: told.hops, born: now - age, peer, record, raw });
    this.#actions.push({
      type: "verify",
      token,
      key: record.key,
      tag: TAG_PEER,
      data: signedByPeer(this.room, raw.subarray(0, -SIGNATURE)),
      signature: raw.subarray(-SIGNATURE),
    });
  }

  #anyBut(peer: string | null): string | null {
    const others = [...this.neighbours].filter((other) => other !== peer);
    return others.length > 0 ? (others[Math.trunc(this.chance() * others.length)] ?? null) : null;
  }

  #reject(peer: string, sentence: string): void {
    this.#actions.push({ type: "reject", peer, reason: PROTOCOL_ERROR, sentence });
  }

  #send(peer: string, message: Shuffle | Peers): void {
    this.#actions.push({ type: "send", peer, data: encode(message), channel: "control" });
  }
}
