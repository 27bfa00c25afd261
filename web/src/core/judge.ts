/** Settles what linked peers did into their standing, and ends the links of those who did too much. */

import type { Reject } from "./actions.ts";
import { SETTLE_EVERY } from "./conduct.ts";
import type { Neighbour } from "./neighbour.ts";
import { MEAGRE, type Standing } from "./standing.ts";

const BYE_PROTOCOL = 3;

/** `standing` may be shared by the braids of a peer. The publisher is not judged: there is no other. */
export class Judge {
  readonly #standing: Standing;
  #settleAt: number;

  constructor(standing: Standing, now: number) {
    this.#standing = standing;
    this.#settleAt = now + SETTLE_EVERY;
  }

  /** Whether one that has just been linked may be a neighbour; what it did before comes with it. */
  admits(neighbour: Neighbour, now: number): boolean {
    neighbour.doubt = this.#standing.doubt(neighbour.peer, now);
    return !this.#standing.shunned(neighbour.peer, now);
  }

  /** It did what cannot be excused. */
  expelled(peer: string, now: number): void {
    this.#standing.shun(peer, now);
  }

  /** `meagre` are parents that were just replaced because they pushed too little. */
  settle(neighbours: Iterable<Neighbour>, meagre: readonly string[], now: number): Reject[] {
    const standing = this.#standing;
    for (const peer of meagre) {
      standing.note(peer, MEAGRE, now);
      this.#settleAt = now;
    }
    if (now < this.#settleAt) return [];
    this.#settleAt = now + SETTLE_EVERY;
    const out: Reject[] = [];
    for (const neighbour of neighbours) {
      const { peer, role, conduct, quiet } = neighbour;
      if (role === "publisher") continue;
      const points = conduct.settle(quiet, now);
      if (points !== 0) standing.note(peer, points, now);
      neighbour.doubt = standing.doubt(peer, now);
      if (standing.shunned(peer, now)) out.push(refusal(peer));
    }
    return out;
  }
}

export function refusal(peer: string): Reject {
  return {
    type: "reject",
    peer,
    reason: BYE_PROTOCOL,
    sentence: "it has done too much that peers do not do",
  };
}
