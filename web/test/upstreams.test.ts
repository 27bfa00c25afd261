import { expect, test } from "vitest";
import { Neighbour } from "../src/core/neighbour.ts";
import { PENDING_PATIENCE } from "../src/core/upstream.ts";
import { PARITY_SPARE, Upstreams } from "../src/core/upstreams.ts";
import { Window } from "../src/core/window.ts";

// The traces hold it together with Python's; what they do not reach is here.

const [ME, PARENT, OTHER] = ["50", "90", "10"].map((id) => id.repeat(16)) as [string, string, string];

/** Whom the peer asks for parity, which no plan names, when OTHER has it and so many free places. */
function askedForParity(free: number): string[] {
  const neighbours = new Map<string, Neighbour>();
  const parts = new Window();
  const upstreams = new Upstreams(ME, 1, 0, 0.1, neighbours, parts, 0);
  upstreams.plan([PARENT], [], 0);
  upstreams.wantsParity = true;
  const asked: string[] = [];
  for (const now of [0, PENDING_PATIENCE + 0.1]) {
    const other = new Neighbour(OTHER, "viewer", now);
    const stripe = { fed: true, starved: false, path: ["07070707", "10101010"], feeds: false };
    const said = {
      braid: "0b".repeat(8),
      epoch: parts.epoch,
      newest: 0,
      carries: true,
      leaving: false,
      free,
    };
    other.status = { type: "status", ...said, stripes: [stripe, stripe] };
    neighbours.set(OTHER, other);
    for (const { type, stripe, peer } of upstreams.tick(false, now)) {
      if (type === "subscribe" && stripe === 1) asked.push(peer);
    }
  }
  return asked;
}

test("the last places of a neighbour are left to those who lack a stripe", () => {
  expect(askedForParity(PARITY_SPARE - 1)).toEqual([]);
  expect(askedForParity(PARITY_SPARE)).toEqual([OTHER]);
});
