/** Which link gives its place to another when all are taken. */

import type { KnownPeer } from "./known-peers.ts";
import { IDLE_AFTER } from "./link-liveness.ts";

/**
 * The idle link that goes first: those that nobody wants, then, for one that feeds, those that do not.
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
    if (known.state !== "open" || now - known.usedAt < IDLE_AFTER) continue;
    if (known.purposes.size > 0 && !(feeds && !known.feeds)) continue;
    if (victim === null || comesFirst(known, victim)) victim = known;
  }
  return victim;
}

/** Of two links that may go, the unwanted one goes, and then the one that was used longest ago. */
function comesFirst(known: KnownPeer, other: KnownPeer): boolean {
  const wanted = known.purposes.size > 0;
  if (wanted !== other.purposes.size > 0) return !wanted;
  return known.usedAt < other.usedAt;
}
