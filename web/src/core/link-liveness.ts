/**
 * When an open link is idle, quiet or dead: ICE is no liveness, what is heard on the link is.
 *
 * Times are seconds on the shell's monotonic clock.
 */

import type { KnownPeer } from "./known-peers.ts";

const PING_MIN = 0.5;
const PING_SPREAD = 0.5;
export const QUIET_AFTER = 1.5;
const DEAD_AFTER = 3;
export const IDLE_AFTER = 10;
/** Seconds for which a link is open that its offerer did not want any more when it opened, unless it is used. */
const UNWANTED_FOR = 3;

export function isDead(known: KnownPeer, now: number): boolean {
  return now - known.heardAt >= DEAD_AFTER;
}

export function fallsQuiet(known: KnownPeer, now: number): boolean {
  return now - known.heardAt >= QUIET_AFTER && !known.quiet;
}

/** Whether it is ours to close: we opened it, nobody wants it, and nothing that matters goes over it. */
export function isIdle(known: KnownPeer, now: number): boolean {
  return known.outgoing && known.purposes.size === 0 && now >= known.usedAt + IDLE_AFTER;
}

/** What counts as its last use when it opens. */
export function usedWhenOpened(known: KnownPeer, now: number): number {
  const wanted = known.purposes.size > 0 || !known.outgoing;
  return wanted ? now : now - IDLE_AFTER + UNWANTED_FOR;
}

export function nextPing(now: number, chance: number): number {
  return now + PING_MIN + PING_SPREAD * chance;
}

/** When an open link has to be looked at again. */
export function lookAt(known: KnownPeer): number {
  const at = Math.min(known.pingAt, known.heardAt + (known.quiet ? DEAD_AFTER : QUIET_AFTER));
  return known.outgoing && known.purposes.size === 0 ? Math.min(at, known.usedAt + IDLE_AFTER) : at;
}
