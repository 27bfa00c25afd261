/** What one braid has done, counted in application bytes (blocks with seals and proofs) and events. */

import type { Role } from "./neighbour.ts";

/** Monotonic counters of one rendition at one peer. */
export class Counters {
  fromViewers = 0;
  fromRelays = 0;
  fromPublisher = 0;
  fromHttp = 0;
  toPeers = 0;
  blocksRejected = 0;
  duplicates = 0;
  late = 0;
  failOvers = 0;
  rebuilt = 0;
  wantsSent = 0;
  wantsServed = 0;
  fetches = 0;
  partsDelivered = 0;
  partsSkipped = 0;
  equivocations = 0;
  slowChildren = 0;
  refusedChildren = 0;
  floods = 0;

  /** Counts `size` bytes that came over a link from a peer of that role. */
  received(role: Role, size: number): void {
    if (role === "publisher") this.fromPublisher += size;
    else if (role === "relay") this.fromRelays += size;
    else this.fromViewers += size;
  }
}
