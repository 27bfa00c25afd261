/** STATUS: a peer's paths, its liveness and its free places, said twice a second, and to children on change. */

import { MAX_STRIPES } from "../seal.ts";
import { encode, type StripeStatus } from "../wire.ts";
import { NO_PART } from "./neighbour.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Window } from "./window.ts";

export const STATUS_EVERY = 0.5;

/** When to say what of ourselves. A publisher has no `upstreams`. */
export class Announcements {
  readonly #publisher: StripeStatus;
  readonly #braid: string;
  /** Those that a publisher has: its parity, too, unless there is no number left for it. */
  readonly #stripes: number;
  readonly #upstreams: Upstreams | null;
  readonly #window: Window;
  #said = "";
  #at: number;

  constructor(
    me: string,
    braid: string,
    stripes: number,
    upstreams: Upstreams | null,
    parts: Window,
    now: number,
  ) {
    this.#publisher = { fed: true, starved: false, path: [me.slice(0, 8)], feeds: false };
    this.#braid = braid;
    this.#stripes = Math.min(stripes + 1, MAX_STRIPES);
    this.#upstreams = upstreams;
    this.#window = parts;
    this.#at = now;
  }

  /** Whether it is time to tell everybody. */
  due(now: number): boolean {
    return now >= this.#at;
  }

  /** Whether what our children stand on is other than it was. */
  changed(): boolean {
    return JSON.stringify(this.#stripeStatuses()) !== this.#said;
  }

  /** Everybody was told. */
  said(now: number): void {
    this.saidToChildren();
    this.#at = now + STATUS_EVERY;
  }

  saidToChildren(): void {
    this.#said = JSON.stringify(this.#stripeStatuses());
  }

  /**
   * The STATUS message; `free` is how many stripe children there may be besides those that are, and `feeds` whether
   * there are some, by stripe.
   */
  encode(free: number, carries: boolean, leaving: boolean, feeds: (stripe: number) => boolean): Uint8Array {
    const { epoch, newestComplete } = this.#window;
    return encode({
      type: "status",
      braid: this.#braid,
      epoch,
      newest: newestComplete >= 0 ? newestComplete : NO_PART,
      carries,
      leaving,
      free,
      stripes: this.#stripeStatuses().map((state, stripe) => ({ ...state, feeds: feeds(stripe) })),
    });
  }

  #stripeStatuses(): readonly StripeStatus[] {
    const upstreams = this.#upstreams;
    if (upstreams === null) return new Array(this.#stripes).fill(this.#publisher);
    return upstreams.stripes.slice(0, upstreams.taken()).map(({ starved }, stripe) => {
      const path = upstreams.path(stripe);
      return { fed: path.length > 0 && !starved, starved, path, feeds: false };
    });
  }
}
