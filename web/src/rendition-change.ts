/** Goes over to another rendition: the shell of a `RenditionSwitch`, with the carrier of the other braid. Loaded when first wanted. */

import type { Carrier, CarrierOptions } from "./carrier.ts";
import { seconds } from "./clockwork.ts";
import type { PlayablePart } from "./core/init-segments.ts";
import { type Heard, RenditionBeginning, RenditionTrial } from "./core/rendition-beginning.ts";
import { RenditionSwitch, type Switched } from "./core/rendition-switch.ts";
import type { Window } from "./core/window.ts";
import type { Rendition } from "./description.ts";
import type { Node } from "./node.ts";
import type { Seal } from "./seal.ts";
import type { encode } from "./wire.ts";

/** Seconds that links are given, where ours came over them, before the origin is asked. */
const LINKS_FIRST = 1.5;

/** As the sequence number of a plan: every other one replaces it. */
const BEFORE_ANY = -0.5;

/** What a change asks of whoever watches. */
export interface Changing {
  node: Node;
  /** Imported here, it would become another file of the first load. */
  encode: typeof encode;
  /** Takes part in the other braid. */
  carry(onPart: CarrierOptions["onPart"], linksFirst: boolean): Carrier;
  /** Hands a part on. */
  play(part: PlayablePart, rendition: Rendition): void;
  /** A part of the other braid, once it is the one that is watched. */
  arrived(part: PlayablePart, rendition: Rendition): void;
  /** The other braid is the one that is watched from now on. */
  changed(carrier: Carrier): void;
}

interface Waiting extends Switched {
  part: PlayablePart;
  rendition: Rendition;
}

export class RenditionChange {
  readonly carrier: Carrier;
  readonly #host: Changing;
  readonly #ours: Carrier;
  readonly #core: RenditionSwitch<Waiting>;
  /** Enough, until the player tells. */
  #forward = 1;
  #told = seconds();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #beginning: RenditionBeginning | RenditionTrial | null = null;
  #beginTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param ours the carrier that we are on
   * @param proof seconds for which the other braid must bring parts before we leave ours; null: ours is left at once
   */
  constructor(host: Changing, ours: Carrier, last: Seal | null, proof: number | null) {
    this.#host = host;
    this.#ours = ours;
    this.#core = new RenditionSwitch(last === null ? null : switched(last), proof);
    if (proof === null) ours.withdraw();
    // Over links and HTTP at once it would be twice as much, and a connection that is made on a full way can take a second.
    const linksFirst = proof !== 0 && ours.core.upstreams.allFed();
    this.carrier = host.carry((part, rendition) => {
      if (this.#beginning instanceof RenditionBeginning) this.#beginning.came(part.seal.number, seconds());
      this.#begin();
      if (this.#core.done) host.arrived(part, rendition);
      else this.#take(true, part, rendition);
    }, linksFirst);
    if (!linksFirst) return;
    const heard = heardOf(ours.core.window);
    this.#beginning =
      proof === null
        ? new RenditionBeginning(heard, ours.partDuration, seconds())
        : new RenditionTrial(heard, ours.partDuration, seconds());
    this.#begin();
  }

  /** A part of the braid that we are on. */
  old(part: PlayablePart, rendition: Rendition): void {
    this.#take(false, part, rendition);
  }

  /** The player's forward buffer, seconds. */
  buffer(forward: number): void {
    this.#forward = forward;
    this.#told = seconds();
    this.carrier.core.buffer(forward, seconds());
    this.#act((now, left) => this.#core.poll(left, now));
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    clearTimeout(this.#beginTimer);
  }

  /** Asks the publisher, which has all renditions, for parts until the braid can be followed. */
  #begin(): void {
    const beginning = this.#beginning;
    if (beginning === null || this.carrier.withdrawn) return;
    const { core, id: braid, stripes } = this.carrier;
    const { publisher, neighbours, window } = core;
    const linked = neighbours.has(publisher);
    const now = seconds();
    for (const number of linked ? this.#wanted(beginning, now) : []) {
      const want = this.#host.encode({ type: "want", braid, epoch: window.epoch, number, blocks: [] });
      this.#host.node.mesh.send(publisher, want);
    }
    clearTimeout(this.#beginTimer);
    if (linked && !beginning.follows) {
      const { nextTimer } = beginning;
      // Without a plan the braid would soon look for parents by itself. Whoever asked for it gives it up, or asks again.
      if (nextTimer === null) this.carrier.withdraw();
      else this.#beginTimer = setTimeout(() => this.#begin(), 1000 * Math.max(0, nextTimer - now));
      return;
    }
    this.#beginning = null;
    // A plan from the introducer would come behind what waits on the way.
    const parents = new Array<string>(stripes).fill(publisher);
    if (linked) this.carrier.plan({ sequence: BEFORE_ANY, parents, standbys: [], children_limit: 0 });
    this.#host.node.watch(this.carrier);
    setTimeout(() => this.carrier.originsToo(), 1000 * LINKS_FIRST);
  }

  #wanted(beginning: RenditionBeginning | RenditionTrial, now: number): number[] {
    if (beginning instanceof RenditionBeginning) return beginning.poll(now);
    const ours = heardOf(this.#ours.core.window).at(-1);
    if (ours === undefined) {
      beginning.follows = true; // another epoch has begun
      return [];
    }
    const number = beginning.poll(this.carrier.core.window.get(beginning.asked ?? -1), ours, now);
    return number === null ? [] : [number];
  }

  #take(fresh: boolean, part: PlayablePart, rendition: Rendition): void {
    const waiting = { ...switched(part.seal), part, rendition };
    this.#act((now, left) =>
      fresh ? this.#core.fresh(waiting, left, now) : this.#core.old(waiting, left, now),
    );
  }

  #act(step: (now: number, left: number) => Waiting[]): void {
    const now = seconds();
    const wasDone = this.#core.done;
    const ready = step(now, Math.max(0, this.#forward - (now - this.#told)));
    if (this.#core.done && !wasDone) {
      this.#host.changed(this.carrier);
    }
    for (const { part, rendition, duration } of ready) {
      this.#forward += duration;
      this.#host.play(part, rendition);
    }
    this.#wait();
  }

  #wait(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const due = this.#core.nextTimer;
    if (due === null) return;
    this.#timer = setTimeout(
      () => this.#act((now, left) => this.#core.poll(left, now)),
      1000 * Math.max(0, due - seconds()),
    );
  }
}

/** The parts that something came of, the oldest first. */
function heardOf(parts: Window): Heard[] {
  return [...parts.numbers(0)].flatMap((number) => {
    const part = parts.get(number);
    return part ? [{ number, firstSeen: part.firstSeen, independent: part.seal.independent }] : [];
  });
}

function switched({ epoch, number, independent, mediaTime, duration }: Seal): Switched {
  return { epoch, number, independent, mediaTime: mediaTime / 1e6, duration: duration / 1e6 };
}
