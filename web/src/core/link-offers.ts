/** Which offers are not taken, and why: of two that offer to each other at once, one gives way. */

import type { KnownPeer } from "./known-peers.ts";
import type { LinkReason } from "./link-actions.ts";

/** Why an offer by `peer` is refused, if it is; `seen`: its connection id came before. */
export function objection(
  own: string,
  peer: string,
  known: KnownPeer | null,
  seen: boolean,
): LinkReason | null {
  if (peer === own) return "oneself";
  if (seen) return "replayed";
  if (known?.expelled) return "expelled";
  if (known?.state === "offered" && !known.answered && own < peer) return "glare";
  return null;
}
