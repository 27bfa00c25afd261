/** Links by the browser's WebRTC: one RTCPeerConnection for each peer, with two negotiated data channels. */

import type { LinkReason } from "../core/link-actions.ts";
import type {
  Answer,
  Candidate,
  IceServer,
  Offer,
  RelayedAnswer,
  RelayedCandidate,
} from "../signaling-types.ts";
import { type Hello, MAX_MESSAGE } from "../wire.ts";
import { type CheckedDescription, type Handshake, HandshakeError } from "./handshake.ts";
import { CHANNELS, type Channel, type LinkEvents, LOW_WATER } from "./link.ts";
import { SessionLink } from "./session.ts";

const CANDIDATE_LIMIT = 64;
/** Connections whose candidates are kept while their offer is still being verified. */
const EARLY_LIMIT = 64;
/** ms, at most, until the other side ends the connection, which it does when BYE has come after all before it. */
const GOODBYE = 10_000;

export type Signal = (message: Offer | Answer | Candidate) => void;

/** Whether this page can make links at all. */
export function webRtcExists(): boolean {
  return typeof RTCPeerConnection === "function";
}

/** Makes links for one peer in one room, and closes them when the page goes away. */
export class WebRtcLinks {
  #iceServers: RTCIceServer[] = [];
  readonly #links = new Map<string, WebRtcLink>();
  readonly #early = new Map<string, RelayedCandidate[]>();
  readonly #onPageHide = (): void => this.closeAll();

  /** `signal` is called with what the introducer is to relay. */
  constructor(
    readonly handshake: Handshake,
    readonly signal: Signal,
    readonly hello: Hello,
  ) {
    globalThis.addEventListener?.("pagehide", this.#onPageHide);
  }

  /** STUN and TURN servers for links that begin from now on. */
  setIceServers(servers: readonly IceServer[]): void {
    this.#iceServers = servers.map(({ urls, username, credential }) => ({
      urls,
      ...(username != null && { username }),
      ...(credential != null && { credential }),
    }));
  }

  /** Begins a link to `peer`: makes and signals an offer, and waits for `takeAnswer`. */
  connect(peer: string, peerNonce: string, connection: string, events: LinkEvents): WebRtcLink {
    return this.#begin(peer, peerNonce, connection, events, null);
  }

  /** Begins the link that `offer` asks for: makes and signals the answer. */
  accept(offer: CheckedDescription, events: LinkEvents): WebRtcLink {
    return this.#begin(offer.peer, offer.nonce, offer.connection, events, offer.sdp);
  }

  /** Whether this is the answer to an offer of ours; it is used then. */
  async takeAnswer(answer: RelayedAnswer): Promise<boolean> {
    return (await this.#links.get(answer.connection)?.takeAnswer(answer)) ?? false;
  }

  /** A trickled candidate, perhaps of an offer that is still being verified. */
  takeCandidate(candidate: RelayedCandidate): void {
    const link = this.#links.get(candidate.connection);
    if (link !== undefined) {
      if (link.peer === candidate.from) link.takeCandidate(candidate);
      return;
    }
    const key = `${candidate.from} ${candidate.connection}`;
    const waiting = this.#early.get(key) ?? [];
    if (waiting.length >= CANDIDATE_LIMIT) return;
    waiting.push(candidate);
    this.#early.delete(key);
    this.#early.set(key, waiting);
    for (const oldest of this.#early.keys()) {
      if (this.#early.size <= EARLY_LIMIT) break;
      this.#early.delete(oldest);
    }
  }

  /** Says BYE on every link and closes it, at once: a page that goes away has no later. */
  closeAll(): void {
    for (const link of [...this.#links.values()]) {
      link.close();
      link.free();
    }
  }

  /** Closes everything; the page's end concerns it no more. */
  stop(): void {
    globalThis.removeEventListener?.("pagehide", this.#onPageHide);
    this.closeAll();
  }

  forget(link: WebRtcLink): void {
    if (this.#links.get(link.connection) === link) this.#links.delete(link.connection);
  }

  #begin(
    peer: string,
    peerNonce: string,
    connection: string,
    events: LinkEvents,
    offer: string | null,
  ): WebRtcLink {
    const link = new WebRtcLink(this, this.#iceServers, peer, peerNonce, connection, events);
    this.#links.set(connection, link);
    const key = `${peer} ${connection}`;
    for (const candidate of this.#early.get(key) ?? []) link.takeCandidate(candidate);
    this.#early.delete(key);
    void link.describe(offer);
    return link;
  }
}

/** One link; `WebRtcLinks` makes it. */
export class WebRtcLink extends SessionLink {
  readonly #links: WebRtcLinks;
  readonly #peerNonce: string;
  readonly #transport: RTCPeerConnection;
  readonly #channels: Record<Channel, RTCDataChannel>;
  #answered = false;
  /** Candidates of the other side that wait for its description. */
  #theirs: RelayedCandidate[] = [];
  #theirCount = 0;
  #described = false;
  /** Candidates of ours that wait until our description is signaled; null from then on. */
  #ours: Candidate[] | null = [];
  #saidLastCandidate = false;
  #freed = false;

  constructor(
    links: WebRtcLinks,
    iceServers: RTCIceServer[],
    peer: string,
    peerNonce: string,
    connection: string,
    events: LinkEvents,
  ) {
    super(peer, connection, links.hello, events);
    this.#links = links;
    this.#peerNonce = peerNonce;
    this.#transport = newConnection(iceServers);
    this.#transport.onicecandidate = ({ candidate }) => this.#found(candidate);
    this.#transport.onconnectionstatechange = () => {
      if (this.#transport.connectionState === "failed") this.#ended();
    };
    this.#channels = { control: this.#channel("control", 0), blocks: this.#channel("blocks", 1) };
  }

  /** Makes our description, from the other side's `offer` if there is one, and signals it. */
  async describe(offer: string | null): Promise<void> {
    try {
      if (offer !== null) {
        this.#answered = true;
        await this.#transport.setRemoteDescription({ type: "offer", sdp: offer });
        await this.#takeTheirs();
      }
      await this.#transport.setLocalDescription();
      const sdp = withMaxMessage(this.#transport.localDescription?.sdp ?? "");
      const { handshake } = this.#links;
      const message =
        offer === null
          ? await handshake.signOffer(this.peer, this.#peerNonce, this.connection, sdp)
          : await handshake.signAnswer(this.peer, this.#peerNonce, this.connection, sdp);
      if (this.phase === "ended") return;
      this.#links.signal(message);
      const found = this.#ours ?? [];
      this.#ours = null;
      for (const candidate of found) this.#links.signal(candidate);
    } catch {
      // Whatever the browser finds wrong with a stranger's SDP is that link's end and no more.
      this.lost("failed");
    }
  }

  /** Whether this is the answer to our offer. A false one changes nothing: the true one may yet come. */
  async takeAnswer(answer: RelayedAnswer): Promise<boolean> {
    if (this.#answered) return false;
    try {
      const { sdp } = await this.#links.handshake.checkAnswer(
        answer,
        this.peer,
        this.#peerNonce,
        this.connection,
      );
      // While that was verified another copy may have been, or the link have ended.
      if (this.#answered || this.phase === "ended") return false;
      this.#answered = true;
      await this.#transport.setRemoteDescription({ type: "answer", sdp });
      await this.#takeTheirs();
      return true;
    } catch (error) {
      if (!(error instanceof HandshakeError)) this.lost("failed");
      return false;
    }
  }

  /** A trickled candidate; more than CANDIDATE_LIMIT are ignored. */
  takeCandidate(candidate: RelayedCandidate): void {
    if (this.#theirCount >= CANDIDATE_LIMIT) return;
    this.#theirCount += 1;
    this.#theirs.push(candidate);
    if (this.#described) void this.#takeTheirs();
  }

  buffered(channel: Channel): number {
    return this.#channels[channel].bufferedAmount;
  }

  /** Closes the connection without waiting for anything. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#links.forget(this);
    this.#transport.close();
  }

  protected transmit(data: Uint8Array, channel: Channel): boolean {
    try {
      this.#channels[channel].send(data as Uint8Array<ArrayBuffer>);
      return true;
    } catch {
      return false; // not open, or the other side takes no message of that size
    }
  }

  protected release(saidBye: boolean): void {
    if (saidBye) setTimeout(() => this.free(), GOODBYE);
    else this.free();
  }

  #channel(label: Channel, id: number): RTCDataChannel {
    const channel = this.#transport.createDataChannel(label, {
      negotiated: true,
      id,
      ordered: label === "control",
    });
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = LOW_WATER;
    channel.onopen = () => {
      if (CHANNELS.every((each) => this.#channels[each].readyState === "open")) this.channelsOpened();
    };
    channel.onclose = () => this.#ended();
    channel.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) =>
      this.arrived(typeof data === "string" ? data : new Uint8Array(data), label);
    channel.onbufferedamountlow = () => this.drained(label);
    return channel;
  }

  #found(candidate: RTCIceCandidate | null): void {
    const text = candidate?.candidate ?? "";
    // The end is told twice, as an empty candidate and as none.
    if (this.#saidLastCandidate || this.phase === "ended") return;
    this.#saidLastCandidate = text === "";
    const message: Candidate = {
      type: "candidate",
      to: this.peer,
      connection: this.connection,
      candidate: text,
      sdp_mid: candidate?.sdpMid ?? "0",
      sdp_m_line_index: candidate?.sdpMLineIndex ?? 0,
    };
    if (this.#ours === null) this.#links.signal(message);
    else this.#ours.push(message);
  }

  async #takeTheirs(): Promise<void> {
    this.#described = true;
    for (let next = this.#theirs.shift(); next !== undefined; next = this.#theirs.shift()) {
      try {
        await this.#transport.addIceCandidate({
          candidate: next.candidate,
          sdpMid: next.sdp_mid ?? null,
          sdpMLineIndex: next.sdp_m_line_index ?? null,
        });
      } catch {
        // One that cannot be read or used is as good as one that was not sent.
      }
    }
  }

  #ended(): void {
    const reason: LinkReason = this.phase === "open" ? "lost" : "failed";
    this.lost(reason);
    this.free();
  }
}

/** A server address that the browser cannot read must not keep the peer from linking without it. */
function newConnection(iceServers: RTCIceServer[]): RTCPeerConnection {
  try {
    return new RTCPeerConnection({ iceServers });
  } catch (error) {
    reportError(error);
    return new RTCPeerConnection();
  }
}

function withMaxMessage(sdp: string): string {
  return sdp.replace(/^a=max-message-size:\d+/m, `a=max-message-size:${MAX_MESSAGE}`);
}
