/** Watches one stream of a room whenever it is there, whatever becomes of node, publisher and wishes about sharing. */

import type { Carrier, CarrierOptions } from "./carrier.ts";
import { seconds } from "./clockwork.ts";
import type { PlayablePart } from "./core/init-segments.ts";
import type { Rendition } from "./description.ts";
import { equalBytes } from "./encoding.ts";
import type { Node } from "./node.ts";
import type { RenditionChange } from "./rendition-change.ts";
import type { P2pMode, PartSink, Watch, WatchStats } from "./room.ts";
import type { Seal } from "./seal.ts";
import { braidOf, type KnownStream } from "./streams.ts";
import { encode } from "./wire.ts";

type Counted = Omit<WatchStats, "peers" | "parents" | "children" | "rendition">;

const NOTHING: Counted = {
  bytesFromPeers: 0,
  bytesFromRelays: 0,
  bytesFromOrigin: 0,
  bytesToPeers: 0,
  blocksRejected: 0,
  equivocations: 0,
  duplicates: 0,
};

export class Viewing implements Watch {
  readonly #onStop: (viewing: Viewing) => void;
  readonly #sink: PartSink;
  #mode: P2pMode;
  #node: Node | null = null;
  #carrier: Carrier | null = null;
  /** What former carriers counted. */
  #before = NOTHING;
  #init: { epoch: number; data: Uint8Array } | null = null;
  #last: Seal | null = null;
  #chosen: string | null;
  #change: RenditionChange | null = null;

  constructor(
    readonly stream: string,
    sink: PartSink,
    mode: P2pMode,
    onStop: (viewing: Viewing) => void,
    rendition: string | null = null,
  ) {
    this.#chosen = rendition;
    this.#sink = sink;
    this.#mode = mode;
    this.#onStop = onStop;
  }

  /** There is a node to watch by. */
  attach(node: Node): void {
    this.#node = node;
    const known = node.streams.get(this.stream);
    if (known !== null) this.described(known);
  }

  /** The node goes away; another one may come. */
  detach(): void {
    this.#drop();
    this.#node = null;
  }

  /** A newer description of some stream, which the carriers know already. */
  described(known: KnownStream): void {
    const { stream, renditions, state } = known.description;
    const wanted = this.#carrier?.rendition.id ?? this.#chosen;
    const rendition = renditions.find(({ id }) => id === wanted) ?? renditions[0];
    if (stream !== this.stream || rendition === undefined || this.#node === null) return;
    if (this.#carrier !== null && !carries(this.#carrier, known, rendition)) this.#drop();
    if (this.#carrier === null && state !== "ended") this.#begin(this.#node, known, rendition);
  }

  get stats(): WatchStats {
    const carrier = this.#carrier;
    return {
      ...this.#counted(),
      peers: this.#node?.mesh.peers.length ?? 0,
      parents: carrier?.core.stripeParents() ?? [],
      children: carrier?.core.stripeChildren() ?? [],
      rendition: carrier?.rendition.id ?? null,
    };
  }

  buffer(forward: number): void {
    this.#carrier?.core.buffer(forward, seconds());
    this.#change?.buffer(forward);
  }

  get heard(): Watch["heard"] {
    const parts = this.#carrier?.core.window;
    const part = parts?.get(parts.newest);
    return part ? { at: part.firstSeen, mediaTime: part.seal.mediaTime / 1e6 } : null;
  }

  async choose(id: string, proof: number | null = 0): Promise<void> {
    this.#chosen = id;
    const changing = this.#change?.carrier;
    if (changing?.rendition.id === id && !changing.withdrawn) return;
    const loaded = await import("./rendition-change.ts").catch(() => null);
    if (loaded === null) return; // whoever chose asks again
    this.#endChange();
    const [node, carrier] = [this.#node, this.#carrier];
    const rendition = carrier?.stream.description.renditions.find((each) => each.id === this.#chosen);
    if (node === null || carrier === null || rendition === undefined) return;
    if (rendition.id === carrier.rendition.id) {
      if (carrier.withdrawn) {
        this.#drop();
        this.#begin(node, carrier.stream, rendition);
      }
      return;
    }
    this.#change = new loaded.RenditionChange(
      {
        node,
        encode,
        carry: (onPart, linksFirst) => this.#carry(node, carrier.stream, rendition, onPart, linksFirst),
        play: (part, described) => this.#part(part, described),
        arrived: this.#arrived,
        changed: (other) => {
          this.#change = null;
          this.#drop();
          this.#carrier = other;
          this.#last = null; // it may begin with what was shown already
        },
      },
      carrier,
      this.#last,
      proof,
    );
  }

  publisherNow(): { time: number; error: number } | null {
    const publisher = this.#carrier?.stream.publisher;
    if (publisher === undefined || this.#node === null) return null;
    return this.#node.clocks.of(publisher).read(seconds());
  }

  setP2p(mode: P2pMode): void {
    if (mode === this.#mode) return;
    const relink = (mode === "off") !== (this.#mode === "off");
    this.#mode = mode;
    const [node, carrier] = [this.#node, this.#carrier];
    if (node === null || carrier === null) return;
    if (!relink) {
      node.setCarries(carrier, mode === "on");
      return;
    }
    // Links and none are two ways to take part: leave by the one, join by the other. Parts go on where they were.
    const { stream, rendition } = carrier;
    this.#drop();
    this.#begin(node, stream, rendition);
  }

  stop(): void {
    this.detach();
    this.#onStop(this);
  }

  #begin(node: Node, known: KnownStream, rendition: Rendition): void {
    this.#carrier = this.#carry(node, known, rendition, this.#arrived);
  }

  readonly #arrived: CarrierOptions["onPart"] = (part, rendition) => {
    if (this.#change === null) this.#part(part, rendition);
    else this.#change.old(part, rendition);
  };

  #carry(
    node: Node,
    known: KnownStream,
    rendition: Rendition,
    onPart: CarrierOptions["onPart"],
    linksFirst?: boolean,
  ): Carrier {
    const linked = this.#mode !== "off";
    return node.carry(known, rendition, { linked, carries: this.#mode === "on", onPart, linksFirst });
  }

  #drop(): void {
    this.#endChange();
    this.#leave(this.#carrier);
    this.#carrier = null;
  }

  #endChange(): void {
    this.#change?.stop();
    this.#leave(this.#change?.carrier);
    this.#change = null;
  }

  #leave(carrier: Carrier | null | undefined): void {
    if (!carrier) return;
    this.#before = this.#counted(carrier);
    this.#node?.stopCarrying(carrier);
  }

  #part({ seal, data, init }: PlayablePart, rendition: Rendition): void {
    const { epoch, number } = seal;
    const last = this.#last;
    // What another carrier brought already.
    if (last !== null && (epoch < last.epoch || (epoch === last.epoch && number <= last.number))) return;
    const left = last !== null && epoch === last.epoch ? number - last.number - 1 : 0;
    this.#last = seal;
    if (this.#init?.epoch !== epoch || !equalBytes(this.#init.data, init)) {
      this.#init = { epoch, data: init };
      this.#sink.init(init, rendition.codecs, rendition);
    }
    const duration = seal.duration / 1e6;
    if (left > 0) this.#sink.gap(left * duration);
    this.#sink.part({
      number,
      epoch,
      segment: seal.segment,
      mediaTime: seal.mediaTime / 1e6,
      duration,
      captureTime: seal.captureTime / 1e6,
      independent: seal.independent,
      discontinuity: seal.discontinuity,
      init: seal.init,
      data,
    });
  }

  #counted(carrier = this.#carrier): Counted {
    const counters = carrier?.core.counters;
    const before = this.#before;
    if (counters === undefined) return before;
    return {
      bytesFromPeers: before.bytesFromPeers + counters.fromViewers + counters.fromRelays,
      bytesFromRelays: before.bytesFromRelays + counters.fromRelays,
      bytesFromOrigin: before.bytesFromOrigin + counters.fromPublisher + counters.fromHttp,
      bytesToPeers: before.bytesToPeers + counters.toPeers,
      blocksRejected: before.blocksRejected + counters.blocksRejected,
      duplicates: before.duplicates + counters.duplicates,
      equivocations: before.equivocations + counters.equivocations,
    };
  }
}

/** Whether `carrier` is the one for that rendition as it is described now. */
function carries(carrier: Carrier, known: KnownStream, rendition: Rendition): boolean {
  return (
    carrier.id === braidOf(known, rendition.id) &&
    carrier.stripes === rendition.stripes &&
    carrier.partDuration === known.description.partDuration
  );
}
