/** A peer in a room: wires introducer, links, braids and chat to each other, and decides nothing. */

import { Carrier, type CarrierOptions } from "./carrier.ts";
import type { ChatSession } from "./chat-session.ts";
import { Clocks } from "./clocks.ts";
import { Clockwork, seconds } from "./clockwork.ts";
import type { Role } from "./core/neighbour.ts";
import { UploadRate } from "./core/probing.ts";
import { Reach } from "./core/reach.ts";
import { Standing } from "./core/standing.ts";
import type { Level } from "./core/throttle.ts";
import { DescriptionError, type Rendition } from "./description.ts";
import { fromBase64url, toHex } from "./encoding.ts";
import type { Identity } from "./identity.ts";
import { Introducer, type IntroducerEvent } from "./introducer.ts";
import { Handshake } from "./links/handshake.ts";
import { Mesh, type MeshEvents } from "./links/mesh.ts";
import { hello } from "./links/session.ts";
import { WebRtcLinks } from "./links/webrtc.ts";
import { Pace } from "./pace.ts";
import type {
  Answer,
  Candidate,
  Moderate,
  Neighbours,
  Offer,
  Report,
  RosterEntry,
  Welcome,
} from "./signaling-types.ts";
import { braidOf, type KnownStream, type StreamDirectory } from "./streams.ts";
import { encode, MALFORMED, type Message, type Ping, REFUSE_NOT_CARRIED } from "./wire.ts";

const LINKS_RECEIVING = 12;
const LINKS_CARRYING = 32;
/** ms between telling children that we leave and closing their links. */
const FAREWELL = 150;
const AGENT = "braidcast-web/0.1.0";

export interface NodeOptions {
  server: string;
  room: string;
  role: "viewer" | "member";
  name: string;
  token: string | null;
  owner: string | null;
  identity: Identity;
  streams: StreamDirectory;
}

/** Who is told what happens to a node. */
export interface NodeEvents {
  /** We are in the room. */
  joined(): void;
  /** The introducer is away for now, for the reason that the sentence says. */
  away(sentence: string): void;
  /** The room will not have us, for the reason that the sentence says. */
  refused(sentence: string): void;
  rosterChanged(): void;
  streamChanged(stream: KnownStream): void;
  /** Links can not be made at all for now, or can again. */
  blockedChanged(blocked: boolean): void;
}

/** One membership in one room. It carries streams over HTTP from `start` on, and has links and chat from `join` to `leave`. */
export class Node implements MeshEvents {
  readonly server: string;
  readonly identity: Identity;
  readonly streams: StreamDirectory;
  readonly mesh: Mesh;
  readonly clocks = new Clocks();
  /** What this peer remembers of others, in all its braids. */
  readonly standing = new Standing();
  /** What its upload carries, which one of its braids finds out. */
  readonly upload = new UploadRate();
  readonly roster = new Map<string, RosterEntry>();
  count = 0;
  readonly #carriers = new Set<Carrier>();
  /** Those that use links, by braid. */
  readonly #linked = new Map<string, Carrier>();
  #chat: ChatSession | null = null;
  readonly #introducer: Introducer;
  readonly #webrtc: WebRtcLinks;
  readonly #clockwork = new Clockwork((now, late) => this.#tick(now, late));
  readonly #reach = new Reach();
  readonly #pace = new Pace();
  #level: Level = 0;
  #left = false;

  constructor(
    options: NodeOptions,
    private readonly events: NodeEvents,
  ) {
    const { server, room, role, name, token, owner, identity } = options;
    this.server = server;
    this.identity = identity;
    this.streams = options.streams;
    this.#introducer = new Introducer(server, room, identity, (event) => this.#heard(event), {
      role,
      name,
      token,
      owner,
    });
    this.#webrtc = new WebRtcLinks(
      new Handshake(identity, room, this.#introducer.nonce),
      (message) => {
        if (!this.mesh.signal(message)) this.signal(message);
      },
      hello(AGENT, ["braid", "chat", "parity", "introductions"]),
    );
    this.mesh = new Mesh(identity.id, LINKS_CARRYING, this.#webrtc, this, unguessable, role);
  }

  get blocked(): boolean {
    return this.#reach.blocked;
  }

  start(): void {
    this.#clockwork.start();
  }

  /** Enters the room. */
  join(chat: ChatSession): void {
    if (this.#left) return;
    this.#chat = chat;
    chat.use(this.mesh);
    this.#introducer.start();
  }

  /** Takes leave of everybody. `now`: the page goes away, and nothing can be done later. */
  leave(now: boolean): void {
    if (this.#left) return;
    this.#left = true;
    for (const carrier of this.#carriers) carrier.leave();
    this.#carriers.clear();
    this.#linked.clear();
    this.#introducer.close();
    this.#clockwork.stop();
    const close = (): void => {
      this.#chat?.use(null);
      this.mesh.close();
    };
    if (now || this.mesh.peers.length === 0) close();
    else setTimeout(close, FAREWELL);
  }

  rename(name: string): void {
    this.#introducer.rename(name);
  }

  // For carriers and whoever watches.

  /** Takes part in a braid. Somebody who watches the same twice has its links once, and HTTP. */
  carry(stream: KnownStream, rendition: Rendition, options: CarrierOptions): Carrier {
    const linked = options.linked && !this.#linked.has(braidOf(stream, rendition.id));
    const carrier = new Carrier(this, stream, rendition, { ...options, linked });
    this.#carriers.add(carrier);
    carrier.setBlocked(this.blocked);
    carrier.throttled(this.#level);
    if (linked) {
      this.#linked.set(carrier.id, carrier);
      for (const peer of this.mesh.peers) carrier.linkOpened(peer, this.#roleOf(peer));
      if (!options.linksFirst) this.watch(carrier);
    }
    carrier.handleTimer(seconds());
    return carrier;
  }

  /** Passes on what comes, or no longer does. */
  setCarries(carrier: Carrier, carries: boolean): void {
    carrier.setCarries(carries);
    if (carrier.linked) this.watch(carrier);
  }

  /** Asks the planner for a place in a braid, on its parity stripe as well if that is wanted. */
  watch({ stream, rendition, carries, parity }: Carrier): void {
    this.mesh.setLimit(carries ? LINKS_CARRYING : LINKS_RECEIVING);
    this.#introducer.watch(stream.description.stream, rendition.id, carries, null, parity);
  }

  /** Leaves a braid. */
  stopCarrying(carrier: Carrier): void {
    carrier.leave();
    this.#carriers.delete(carrier);
    if (!carrier.linked) return;
    this.#linked.delete(carrier.id);
    this.mesh.want(carrier.purpose, []);
    this.#introducer.unwatch(carrier.stream.description.stream, carrier.rendition.id);
  }

  /** Says something to the introducer; what does not reach it is worth nothing later. */
  signal(message: Offer | Answer | Candidate | Report | Neighbours | Moderate): void {
    this.#introducer.send(message);
  }

  /** A stream description came from `source`, a peer, or else over the introducer; news is passed on over the links. */
  described(raw: Uint8Array, source: string | null): void {
    void this.#take(raw, source);
  }

  // From the introducer.

  #heard(event: IntroducerEvent): void {
    if (this.#left) return;
    switch (event.type) {
      case "up":
        this.#up(event.welcome, event.resumed);
        break;
      case "down":
        this.mesh.signalingUp(false);
        this.events.away(event.sentence);
        break;
      case "refused":
        this.events.refused(event.sentence);
        break;
      case "introduce":
        for (const who of event.peers) this.mesh.befriend(this.mesh.introduced(who));
        break;
      case "plan":
        for (const who of event.introductions) this.mesh.introduced(who);
        this.#linked.get(event.braid)?.plan(event);
        break;
      case "joined":
        this.roster.set(event.peer, { peer: event.peer, name: event.name, role: event.role });
        this.count = event.count;
        this.events.rosterChanged();
        break;
      case "left":
        this.roster.delete(event.peer);
        this.count = event.count;
        this.mesh.departed(event.peer);
        this.events.rosterChanged();
        break;
      case "stream":
        this.#describedAs(event.description);
        break;
      case "offer":
        void this.mesh.offer(event);
        break;
      case "answer":
        void this.mesh.answer(event);
        break;
      case "candidate":
        this.mesh.candidate(event);
        break;
      case "error":
        break; // about something that was worth saying only then
    }
    this.#clockwork.poke();
  }

  /** The room was joined, perhaps again. */
  #up({ roster, count, ice_servers, streams }: Welcome, resumed: boolean): void {
    this.roster.clear();
    for (const entry of roster) this.roster.set(entry.peer, entry);
    this.count = count;
    this.#webrtc.setIceServers(ice_servers);
    this.mesh.signalingUp(true);
    for (const text of streams) this.#describedAs(text);
    for (const carrier of this.#carriers) carrier.introducedAgain(resumed);
    this.events.joined();
    this.events.rosterChanged();
  }

  #describedAs(text: string): void {
    try {
      this.described(fromBase64url(text), null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  async #take(raw: Uint8Array, source: string | null): Promise<void> {
    let known: KnownStream | null;
    try {
      known = await this.streams.take(raw);
    } catch (error) {
      if (!(error instanceof DescriptionError)) throw error;
      if (source !== null) this.mesh.refuse(source, MALFORMED, error.message);
      return;
    }
    if (known === null || this.#left) return;
    const message = encode({ type: "stream", description: known.raw });
    for (const peer of this.mesh.peers) if (peer !== source) this.mesh.send(peer, message);
    for (const carrier of [...this.#carriers]) {
      const { stream } = carrier;
      const same = stream.publisher === known.publisher;
      if (same && stream.description.stream === known.description.stream) carrier.described(known);
    }
    this.events.streamChanged(known);
  }

  // From links.

  linkOpened(peer: string): void {
    for (const { raw } of this.streams) this.mesh.send(peer, encode({ type: "stream", description: raw }));
    this.#chat?.linkOpened(peer, this.count);
    const role = this.#roleOf(peer);
    for (const carrier of [...this.#carriers]) carrier.linkOpened(peer, role);
    this.#observe(seconds());
  }

  linkClosed(peer: string): void {
    this.clocks.forget(peer);
    this.#chat?.linkClosed(peer);
    for (const carrier of [...this.#carriers]) carrier.linkClosed(peer);
  }

  linkQuiet(peer: string, quiet: boolean): void {
    for (const carrier of this.#carriers) carrier.linkQuiet(peer, quiet);
  }

  linkRawMessage(peer: string, data: Uint8Array): void {
    this.#chat?.receivedRaw(peer, data);
    this.#clockwork.poke();
  }

  linkDrained(peer: string, buffered: number): void {
    this.#chat?.drained(peer, buffered);
    for (const carrier of this.#carriers) carrier.drained(peer, buffered);
  }

  linkMessage(peer: string, message: Message, data: Uint8Array): void {
    switch (message.type) {
      case "block":
        this.#linked.get(toHex(message.seal.subarray(5, 13)))?.received(peer, message, data);
        break;
      case "subscribe":
      case "unsubscribe":
      case "refuse":
      case "status":
      case "want":
      case "probe":
      case "probed": {
        const carrier = this.#linked.get(message.braid);
        if (carrier !== undefined) {
          carrier.received(peer, message, data);
        } else if (message.type === "subscribe") {
          const { braid, stripe } = message;
          this.mesh.send(peer, encode({ type: "refuse", braid, stripe, reason: REFUSE_NOT_CARRIED }));
        }
        break;
      }
      case "stream":
        this.described(message.description, peer);
        break;
      case "ping":
        this.mesh.send(peer, encode(this.clocks.pong(message)));
        break;
      case "pong":
        this.clocks.ponged(peer, message, this.#watches(message.publisher));
        break;
    }
    this.#clockwork.poke();
  }

  /** Asks for the clock of the publisher that we watch, if we watch one. */
  ping(): Ping {
    const [carrier] = this.#carriers;
    return this.clocks.ping(carrier?.stream.publisher ?? null);
  }

  // Inside.

  #tick(now: number, late: number): number {
    const hidden = globalThis.document?.hidden ?? false;
    const level = this.#pace.level(late, hidden, now);
    if (level !== this.#level) {
      this.#level = level;
      for (const carrier of [...this.#carriers]) carrier.throttled(level);
    }
    this.#takePart(now);
    this.mesh.handleTimer(now);
    // A link says when it has drained, but not while it never filled.
    for (const [peer, buffered] of this.mesh.buffers()) this.linkDrained(peer, buffered);
    for (const carrier of [...this.#carriers]) carrier.handleTimer(now);
    // Browsers let timers of hidden tabs through once a second, which says nothing of the machine.
    this.#chat?.handleTimer(now, this.streams, hidden ? 0 : late);
    this.#observe(now);
    const timers = [this.mesh.nextTimer(), this.#chat?.nextTimer() ?? null];
    for (const carrier of this.#carriers) timers.push(carrier.core.nextTimer());
    return Math.min(...timers.map((at) => at ?? Number.POSITIVE_INFINITY));
  }

  /** Tells neighbours what we do, and finds out whether it needs more of them. */
  #takePart(now: number): void {
    const linked = [...this.#linked.values()];
    const carries = linked.some((carrier) => carrier.carries);
    const hungry = linked.some(({ core }) => core.stripeParents().includes(null));
    this.mesh.takePart({ carries, braids: [...this.#linked.keys()], hungry }, now);
  }

  #observe(now: number): void {
    const open = this.mesh.peers.length;
    if (this.#reach.lonely(open, this.#introducer.isUp, now)) this.signal({ type: "neighbours", links: 0 });
    if (!this.#reach.observe(open, this.mesh.wanted, now)) return;
    for (const carrier of [...this.#carriers]) carrier.setBlocked(this.blocked);
    this.events.blockedChanged(this.blocked);
  }

  #watches(publisher: string): boolean {
    return [...this.#carriers].some(({ stream }) => stream.publisher === publisher);
  }

  #roleOf(peer: string): Role {
    return this.roster.get(peer)?.role ?? "viewer";
  }
}

/** A number in [0, 1) that others cannot foresee: connection ids are made of such. */
function unguessable(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
