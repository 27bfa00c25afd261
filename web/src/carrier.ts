/** Carries one rendition: the braid core's shell, between links, the origin and whoever takes the parts. */

import { seconds } from "./clockwork.ts";
import type { Action, Report } from "./core/actions.ts";
import { Braid } from "./core/braid.ts";
import { InitSegments, type PlayablePart } from "./core/init-segments.ts";
import type { Role } from "./core/neighbour.ts";
import type { Level } from "./core/throttle.ts";
import type { Rendition } from "./description.ts";
import { verify } from "./identity.ts";
import type { Node } from "./node.ts";
import { OriginClient } from "./origin-client.ts";
import { Seal } from "./seal.ts";
import type { Plan, Report as ReportMessage } from "./signaling-types.ts";
import { braidOf, type KnownStream } from "./streams.ts";
import type { Message } from "./wire.ts";

/** Peer ids in one list of a report. */
const REPORTED = 64;

interface Assignment extends Pick<Plan, "sequence" | "standbys" | "children_limit"> {
  parents: readonly (string | null)[];
}

export interface CarrierOptions {
  /** Whether links are used at all. */
  linked: boolean;
  /** Whether this peer passes anything on. */
  carries: boolean;
  /** Nothing is asked of the origin before `originsToo`, and no place of the planner: whoever carries does that. */
  linksFirst?: boolean | undefined;
  /** Every part in order, with the rendition as it is described now. */
  onPart(part: PlayablePart, rendition: Rendition): void;
}

/** One braid at one node. */
export class Carrier {
  /** The braid id. */
  readonly id: string;
  readonly linked: boolean;
  readonly stripes: number;
  /** Seconds. */
  readonly partDuration: number;
  readonly core: Braid;
  /** Whether this peer passes anything on, and whether it wants the parity stripe. */
  carries: boolean;
  parity = false;
  withdrawn = false;
  stream: KnownStream;
  rendition: Rendition;
  readonly #node: Node;
  readonly #origin: OriginClient;
  readonly #inits = new InitSegments();
  readonly #onPart: CarrierOptions["onPart"];
  #reported = { sent: 0, received: 0 };
  #acting = false;
  #closed = false;

  constructor(node: Node, stream: KnownStream, rendition: Rendition, options: CarrierOptions) {
    const { description } = stream;
    this.#node = node;
    this.stream = stream;
    this.rendition = rendition;
    this.linked = options.linked;
    this.stripes = rendition.stripes;
    this.partDuration = description.partDuration;
    this.#onPart = options.onPart;
    this.carries = options.carries;
    this.id = braidOf(stream, rendition.id);
    this.#origin = new OriginClient(node.server);
    this.#origin.setOrigins(description.origins);
    this.core = new Braid(node.identity.id, stream.publisher, stream.key, this.id, {
      stripes: rendition.stripes,
      partDuration: description.partDuration,
      epoch: description.epoch,
      now: seconds(),
      carries: options.carries && options.linked,
      origins: description.origins.length > 0 && !options.linksFirst,
      standing: node.standing,
      upload: node.upload,
    });
    this.core.setHttpOnly(!options.linked);
    this.#inits.described(description.epoch, rendition.inits);
  }

  /** Why its links are wanted. */
  get purpose(): string {
    return `braid:${this.id}`;
  }

  /** The planner's assignment. */
  plan({ sequence, parents, standbys, children_limit }: Assignment): void {
    this.core.plan(sequence, parents, standbys, children_limit, seconds());
    this.#act();
  }

  /** The introducer is back, and may have forgotten us: tell it what holds. */
  introducedAgain(resumed: boolean): void {
    if (!resumed) this.core.planRestarted();
    this.core.reportSoon(seconds());
  }

  /** A newer description of the stream. */
  described(stream: KnownStream): void {
    const { description } = stream;
    this.stream = stream;
    this.#origin.setOrigins(description.origins);
    this.core.setOrigins(description.origins.length > 0);
    this.core.described(description.epoch, seconds());
    this.rendition = description.renditions.find(({ id }) => id === this.rendition.id) ?? this.rendition;
    this.#play(this.#inits.described(description.epoch, this.rendition.inits));
    this.#act();
  }

  /** Links have had their time. */
  originsToo(): void {
    this.core.setOrigins(this.stream.description.origins.length > 0);
  }

  linkOpened(peer: string, role: Role): void {
    if (!this.linked) return;
    this.core.linkOpened(peer, role, seconds());
    this.#act();
  }

  linkClosed(peer: string): void {
    this.core.linkClosed(peer, seconds());
    this.#act();
  }

  linkQuiet(peer: string, quiet: boolean): void {
    this.core.linkQuiet(peer, quiet, seconds());
    this.#act();
  }

  drained(peer: string, buffered: number): void {
    this.core.drained(peer, buffered, seconds());
    this.#act();
  }

  received(peer: string, message: Message, raw: Uint8Array): void {
    this.core.received(peer, message, raw, seconds());
    this.#act();
  }

  /** Whether this peer passes anything on. */
  setCarries(carries: boolean): void {
    this.carries = carries;
    this.core.setCarries(carries && this.linked, seconds());
    this.#act();
  }

  /** How far this page is slowed. */
  throttled(level: Level): void {
    this.core.throttled(level, seconds());
    this.#act();
  }

  /** No link can be made: everything is left to HTTP until one can. */
  setBlocked(blocked: boolean): void {
    this.core.setHttpOnly(blocked || !this.linked);
    this.#act();
  }

  handleTimer(now: number): void {
    this.core.handleTimer(now);
    this.#act();
    if (this.#inits.asks(now)) void this.#describe();
  }

  /** Asks nobody for anything any more, and tells children and parents; what is on its way still counts. */
  withdraw(): void {
    this.withdrawn = true;
    this.core.leave(seconds());
    this.#act();
  }

  /** Tells children and parents, and ends the requests that are under way. */
  leave(): void {
    this.withdraw();
    this.#closed = true;
    this.#origin.close();
  }

  #act(): void {
    // What is done makes events of its own; what they ask for waits its turn, so that parts stay in order.
    if (this.#acting || this.#closed) return;
    this.#acting = true;
    try {
      for (let actions = this.core.pollActions(); actions.length > 0; actions = this.core.pollActions()) {
        for (const action of actions) this.#do(action);
      }
    } finally {
      this.#acting = false;
    }
  }

  #do(action: Action): void {
    switch (action.type) {
      case "send":
        this.#node.mesh.send(action.peer, action.data, action.channel);
        break;
      case "verify": {
        const { token, key, tag, data, signature } = action;
        void verify(key, tag, data, signature).then((genuine) => {
          this.core.verified(token, genuine, seconds());
          this.#act();
        });
        break;
      }
      case "deliver":
        this.#play(this.#inits.delivered(Seal.parse(action.seal), action.data));
        break;
      case "gap":
        break; // whoever takes the parts sees it in their numbers
      case "equivocation":
        break; // counted, and shown with the other figures
      case "reject":
        this.#node.mesh.expel(action.peer, action.reason);
        break;
      case "links":
        this.#node.mesh.want(this.purpose, action.peers);
        break;
      case "join":
        void this.#join();
        break;
      case "fetch":
        void this.#fetch(action.epoch, action.number);
        break;
      case "parity":
        this.parity = action.wanted;
        this.#node.watch(this);
        break;
      case "report":
        this.#report(action);
        break;
    }
  }

  #play(parts: readonly PlayablePart[]): void {
    const clock = this.#node.clocks.of(this.stream.publisher);
    for (const part of parts) {
      if (this.#closed) return;
      clock.prove(part.seal.captureTime / 1e6, seconds());
      this.#onPart(part, this.rendition);
    }
  }

  #report({ parents, lost, failed, receivedFrom, loss, slots, harmful }: Report): void {
    if (!this.linked) return;
    const { toPeers, fromViewers, fromRelays, fromPublisher } = this.core.counters;
    const received = fromViewers + fromRelays + fromPublisher;
    this.#node.signal({
      type: "report",
      braid: this.id,
      parents: [...parents] as ReportMessage["parents"],
      lost: lost.slice(0, REPORTED),
      harmful: harmful.slice(0, REPORTED),
      failed: failed.slice(0, REPORTED),
      rtt: this.#node.clocks.roundTrips,
      sent: toPeers - this.#reported.sent,
      received: received - this.#reported.received,
      received_from: Object.fromEntries(receivedFrom),
      loss,
      slots,
    });
    this.#reported = { sent: toPeers, received };
  }

  async #join(): Promise<void> {
    const answer = await this.#origin.join(this.rendition.id);
    if (this.#closed) return;
    const sample = this.#origin.clockSample;
    if (sample !== null) {
      const { t0, t1, t3 } = sample;
      this.#node.clocks.of(this.stream.publisher).sample("origin", t0, t1, t1, t3, 0);
    }
    if ("type" in answer) this.core.joinFailed(answer.retryAfter, seconds());
    else this.core.joined(answer, seconds());
    this.#act();
  }

  async #fetch(epoch: number, number: number): Promise<void> {
    const answer = await this.#origin.part(this.rendition.id, epoch, number);
    if (this.#closed) return;
    if ("type" in answer) this.core.fetchFailed(number, answer.gone, seconds());
    else this.core.fetched(number, answer[0], answer[1], seconds());
    this.#act();
  }

  async #describe(): Promise<void> {
    const answer = await this.#origin.description();
    if (answer instanceof Uint8Array && !this.#closed) this.#node.described(answer, null);
  }
}
