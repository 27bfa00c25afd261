import { expect, test } from "vitest";
import { playerState, type Situation, wordsFor } from "../src/player/state.ts";
import { addWatches, formatBytes, formatSeconds, NO_WATCH, shares } from "../src/player/stats.ts";

test("bytes and seconds are shown for people", () => {
  expect(formatBytes(0)).toBe("0 B");
  expect(formatBytes(831_400)).toBe("831 kB");
  expect(formatBytes(999_999)).toBe("1.0 MB");
  expect(formatBytes(12_360_000)).toBe("12.4 MB");
  expect(formatBytes(250_000_000)).toBe("250 MB");
  expect(formatSeconds(null)).toBe("–");
  expect(formatSeconds(0.316)).toBe("0.32 s");
  expect(formatSeconds(12.36)).toBe("12.4 s");
  expect(formatSeconds(185)).toBe("3 min 5 s");
});

test("shares sum to a hundred, whatever is rounded", () => {
  expect(shares({ bytesFromPeers: 0, bytesFromRelays: 0, bytesFromOrigin: 0 })).toEqual({
    viewers: 0,
    relays: 0,
    origin: 0,
  });
  const thirds = shares({ bytesFromPeers: 2, bytesFromRelays: 1, bytesFromOrigin: 1 });
  expect(thirds.viewers + thirds.relays + thirds.origin).toBe(100);
  expect(shares({ bytesFromPeers: 995, bytesFromRelays: 995, bytesFromOrigin: 5 })).toEqual({
    viewers: 0,
    relays: 99,
    origin: 1,
  });
});

test("counts go on over watches, what describes the present does not", () => {
  const before = { ...NO_WATCH, bytesFromPeers: 10, blocksRejected: 1, peers: 7 };
  const present = { ...NO_WATCH, bytesFromPeers: 5, peers: 2, parents: ["ab", null], rendition: "360p" };
  const sum = addWatches(before, present);
  expect(sum).toMatchObject({ bytesFromPeers: 15, blocksRejected: 1, peers: 2, rendition: "360p" });
  sum.parents.push("changed by a page");
  expect(present.parents).toEqual(["ab", null]);
});

const situation: Situation = {
  error: null,
  idle: false,
  paused: false,
  room: "joined",
  stream: "live",
  played: true,
  quiet: 0.02,
};

test("there is always a state, and what is buffered plays on whatever happens", () => {
  expect(playerState(situation)).toBe("live");
  expect(playerState({ ...situation, stream: "ended" })).toBe("live");
  expect(playerState({ ...situation, room: "reconnecting" })).toBe("live");
  expect(playerState({ ...situation, paused: true, quiet: 9 })).toBe("paused");
  expect(playerState({ ...situation, idle: true })).toBe("idle");
});

test.each([
  [{ stream: "ended" }, "ended"],
  [{ stream: "offline" }, "waiting"],
  [{ stream: null }, "waiting"],
  [{ stream: null, room: "connecting", played: false }, "connecting"],
  [{ played: false }, "connecting"],
  [{}, "reconnecting"],
  [{ stream: null, room: "reconnecting", played: false }, "reconnecting"],
  [{ room: "closed" }, "error"],
  [{ error: "No." }, "error"],
] as const)("no picture and %j is %s", (change, state) => {
  const now = { ...situation, quiet: Number.POSITIVE_INFINITY, ...change };
  expect(playerState(now)).toBe(state);
  expect(wordsFor(state, now.played, now.error)?.title).not.toBe("");
});
