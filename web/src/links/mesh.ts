/** All links of one peer: the shell of the link set, which decides what to open, watch and close. */

import { seconds } from "../clockwork.ts";
import { Bucket, type Rate } from "../core/bucket.ts";
import { forgetOldest } from "../core/forget-oldest.ts";
import type { LinkReason, LinkSetAction } from "../core/link-actions.ts";
import { LinkSet } from "../core/link-set.ts";
import type { Role } from "../core/neighbour.ts";
import { fromBase64url } from "../encoding.ts";
import type {
  Answer,
  Candidate,
  Introduction,
  Offer,
  RelayedAnswer,
  RelayedCandidate,
  RelayedOffer,
} from "../signaling-types.ts";
import { peerId } from "../signing.ts";
import { BAD_BLOCK, decode, encode, type Message, type Ping, peekType, RATE, WireError } from "../wire.ts";
import { type CheckedDescription, HandshakeError } from "./handshake.ts";
import type { Host, Introducing, Part } from "./introducing.ts";
import type { Channel, Link, LinkEvents } from "./link.ts";
import { type WebRtcLink, type WebRtcLinks, webRtcExists } from "./webrtc.ts";

/** Control messages taken from one link; honest peers stay far below. */
const MESSAGES: Rate = [2000, 500];
/** What is said on a link that nobody uses. */
const HOUSEKEEPING: ReadonlySet<Message["type"]> = new Set(["ping", "pong", "status"]);

/** The types of the messages by which neighbours introduce. */
const INTRODUCTIONS = [0x30, 0x35] as const;
/** The first halves of types that are not read here: those of the chat, 0x20 on, and of files and who is writing, 0x40 on. */
const RAW: readonly number[] = [2, 4];

/** Neighbours that are counted; an introducer may name any number. */
const FRIENDS = 512;

/** Who is told of links and their messages. */
export interface MeshEvents {
  linkOpened(peer: string): void;
  linkClosed(peer: string): void;
  linkQuiet(peer: string, quiet: boolean): void;
  linkDrained(peer: string, buffered: number): void;
  linkMessage(peer: string, message: Message, data: Uint8Array): void;
  /** A message of the chat, about a file, or about who is writing, as it came. */
  linkRawMessage(peer: string, data: Uint8Array): void;
  ping(): Ping;
}

/** Links by peer id. `own` is the peer's id, `limit` the most links that it keeps. */
export class Mesh implements LinkEvents, Host {
  readonly set: LinkSet;
  /** Peers whose links were ended because they broke the protocol. */
  malformed = 0;
  refusedOffers = 0;
  readonly #open = new Map<string, Link>();
  readonly #connections = new Map<string, WebRtcLink>();
  readonly #offers = new Map<string, CheckedDescription>();
  readonly #wanted = new Map<string, ReadonlySet<string>>();
  readonly #friends = new Set<string>();
  readonly #allowance = new Map<string, Bucket>();
  /** Loaded once we are in the room. */
  introducing: Introducing | null = null;
  #loading = false;
  #up = false;
  #acting = false;
  #closed = false;

  constructor(
    own: string,
    private limit: number,
    private readonly webrtc: WebRtcLinks,
    private readonly events: MeshEvents,
    private readonly chance: () => number,
    private readonly role: Role = "viewer",
  ) {
    this.set = new LinkSet(own, limit, chance);
  }

  /** Those with an open link. */
  get peers(): string[] {
    return [...this.#open.keys()];
  }

  /** How many peers that the introducer knows are to be linked. */
  get wanted(): number {
    const all = new Set(this.#friends);
    for (const peers of this.#wanted.values()) for (const peer of peers) all.add(peer);
    return [...all].filter((peer) => this.set.introduction(peer) !== null).length;
  }

  /** Puts a message on the link to `peer`; false when there is none or it is full. */
  send(peer: string, data: Uint8Array, channel: Channel = "control"): boolean {
    if (!this.#open.get(peer)?.send(data, channel)) return false;
    // A child says little: without this its link would count as idle.
    if (channel === "blocks") this.set.used(peer, seconds());
    return true;
  }

  /** Links to exactly these peers are wanted for that purpose. */
  want(purpose: string, peers: readonly string[]): void {
    if (!webRtcExists()) return;
    const now = seconds();
    const before = this.#wanted.get(purpose) ?? new Set();
    const after = new Set(peers);
    if (after.size > 0) this.#wanted.set(purpose, after);
    else this.#wanted.delete(purpose);
    for (const peer of after) if (!before.has(peer)) this.set.want(peer, purpose, now);
    for (const peer of [...before].sort()) if (!after.has(peer)) this.set.unwant(peer, purpose, now);
    this.#act();
  }

  setLimit(limit: number): void {
    this.limit = limit;
    this.set.setLimit(limit, seconds());
    this.introducing?.core.setLimit(limit);
    this.#act();
  }

  /** `peer` sent what cannot be excused; `reason` is one of BYE. */
  expel(peer: string, reason: number): void {
    this.#expel(peer, reason === BAD_BLOCK ? "bad-block" : "protocol-error");
  }

  /** `peer` broke the protocol: answered with ERROR, then expelled. */
  refuse(peer: string, code: number, sentence: string): void {
    this.malformed += 1;
    this.#open.get(peer)?.fail(code, sentence);
    this.#expel(peer, "protocol-error");
  }

  nextTimer(): number | null {
    const [timer, introductions] = [this.set.nextTimer(), this.introducing?.core.nextTimer() ?? null];
    return timer === null || introductions === null
      ? (timer ?? introductions)
      : Math.min(timer, introductions);
  }

  handleTimer(now: number): void {
    this.set.handleTimer(now);
    this.introducing?.handleTimer(now);
    this.#act();
  }

  /** Tells neighbours what we do, and finds out whether it needs more of them. */
  takePart(part: Part, now: number): void {
    this.introducing?.takePart(part, now);
    this.#act();
  }

  /** Says BYE everywhere and frees everything. */
  close(): void {
    this.set.leave(seconds());
    this.#act();
    this.#closed = true;
    this.webrtc.stop();
  }

  // From the introducer.

  signalingUp(up: boolean): void {
    this.#up = up;
    this.set.signalingUp(up, seconds());
    this.introducing?.core.signalingUp(up, seconds());
    this.#act();
    if (webRtcExists()) void this.#introduce();
  }

  /** The introducer told key and nonce of a peer; returns its id. */
  introduced({ peer, key, nonce, name, role }: Introduction): string {
    if (isKeyOf(key, peer)) {
      this.set.introduced(peer, key, nonce, name, role, seconds());
      this.#act();
    }
    return peer;
  }

  /** A link to this neighbour is wanted for good. */
  befriend(peer: string): void {
    if (!webRtcExists()) return;
    this.#friends.add(peer);
    if (this.#friends.size > FRIENDS) forgetOldest(this.#friends);
    this.set.want(peer, "neighbour", seconds());
    this.#act();
  }

  departed(peer: string): void {
    this.#friends.delete(peer);
    this.set.departed(peer, seconds());
    this.#act();
  }

  /** An offer was relayed to us, by the introducer or by neighbours. */
  async offer(offer: RelayedOffer): Promise<void> {
    if (!webRtcExists()) return;
    try {
      const checked = await this.webrtc.handshake.checkOffer(offer);
      if (this.#closed) return;
      const { peer, connection, key, nonce } = checked;
      const now = seconds();
      this.#offers.set(connection, checked);
      this.set.introduced(peer, key, nonce, "", "", now);
      this.set.offerReceived(peer, connection, now);
      this.#act();
      this.#offers.delete(connection);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.refusedOffers += 1;
      this.introducing?.refuse(offer.connection);
    }
  }

  /** An answer to an offer of ours, if it proves to be that. */
  async answer(answer: RelayedAnswer): Promise<void> {
    const link = this.#connections.get(answer.connection);
    if (link === undefined) return;
    if (await link.takeAnswer(answer)) {
      this.set.answerReceived(link.peer, link.connection, seconds());
      this.#act();
    } else {
      this.refusedOffers += 1;
    }
  }

  candidate(candidate: RelayedCandidate): void {
    this.webrtc.takeCandidate(candidate);
  }

  // From neighbours.

  /** Whether neighbours pass this on; else it is for the introducer. */
  signal(message: Offer | Answer | Candidate): boolean {
    const taken = this.introducing?.signal(message) ?? false;
    this.#act();
    return taken;
  }

  acquainted(peer: string, key: string, nonce: string, role: Role): void {
    this.set.introduced(peer, key, nonce, "", role, seconds());
  }

  mediated(peer: string, possible: boolean): void {
    this.set.mediated(peer, possible, seconds());
  }

  undelivered(peer: string, connection: string): void {
    const link = this.#connections.get(connection);
    this.#connections.delete(connection);
    link?.close("failed");
    this.set.linkFailed(peer, connection, "failed", seconds());
    this.#act();
  }

  // From links.

  opened(link: Link): void {
    this.set.linkOpened(link.peer, link.connection, seconds());
    this.#act();
  }

  message(link: Link, data: Uint8Array, channel: Channel): void {
    const { peer } = link;
    if (this.#open.get(peer) !== link) return;
    const now = seconds();
    this.set.heard(peer, now);
    if (channel === "control" && this.#allowance.get(peer)?.take(now) === false) {
      this.refuse(peer, RATE, "Too many messages came in a short time.");
      return;
    }
    const [first, last] = INTRODUCTIONS;
    const type = peekType(data);
    if (channel === "control" && type >= first && type <= last) {
      this.introducing?.message(peer, data);
      this.#act();
      return;
    }
    if (RAW.includes(type >> 4)) {
      this.set.used(peer, now);
      this.events.linkRawMessage(peer, data);
      return;
    }
    let message: Message | null;
    try {
      message = decode(data);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.refuse(peer, error.code, error.sentence);
      return;
    }
    if (message === null) return;
    if (!HOUSEKEEPING.has(message.type)) this.set.used(peer, now);
    this.events.linkMessage(peer, message, data);
    this.#act();
  }

  drained(link: Link, channel: Channel): void {
    if (channel === "blocks" && this.#open.get(link.peer) === link) {
      this.events.linkDrained(link.peer, link.buffered(channel));
    }
  }

  closed(link: Link, reason: LinkReason): void {
    this.#connections.delete(link.connection);
    this.introducing?.connectionClosed(link.connection);
    this.set.linkClosed(link.peer, link.connection, reason, seconds());
    this.#act();
  }

  /** Peer, and bytes of blocks that its link still holds. */
  buffers(): [string, number][] {
    return [...this.#open.values()].map((link) => [link.peer, link.buffered("blocks")]);
  }

  // Inside.

  async #introduce(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    try {
      const { Introducing } = await import("./introducing.ts");
      if (this.#closed) return;
      const introducing = new Introducing(this.webrtc.handshake, this.role, this.limit, this, this.chance);
      const now = seconds();
      introducing.core.signalingUp(this.#up, now);
      for (const peer of this.#open.keys()) introducing.core.linkOpened(peer, now);
      this.introducing = introducing;
      this.#act();
    } catch (error) {
      this.#loading = false; // the next time that we join
      reportError(error);
    }
  }

  #expel(peer: string, reason: LinkReason): void {
    this.set.expel(peer, reason, seconds());
    this.introducing?.core.expelled(peer, seconds());
    this.#act();
  }

  #poll(): LinkSetAction[] {
    this.introducing?.act();
    return this.set.pollActions();
  }

  #act(): void {
    // What is done makes events of its own; what they ask for waits its turn.
    if (this.#acting) return;
    this.#acting = true;
    try {
      for (let actions = this.#poll(); actions.length > 0; actions = this.#poll()) {
        for (const action of actions) this.#do(action);
      }
    } finally {
      this.#acting = false;
    }
  }

  #do(action: LinkSetAction): void {
    const { peer } = action;
    switch (action.type) {
      case "connect": {
        const { connection, mediated } = action;
        if (mediated) this.introducing?.askNeighbours(connection);
        const introduction = this.set.introduction(peer);
        if (introduction !== null) {
          const { nonce } = introduction;
          this.#begin(peer, connection, () => this.webrtc.connect(peer, nonce, connection, this));
        }
        break;
      }
      case "accept": {
        const checked = this.#offers.get(action.connection);
        if (checked !== undefined) {
          this.#begin(peer, action.connection, () => this.webrtc.accept(checked, this));
        }
        break;
      }
      case "refuse":
        this.refusedOffers += 1;
        this.introducing?.refuse(action.connection);
        break;
      case "close": {
        this.introducing?.connectionClosed(action.connection);
        const link = this.#connections.get(action.connection);
        this.#connections.delete(action.connection);
        link?.close(action.reason);
        break;
      }
      case "opened": {
        const link = this.#connections.get(this.set.connection(peer) ?? "");
        if (link !== undefined) {
          this.#open.set(peer, link);
          this.#allowance.set(peer, new Bucket(MESSAGES, seconds()));
          this.introducing?.core.linkOpened(peer, seconds());
          this.events.linkOpened(peer);
        }
        break;
      }
      case "closed":
        this.#allowance.delete(peer);
        if (this.#open.delete(peer)) {
          this.introducing?.linkClosed(peer, action.reason);
          this.events.linkClosed(peer);
        }
        break;
      case "quiet":
      case "loud":
        this.events.linkQuiet(peer, action.type === "quiet");
        break;
      case "sendPing":
        this.send(peer, encode(this.events.ping()));
        break;
      case "unreachable":
        this.introducing?.core.unreachable(peer, seconds());
        break;
    }
  }

  /** Browsers keep a few hundred connections at most; one more is that link's failure and no more. */
  #begin(peer: string, connection: string, make: () => WebRtcLink): void {
    try {
      this.#connections.set(connection, make());
    } catch (error) {
      reportError(error);
      this.set.linkFailed(peer, connection, "failed", seconds());
    }
  }
}

function isKeyOf(key: string, peer: string): boolean {
  try {
    return peerId(fromBase64url(key)) === peer;
  } catch {
    return false; // not base64url
  }
}
