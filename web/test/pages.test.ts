import { expect, test } from "vitest";
import { formatTime, hueOf, initialsOf, shownName } from "../src/chat/names.ts";
import { roomAddress } from "../src/pages/address.ts";
import { listedRooms, roomNames } from "../src/pages/room-list.ts";
import { inOrder } from "../src/panel/people-order.ts";
import { sideOf } from "../src/panel/strands.ts";
import { lesser } from "../src/preferences.ts";

test("a room's address may name an owner who publishes nothing", () => {
  expect(roomAddress("/chat/team", "#owner=oWn")?.owner).toBe("oWn");
  expect(roomAddress("/watch/team", "#key=AbC&owner=oWn")?.owner).toBe("oWn");
});

test("a room's address carries its key, token and stream in the fragment", () => {
  expect(roomAddress("/watch/demo", "#key=AbC-_&token=t.t.t&stream=side")).toEqual({
    room: "demo",
    key: "AbC-_",
    owner: "AbC-_",
    token: "t.t.t",
    stream: "side",
  });
  expect(roomAddress("/chat/a~b/", "")).toEqual({ room: "a~b", key: "", owner: "", token: "", stream: "" });
});

test.each([
  "/watch/",
  "/watch",
  "/watch/not a name",
  "/watch/%E0%A4%A",
  "/watch/a/b",
  `/watch/${"a".repeat(65)}`,
])("%s names no room", (path) => expect(roomAddress(path, "")).toBeNull());

test("rooms are listed live ones first, and nonsense is left out", () => {
  const list = { rooms: [{ room: "quiet", peers: 2 }, { room: "demo", peers: 5 }, { peers: 1 }, "nonsense"] };
  expect(roomNames(list)).toEqual(["demo", "quiet"]);
  const answers = [
    { room: "quiet", peers: 2, streams: [] },
    { room: "demo", peers: 5, streams: [{ stream: "main", state: "live", title: "Bunny" }] },
    { peers: 1 },
    null,
    { room: "away", peers: 9, streams: [{ state: "offline", title: "x" }, null] },
  ];
  expect(listedRooms(answers)).toEqual([
    { name: "demo", people: 5, live: true, titles: ["Bunny"] },
    { name: "away", people: 9, live: false, titles: [] },
    { name: "quiet", people: 2, live: false, titles: [] },
  ]);
  expect(roomNames(null)).toEqual([]);
  expect(roomNames({ rooms: "no" })).toEqual([]);
});

test("people are told apart by their keys", () => {
  expect(initialsOf({ author: "b1b1", name: "Ana María Lund" })).toBe("AL");
  expect(initialsOf({ author: "b1b1", name: "🦊 fox" })).toBe("🦊F");
  expect(initialsOf({ author: "b1b1", name: "  " })).toBe("B1");
  expect(shownName({ author: "b1b2c3", name: "" })).toBe("Guest b1b2");
  expect(hueOf("ffff")).toBeLessThan(12);
  expect(hueOf("not hex")).toBe(0);
});

test("a time that no clock has is not shown", () => {
  expect(formatTime(Number.NaN)).toBe("");
  expect(formatTime(9e15)).toBe("");
  expect(formatTime(Date.UTC(2026, 1, 2, 12), Date.UTC(2026, 1, 9, 12))).toMatch(/2/);
});

test("one comes first oneself, then who publishes, relays and watches", () => {
  const roster = [
    { peer: "aa", name: "Zoe", role: "viewer" },
    { peer: "bb", name: "Ada", role: "viewer" },
    { peer: "cc", name: "r", role: "relay" },
    { peer: "dd", name: "p", role: "publisher" },
    { peer: "ee", name: "", role: "member" },
  ] as const;
  expect(inOrder(roster, "aa").map((entry) => entry.peer)).toEqual(["aa", "dd", "cc", "bb", "ee"]);
});

test("a peer of several stripes is drawn once", () => {
  const nodeOf = (peer: string) => ({ peer, name: peer, role: "viewer" as const });
  expect(sideOf([["a"], ["b"], [null], ["a"]], nodeOf)).toEqual([
    { ...nodeOf("a"), stripes: [0, 3] },
    { ...nodeOf("b"), stripes: [1] },
  ]);
});

test("neither a page nor a viewer is made to share more than they want", () => {
  expect(lesser("on", "leaf")).toBe("leaf");
  expect(lesser("off", "on")).toBe("off");
  expect(lesser("on", "on")).toBe("on");
});
