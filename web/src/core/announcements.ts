/** STATUS: a peer's paths, its liveness and its free places, said on change and twice a second. */

import { encode, type StripeStatus } from "../wire.ts";
import type { Children } from "./children.ts";
import { type Neighbour, NO_PART } from "./neighbour.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Window } from "./window.ts";

export const STATUS_EVERY = 0.5;

type Neighbours = ReadonlyMap<string, Neighbour>;

/** When to say what of ourselves. A publisher has no `upstreams`. */
export class Announcements {
  readonly #publisher: StripeStatus;
  readonly #braid: string;
  readonly #stripes: number;
  readonly #upstreams: Upstreams | null;
  readonly #children: Children;
  readonly #window: Window;
  #said: readonly StripeStatus[] = [];
  #at: number;

  constructor(
    me: string,
    braid: string,
    stripes: number,
    upstreams: Upstreams | null,
    children: Children,
    parts: Window,
    now: number,
  ) {
    this.#publisher = { fed: true, starved: false, path: [me.slice(0, 8)] };
    this.#braid = braid;
    this.#stripes = stripes;
    this.#upstreams = upstreams;
    this.#children = children;
    this.#window = parts;
    this.#at = now;
  }

  /** Whether it is time, or something has changed. */
  due(neighbours: Neighbours, now: number): boolean {
    return now >= this.#at || !equal(this.#stripeStatuses(neighbours), this.#said);
  }

  said(neighbours: Neighbours, now: number): void {
    this.#said = this.#stripeStatuses(neighbours);
    this.#at = now + STATUS_EVERY;
  }

  /** The STATUS message; `limit` is how many stripe children there may be. */
  encode(neighbours: Neighbours, limit: number, carries: boolean, leaving: boolean): Uint8Array {
    const { epoch, newestComplete } = this.#window;
    return encode({
      type: "status",
      braid: this.#braid,
      epoch,
      newest: newestComplete >= 0 ? newestComplete : NO_PART,
      carries,
      leaving,
      free: carries ? Math.max(0, Math.min(255, limit - this.#children.count())) : 0,
      stripes: this.#stripeStatuses(neighbours),
    });
  }

  #stripeStatuses(neighbours: Neighbours): readonly StripeStatus[] {
    const upstreams = this.#upstreams;
    if (upstreams === null) return new Array(this.#stripes).fill(this.#publisher);
    return upstreams.stripes.map(({ starved }, stripe) => {
      const path = upstreams.path(stripe, neighbours);
      return { fed: path.length > 0 && !starved, starved, path };
    });
  }
}

function equal(one: readonly StripeStatus[], two: readonly StripeStatus[]): boolean {
  return (
    one.length === two.length &&
    one.every((a, stripe) => {
      const b = two[stripe] as StripeStatus;
      return (
        a.fed === b.fed &&
        a.starved === b.starved &&
        a.path.length === b.path.length &&
        a.path.every((short, hop) => short === b.path[hop])
      );
    })
  );
}
