/** Whom to ask: which of the neighbours is the best new parent of a stripe, and who has its lost blocks. */

import type { Neighbour } from "./neighbour.ts";

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
 * Those that were fed through the parent that was lost come last; `lost` is its short id.
 */
export function bestParent(
  stripe: number,
  neighbours: Neighbours,
  standbys: readonly string[],
  lost: string | null,
  { epoch, me, now }: Moment,
): Neighbour | null {
  const order = new Map(standbys.map((peer, rank) => [peer, rank]));
  const able = [...neighbours.values()].filter((n) => n.canFeed(stripe, epoch, me, now));
  const rank = (n: Neighbour) => order.get(n.peer) ?? order.size;
  const orphaned = (n: Neighbour) => Number(n.path(stripe).includes(lost ?? ""));
  able.sort(
    (a, b) =>
      orphaned(a) - orphaned(b) ||
      Number(a.role === "publisher") - Number(b.role === "publisher") ||
      rank(a) - rank(b) ||
      a.path(stripe).length - b.path(stripe).length ||
      byId(a, b),
  );
  return able[0] ?? null;
}

/** Whom to ask for a stripe's lost blocks on the n-th try; the head asks the publisher. `parents` are ours by stripe. */
export function mender(
  parents: readonly (string | null)[],
  neighbours: Neighbours,
  { epoch, me, now }: Moment,
): (stripe: number, tries: number) => string | null {
  const ranked = new Map<number, string[]>();
  const rank = (stripe: number): string[] => {
    const parent = parents[stripe] ?? null;
    const able = [...neighbours.values()].filter((n) => n.has(stripe, epoch, me, now));
    const head = able.some((n) => n.peer === parent && n.role === "publisher");
    able.sort(
      (a, b) =>
        Number((a.role === "publisher") !== head) - Number((b.role === "publisher") !== head) ||
        Number(a.peer === parent) - Number(b.peer === parent) ||
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
