import { expect, test } from "vitest";
import { Clocks } from "../src/clocks.ts";
import { seconds } from "../src/clockwork.ts";
import { UNKNOWN_ERROR } from "../src/wire.ts";

const PUBLISHER = "70".repeat(16);
const PEER = "0a".repeat(16);
const AHEAD = 1_800_000_000;

/** What a publisher answers that is `AHEAD` of us. */
function answered(clocks: Clocks) {
  const ping = clocks.ping(PUBLISHER);
  const at = Math.floor((seconds() + AHEAD) * 1e6);
  return { type: "pong", publisher: PUBLISHER, t0: ping.t0, t1: at, t2: at, error: 0 } as const;
}

test("a publisher's clock is learned from an answer, and passed on", () => {
  const clocks = new Clocks();
  clocks.ponged(PEER, answered(clocks), true);
  const read = clocks.of(PUBLISHER).read(seconds());
  expect(Math.abs((read?.time ?? 0) - seconds() - AHEAD)).toBeLessThan(1);
  expect(Object.keys(clocks.roundTrips)).toEqual([PEER]);
  const pong = clocks.pong({ type: "ping", publisher: PUBLISHER, t0: 5 });
  expect(pong).toMatchObject({ type: "pong", publisher: PUBLISHER, t0: 5 });
  expect(pong.error).toBeLessThan(1_000_000);
});

test("the clock of somebody who is not watched is not learned", () => {
  const clocks = new Clocks();
  clocks.ponged(PEER, answered(clocks), false);
  expect(clocks.of(PUBLISHER).read(seconds())).toBeNull();
  expect(clocks.pong({ type: "ping", publisher: PUBLISHER, t0: 5 }).error).toBe(UNKNOWN_ERROR);
});

test("an answer from before its question is no answer", () => {
  const clocks = new Clocks();
  const pong = answered(clocks);
  clocks.ponged(PEER, { ...pong, t0: pong.t0 + 60_000_000 }, true);
  expect(clocks.roundTrips).toEqual({});
  expect(clocks.of(PUBLISHER).read(seconds())).toBeNull();
});

test("round trips are forgotten with their links", () => {
  const clocks = new Clocks();
  clocks.ponged(PEER, answered(clocks), true);
  clocks.forget(PEER);
  expect(clocks.roundTrips).toEqual({});
});

test("without a publisher the question is about nobody's clock", () => {
  expect(new Clocks().ping(null).publisher).toBe("0".repeat(32));
});
