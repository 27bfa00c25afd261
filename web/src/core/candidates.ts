/** Whom to ask: which of the neighbours is the best new parent of a stripe, and who has its lost blocks. */

import type { Neighbour } from "./neighbour.ts";

/** Seconds after which a link is no longer new. */
const SETTLED = 10;

export type Neighbours = ReadonlyMap<string, Neighbour>;

/** The stream's epoch, our own short id, and the time. */
export interface Moment {
  readonly epoch: number;
  readonly me: string;
  readonly now: number;
}

/**
 * Standbys first, in the planner's order; then short paths; then the publisher.
 *
 * Those that were fed through the parent that was lost come last, and so do those of ill repute, those that feed half
 * of our stripes already, and those whose link is new: whoever comes in numbers, all at once, is not to surround us
 * (docs/defence.md). Before all these come those that were heard after `since`, when the stripe last moved: where one
 * has vanished others may have, too. `parents` are ours by stripe; `lost` is a short id; `least` is how many free places
 * it must have.
 */
export function bestParent(
  stripe: number,
  neighbours: Neighbours,
  standbys: readonly string[],
  lost: string | null,
  parents: readonly (string | null)[],
  since: number,
  { epoch, me, now }: Moment,
  least = 1,
): Neighbour | null {
  const order = new Map(standbys.map((peer, rank) => [peer, rank]));
  const able = [...neighbours.values()].filter(
    (n) => n.peer !== parents[stripe] && n.canFeed(stripe, epoch, me, now, least),
  );
  const rank = (n: Neighbour) => order.get(n.peer) ?? order.size;
  const distrusted = (n: Neighbour) => Number(n.doubt > 1);
  const orphaned = (n: Neighbour) => Number(n.path(stripe).includes(lost ?? ""));
  const crowded = (n: Neighbour) =>
    Number(2 * parents.filter((peer) => peer === n.peer).length >= parents.length);
  const young = (n: Neighbour) => Number(now - n.since < SETTLED);
  able.sort(
    (a, b) =>
      distrusted(a) - distrusted(b) ||
      orphaned(a) - orphaned(b) ||
      Number(a.heardAt < since) - Number(b.heardAt < since) ||
      Number(a.role === "publisher") - Number(b.role === "publisher") ||
      a.doubt - b.doubt ||
      crowded(a) - crowded(b) ||
      rank(a) - rank(b) ||
      young(a) - young(b) ||
      a.path(stripe).length - b.path(stripe).length ||
      byId(a, b),
  );
  return able[0] ?? null;
}

/**
 * Whom to ask for a stripe's lost blocks on the n-th try; the head asks the publisher. Those that were heard after `since`
 * come before the others. `parents` are ours by stripe.
 */
export function mender(
  parents: readonly (string | null)[],
  neighbours: Neighbours,
  since: number,
  { epoch, me, now }: Moment,
): (stripe: number, tries: number) => string | null {
  const ranked = new Map<number, string[]>();
  // Everybody has an order of his own, so that not all ask the same one.
  const distance = ({ short }: Neighbour) => leading(short) ^ leading(me);
  const rank = (stripe: number): string[] => {
    const parent = parents[stripe] ?? null;
    const able = [...neighbours.values()].filter((n) => n.has(stripe, epoch, me, now));
    const head = able.some((n) => n.peer === parent && n.role === "publisher");
    const above = parent?.slice(0, 8) ?? "";
    const through = (n: Neighbour) => Number(n.path(stripe).includes(above));
    able.sort(
      (a, b) =>
        Number((a.role === "publisher") !== head) - Number((b.role === "publisher") !== head) ||
        Number(a.heardAt < since) - Number(b.heardAt < since) ||
        a.doubt - b.doubt ||
        Number(a.peer === parent) - Number(b.peer === parent) ||
        through(a) - through(b) ||
        distance(a) - distance(b) ||
        byId(a, b),
    );
    return able.map((n) => n.peer);
  };
  return (stripe, tries) => {
    let peers = ranked.get(stripe);
    if (peers === undefined) {
      peers = rank(stripe);
      ranked.set(stripe, peers);
    }
    return peers[tries % peers.length] ?? null;
  };
}

function byId(a: Neighbour, b: Neighbour): number {
  return a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0;
}

function leading(short: string): number {
  return Number.parseInt(short.slice(0, 4), 16);
}
