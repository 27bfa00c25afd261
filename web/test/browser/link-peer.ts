/** A peer in a page for tests/integration: links, perhaps an introducer, and nothing that would use them. */

import { sha256 } from "@noble/hashes/sha2.js";
import type { LinkReason } from "../../src/core/link-actions.ts";
import { toBase64url, toHex } from "../../src/encoding.ts";
import { fromSeed, type Identity } from "../../src/identity.ts";
import { Introducer, type IntroducerEvent } from "../../src/introducer.ts";
import { Handshake, HandshakeError } from "../../src/links/handshake.ts";
import type { Channel, Link, LinkEvents } from "../../src/links/link.ts";
import { hello } from "../../src/links/session.ts";
import { type WebRtcLink, WebRtcLinks } from "../../src/links/webrtc.ts";
import type { RelayedAnswer, RelayedCandidate, RelayedOffer } from "../../src/signaling-types.ts";

declare global {
  interface Window {
    /** Given by the test: passes a message on to the peer that it is for. */
    relay(message: unknown): Promise<void>;
    joinRoom(seed: number, room: string): Promise<string>;
    createPeer(seed: number): Promise<{ id: string; nonce: string }>;
    peer: LinkPeer;
  }
}

class LinkPeer implements LinkEvents {
  /** What happened: `opened`, `drained blocks`, `closed leaving`, … */
  readonly events: string[] = [];
  /** Channel, size and first hex digits of the SHA-256 of each message. */
  readonly messages: string[] = [];
  link: WebRtcLink | null = null;

  private constructor(
    readonly identity: Identity,
    readonly nonce: string,
    private readonly links: WebRtcLinks,
  ) {}

  static async create(seed: number): Promise<{ id: string; nonce: string }> {
    const identity = await fromSeed(new Uint8Array(32).fill(seed));
    const nonce = toBase64url(new Uint8Array(16).fill(seed));
    const links = new WebRtcLinks(
      new Handshake(identity, "demo", nonce),
      (message) => void window.relay(message),
      hello("page"),
    );
    window.peer = new LinkPeer(identity, nonce, links);
    return { id: identity.id, nonce };
  }

  /** Joins a room at the server that the page came from, and links to whom it introduces. */
  static async join(seed: number, room: string): Promise<string> {
    const identity = await fromSeed(new Uint8Array(32).fill(seed));
    const introducer = new Introducer(
      location.origin,
      room,
      identity,
      (event) => void window.peer.heard(event),
      { role: "viewer", name: "page" },
    );
    const handshake = new Handshake(identity, room, introducer.nonce);
    const links = new WebRtcLinks(handshake, (message) => introducer.send(message), hello("page"));
    window.peer = new LinkPeer(identity, introducer.nonce, links);
    introducer.start();
    return identity.id;
  }

  private async heard(event: IntroducerEvent): Promise<void> {
    if (event.type === "offer" || event.type === "answer" || event.type === "candidate") {
      await this.take(event);
    } else if (event.type === "introduce") {
      for (const { peer, nonce } of event.peers) {
        this.connect(peer, nonce, toHex(crypto.getRandomValues(new Uint8Array(8))));
      }
    } else {
      this.events.push(event.type === "up" && event.resumed ? "resumed" : event.type);
    }
  }

  connect(peer: string, nonce: string, connection: string): void {
    this.link = this.links.connect(peer, nonce, connection, this);
  }

  async take(message: RelayedOffer | RelayedAnswer | RelayedCandidate): Promise<string> {
    if (message.type === "candidate") {
      this.links.takeCandidate(message);
      return "taken";
    }
    if (message.type === "answer") return (await this.links.takeAnswer(message)) ? "taken" : "refused";
    try {
      const checked = await this.links.handshake.checkOffer(message);
      this.link = this.links.accept(checked, this);
      return "taken";
    } catch (error) {
      if (error instanceof HandshakeError) return error.message;
      throw error;
    }
  }

  /** Sends a message of each size; returns what its receiver is to have in `messages`. */
  send(channel: Channel, type: number, sizes: number[]): string[] {
    return sizes.map((size) => {
      const data = crypto.getRandomValues(new Uint8Array(size));
      data[0] = type;
      if (!this.link?.send(data, channel)) throw new Error(`${size} bytes were not taken`);
      return digest(data, channel);
    });
  }

  opened(_link: Link): void {
    this.events.push("opened");
  }

  message(_link: Link, data: Uint8Array, channel: Channel): void {
    this.messages.push(digest(data, channel));
  }

  drained(_link: Link, channel: Channel): void {
    this.events.push(`drained ${channel}`);
  }

  closed(_link: Link, reason: LinkReason): void {
    this.events.push(`closed ${reason}`);
  }
}

function digest(data: Uint8Array, channel: Channel): string {
  return `${channel} ${data.length} ${toHex(sha256(data)).slice(0, 16)}`;
}

window.createPeer = LinkPeer.create;
window.joinRoom = LinkPeer.join;
