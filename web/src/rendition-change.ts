/** Goes over to another rendition: the shell of a `RenditionSwitch`, with the carrier of the other braid. Loaded when first wanted. */

import type { Carrier, CarrierOptions } from "./carrier.ts";
import { seconds } from "./clockwork.ts";
import type { PlayablePart } from "./core/init-segments.ts";
import { RenditionSwitch, type Switched } from "./core/rendition-switch.ts";
import type { Rendition } from "./description.ts";
import type { Seal } from "./seal.ts";

/** Seconds that links are given, where ours came over them, before the origin is asked. */
const LINKS_FIRST = 1.5;

/** As the sequence number of a plan: every other one replaces it. */
const BEFORE_ANY = -0.5;

/** What a change asks of whoever watches. */
export interface Changing {
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
  readonly #core: RenditionSwitch<Waiting>;
  /** Enough, until the player tells. */
  #forward = 1;
  #told = seconds();
  #timer: ReturnType<typeof setTimeout> | null = null;

  /**
   * @param ours the carrier that we are on
   * @param proof seconds for which the other braid must bring parts before we leave ours; null: ours is left at once
   */
  constructor(host: Changing, ours: Carrier, last: Seal | null, proof: number | null) {
    this.#host = host;
    this.#core = new RenditionSwitch(last === null ? null : switched(last), proof);
    if (proof === null) ours.withdraw();
    // Over links and HTTP at once it would be twice as much, and a connection that is made on a full way can take a second.
    const linksFirst = proof === null && ours.core.upstreams.allFed();
    this.carrier = host.carry((part, rendition) => {
      if (this.#core.done) host.arrived(part, rendition);
      else this.#take(true, part, rendition);
    }, linksFirst);
    const { publisher, neighbours } = ours.core;
    // It has all renditions; a plan from the introducer would come behind what waits on the way.
    if (linksFirst && neighbours.has(publisher))
      this.carrier.plan({
        sequence: BEFORE_ANY,
        parents: new Array<string>(this.carrier.stripes).fill(publisher),
        standbys: [],
        children_limit: 0,
      });
    if (linksFirst) setTimeout(() => this.carrier.originsToo(), 1000 * LINKS_FIRST);
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
      this.stop();
      this.#host.changed(this.carrier);
    }
    for (const { part, rendition, duration } of ready) {
      this.#forward += duration;
      this.#host.play(part, rendition);
    }
    this.#wait();
  }

  #wait(): void {
    this.stop();
    const due = this.#core.nextTimer;
    if (due === null) return;
    this.#timer = setTimeout(
      () => this.#act((now, left) => this.#core.poll(left, now)),
      1000 * Math.max(0, due - seconds()),
    );
  }
}

function switched({ epoch, number, independent, mediaTime, duration }: Seal): Switched {
  return { epoch, number, independent, mediaTime: mediaTime / 1e6, duration: duration / 1e6 };
}
