/** Which link gives its place to another when all are taken. */

import type { KnownPeer } from "./known-peers.ts";
import { IDLE_AFTER } from "./link-liveness.ts";

/**
 * Seconds without use after which a link that only the other side wants gives way. A strong peer is many others'
 * standby, and was many others' parent until just now: those who are to come to it wait meanwhile.
 */
const SPARED_AFTER = 2;

/**
 * The link that goes first: unused ones and attempts that nobody here wants, then, for one that feeds, those that do not.
 *
 * `wanted` is the peer that needs the place; null for one that comes to us.
 */
export function givesWay(
  peers: Iterable<KnownPeer>,
  wanted: KnownPeer | null,
  now: number,
): KnownPeer | null {
  const feeds = wanted?.feeds ?? false;
  let victim: KnownPeer | null = null;
  for (const known of peers) {
    const unused = known.state === "open" ? now - known.usedAt : 0;
    const wantedHere = known.purposes.size > 0;
    if (wantedHere ? unused < IDLE_AFTER || !feeds || known.feeds : unused < SPARED_AFTER && !isStray(known))
      continue;
    if (victim === null || comesFirst(known, victim)) victim = known;
  }
  return victim;
}

/** An offer that nobody here wants any more, or what became of one: not used since it opened. */
function isStray(known: KnownPeer): boolean {
  return known.state === "offered" || (known.state === "open" && known.usedAt < known.openedAt);
}

/** Of two links that may go, the unwanted one goes, and then the one that was used longest ago. */
function comesFirst(known: KnownPeer, other: KnownPeer): boolean {
  const wanted = known.purposes.size > 0;
  if (wanted !== other.purposes.size > 0) return !wanted;
  return known.usedAt < other.usedAt;
}
