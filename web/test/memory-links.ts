/** Links between meshes of one process: real sessions over a transport that is an array. */

import { toBase64url } from "../src/encoding.ts";
import type { CheckedDescription } from "../src/links/handshake.ts";
import { HandshakeError } from "../src/links/handshake.ts";
import type { Channel, LinkEvents } from "../src/links/link.ts";
import { Mesh, type MeshEvents } from "../src/links/mesh.ts";
import { hello, SessionLink } from "../src/links/session.ts";
import type { WebRtcLinks } from "../src/links/webrtc.ts";
import type { RelayedAnswer, RelayedCandidate, RelayedOffer } from "../src/signaling-types.ts";
import { peerId } from "../src/signing.ts";
import type { Message, Ping } from "../src/wire.ts";

const NONCE = toBase64url(new Uint8Array(16));

/** One end of a link. What is sent arrives in a later turn. */
export class MemoryLink extends SessionLink {
  other: MemoryLink | null = null;
  backlog = 0;

  constructor(
    readonly own: string,
    peer: string,
    connection: string,
    events: LinkEvents,
  ) {
    super(peer, connection, hello("test"), events);
  }

  buffered(_channel: Channel): number {
    return this.backlog;
  }
  open(other: MemoryLink): void {
    this.other = other;
    queueMicrotask(() => this.channelsOpened());
  }
  async takeAnswer(_answer: RelayedAnswer): Promise<boolean> {
    return this.other !== null;
  }
  /** What the other end sees arrive, whatever it is. */
  inject(data: Uint8Array, channel: Channel): void {
    const { other } = this;
    queueMicrotask(() => other?.arrived(data, channel));
  }
  protected transmit(data: Uint8Array, channel: Channel): boolean {
    if (this.other === null) return false;
    this.inject(data, channel);
    return true;
  }
  protected release(_saidBye: boolean): void {
    const { other } = this;
    this.other = null;
    if (other !== null) queueMicrotask(() => other.lost("lost"));
  }
}

/** A peer that has a mesh, and what became of its links. */
export class MemoryPeer implements MeshEvents {
  readonly id: string;
  readonly mesh: Mesh;
  readonly links = new Map<string, MemoryLink>();
  readonly told: string[] = [];
  readonly messages: Message[] = [];
  onMessage: (peer: string, message: Message) => void = () => {};
  onRaw: (peer: string, data: Uint8Array) => void = () => {};
  onLink: (peer: string, open: boolean) => void = () => {};
  readonly key: Uint8Array;
  readonly #others: Map<string, MemoryPeer>;

  /** `others` are those that offers reach; the new peer is one of them from now on. */
  constructor(key: Uint8Array, others: Map<string, MemoryPeer>) {
    this.key = key;
    this.id = peerId(key);
    this.#others = others;
    others.set(this.id, this);
    const chance = () => Math.random();
    this.mesh = new Mesh(this.id, 8, this.#webrtc() as unknown as WebRtcLinks, this, chance);
    this.mesh.signalingUp(true);
  }

  /** The introducer tells of `other`. */
  introduce(other: MemoryPeer): void {
    const { id: peer, key } = other;
    this.mesh.introduced({ peer, key: toBase64url(key), nonce: NONCE, name: "", role: "viewer" });
  }

  linkOpened(peer: string): void {
    this.told.push("opened");
    this.onLink(peer, true);
  }
  linkClosed(peer: string): void {
    this.told.push("closed");
    this.onLink(peer, false);
  }
  linkQuiet(_peer: string, quiet: boolean): void {
    this.told.push(quiet ? "quiet" : "loud");
  }
  linkDrained(_peer: string, buffered: number): void {
    this.told.push(`drained to ${buffered}`);
  }
  linkMessage(peer: string, message: Message, _data: Uint8Array): void {
    this.messages.push(message);
    this.onMessage(peer, message);
  }
  linkRawMessage(peer: string, data: Uint8Array): void {
    this.onRaw(peer, data);
  }
  ping(): Ping {
    return { type: "ping", publisher: "00".repeat(16), t0: 1 };
  }

  #begin(peer: string, connection: string): MemoryLink {
    const link = new MemoryLink(this.id, peer, connection, this.mesh);
    this.links.set(connection, link);
    return link;
  }

  #webrtc() {
    return {
      handshake: {
        key: this.key,
        nonce: NONCE,
        room: "demo",
        signRecord: async (): Promise<Uint8Array> => new Uint8Array(64),
        checkOffer: async (offer: RelayedOffer): Promise<CheckedDescription> => {
          if (offer.signature !== "good") throw new HandshakeError("The signature does not fit.");
          const { from: peer, connection, key, nonce, sdp } = offer;
          return { peer, connection, key, nonce, sdp };
        },
      },
      connect: (peer: string, _nonce: string, connection: string) => {
        const link = this.#begin(peer, connection);
        const from = { from: this.id, connection, key: toBase64url(this.key), nonce: NONCE };
        const offer: RelayedOffer = { type: "offer", ...from, sdp: "", signature: "good" };
        queueMicrotask(() => void this.#others.get(peer)?.mesh.offer(offer));
        return link;
      },
      accept: ({ peer, connection }: CheckedDescription) => {
        const link = this.#begin(peer, connection);
        const other = this.#others.get(peer);
        const end = other?.links.get(connection);
        if (end !== undefined) {
          link.open(end);
          end.open(link);
          const from = { from: this.id, connection, key: toBase64url(this.key), nonce: NONCE };
          void other?.mesh.answer({ type: "answer", ...from, sdp: "", signature: "good" });
        }
        return link;
      },
      takeCandidate: (_candidate: RelayedCandidate) => {},
      stop: () => {},
    };
  }
}

/** So many peers that know of each other, in the order of their ids. */
export function company(count: number): MemoryPeer[] {
  const all = new Map<string, MemoryPeer>();
  for (let index = 0; index < count; index++) new MemoryPeer(new Uint8Array(32).fill(index), all);
  for (const one of all.values()) for (const other of all.values()) if (one !== other) one.introduce(other);
  return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Lets everything happen that does not wait for a clock. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
