import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { toBase64url } from "../src/encoding.ts";
import { encode, MALFORMED, RATE } from "../src/wire.ts";
import { company, type MemoryLink, MemoryPeer, settled } from "./memory-links.ts";

beforeEach(() => {
  vi.stubGlobal("RTCPeerConnection", () => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const GIVEN_UP = {
  type: "unsubscribe",
  braid: "0b".repeat(8),
  stripe: 1,
} as const;

async function pair(): Promise<[MemoryPeer, MemoryPeer]> {
  const [one, two] = company(2) as [MemoryPeer, MemoryPeer];
  one.mesh.want("braid:x", [two.id]);
  await settled();
  return [one, two];
}

/** The ends of the link between two, as each sees it. */
function end(of: MemoryPeer): MemoryLink {
  return [...of.links.values()].at(-1) as MemoryLink;
}

test("a link that one side wants is open on both, and carries messages both ways", async () => {
  const [one, two] = await pair();
  expect([one.mesh.peers, two.mesh.peers]).toEqual([[two.id], [one.id]]);
  expect(one.mesh.send(two.id, encode(GIVEN_UP))).toBe(true);
  expect(two.mesh.send(one.id, encode(GIVEN_UP))).toBe(true);
  await settled();
  expect(one.messages).toContainEqual(GIVEN_UP);
  expect(two.messages).toContainEqual(GIVEN_UP);
  expect(one.mesh.wanted).toBe(1);
});

test("two who want each other at the same moment get one link", async () => {
  const [one, two] = company(2) as [MemoryPeer, MemoryPeer];
  one.mesh.want("braid:x", [two.id]);
  two.mesh.befriend(one.id);
  await settled();
  expect([one.mesh.peers, two.mesh.peers]).toEqual([[two.id], [one.id]]);
  expect([one.told, two.told]).toEqual([["opened"], ["opened"]]);
});

test("a malformed message is answered with ERROR, ends the link, and its sender is not taken back", async () => {
  const [one, two] = await pair();
  end(one).inject(new Uint8Array([0x11, 1]), "control");
  await settled();
  expect([one.told.at(-1), two.told.at(-1)]).toEqual(["closed", "closed"]);
  expect(end(one).error?.code).toBe(MALFORMED);
  expect(two.mesh.malformed).toBe(1);
  one.mesh.want("again", [two.id]);
  await settled();
  expect(two.mesh.peers).toEqual([]);
});

test("a type of a later version is passed over", async () => {
  const [one, two] = await pair();
  end(one).inject(new Uint8Array([0x7f, 1, 2]), "control");
  await settled();
  expect(two.mesh.peers).toEqual([one.id]);
});

test("a flood of messages is answered with ERROR and ends the link", async () => {
  const [one, two] = await pair();
  for (let count = 0; count < 2100; count++) end(one).inject(encode(GIVEN_UP), "control");
  await settled();
  expect(end(one).error?.code).toBe(RATE);
  expect(two.told.at(-1)).toBe("closed");
  expect(two.messages.length).toBeLessThan(2100);
});

test("who sent a bad block is let go of and not taken back", async () => {
  const [one, two] = await pair();
  two.mesh.expel(one.id, 2);
  await settled();
  expect(one.told.at(-1)).toBe("closed");
  one.mesh.want("again", [two.id]);
  await settled();
  expect([one.mesh.peers, two.mesh.peers]).toEqual([[], []]);
});

test("a forged offer is refused, counted, and no more", async () => {
  const [one, two] = company(2) as [MemoryPeer, MemoryPeer];
  const connection = "ab".repeat(8);
  const from = { from: one.id, connection, key: toBase64url(one.key), nonce: "" };
  await two.mesh.offer({ type: "offer", ...from, sdp: "", signature: "forged" });
  expect(two.mesh.refusedOffers).toBe(1);
  expect(two.links.size).toBe(0);
});

test("an introduction whose key is another peer's is not believed", async () => {
  const [one, two] = company(2) as [MemoryPeer, MemoryPeer];
  const stranger = new MemoryPeer(new Uint8Array(32).fill(9), new Map());
  const key = toBase64url(two.key);
  one.mesh.introduced({ peer: stranger.id, key, nonce: "", name: "", role: "viewer" });
  one.mesh.want("braid:x", [stranger.id]);
  expect(one.mesh.wanted).toBe(0);
  one.mesh.introduced({ peer: stranger.id, key: "!", nonce: "", name: "", role: "viewer" });
  expect(one.mesh.wanted).toBe(0);
});

test("whoever left is wanted no more, and does not come back as a friend", async () => {
  const [one, two] = company(2) as [MemoryPeer, MemoryPeer];
  one.mesh.befriend(two.id);
  expect(one.mesh.wanted).toBe(1);
  one.mesh.departed(two.id);
  expect(one.mesh.wanted).toBe(0);
});

test("a browser without WebRTC makes no links and takes none", async () => {
  vi.stubGlobal("RTCPeerConnection", undefined);
  const [one, two] = await pair();
  two.mesh.befriend(one.id);
  await settled();
  expect([one.mesh.peers, two.mesh.peers]).toEqual([[], []]);
});

test("leaving says BYE on every link", async () => {
  const [one, two, three] = company(3) as [MemoryPeer, MemoryPeer, MemoryPeer];
  one.mesh.want("braid:x", [two.id, three.id]);
  await settled();
  one.mesh.close();
  await settled();
  expect([two.told, three.told]).toEqual([
    ["opened", "closed"],
    ["opened", "closed"],
  ]);
  expect(one.mesh.peers).toEqual([]);
});

test("what a link holds back, and that it has drained, is told", async () => {
  const [one, two] = await pair();
  end(one).backlog = 70_000;
  expect(one.mesh.buffers()).toEqual([[two.id, 70_000]]);
  end(one).backlog = 10;
  one.mesh.drained(end(one), "blocks");
  one.mesh.drained(end(one), "control");
  expect(one.told).toEqual(["opened", "drained to 10"]);
});
