import { beforeAll, expect, test } from "vitest";
import { DescriptionError, type StreamDescription, signDescription } from "../src/description.ts";
import { isLive } from "../src/file-session.ts";
import { fromSeed, type Identity } from "../src/identity.ts";
import { braidId } from "../src/signing.ts";
import { braidOf, StreamDirectory } from "../src/streams.ts";

let ann: Identity;
let bob: Identity;

beforeAll(async () => {
  ann = await fromSeed(new Uint8Array(32).fill(1));
  bob = await fromSeed(new Uint8Array(32).fill(2));
});

function described(by: Identity, changes: Partial<StreamDescription> = {}): Promise<Uint8Array> {
  return signDescription(by, {
    room: "demo",
    stream: "main",
    title: "",
    state: "live",
    epoch: 10,
    revision: 1,
    partDuration: 0.1,
    origins: [],
    renditions: [],
    ...changes,
  });
}

test("the greater epoch and revision stands, whatever comes after it", async () => {
  const streams = new StreamDirectory("demo");
  for (const [changes, news] of [
    [{}, true],
    [{}, false],
    [{ revision: 3 }, true],
    [{ revision: 2 }, false],
    [{ epoch: 11 }, true],
    [{ epoch: 10, revision: 9 }, false],
  ] as const) {
    expect((await streams.take(await described(ann, changes))) !== null).toBe(news);
  }
  expect(streams.get("main")?.description).toMatchObject({ epoch: 11, revision: 1 });
});

test("a pinned key admits no other, and another room's stream is none of ours", async () => {
  const streams = new StreamDirectory("demo", ann.key);
  expect(await streams.take(await described(bob))).toBeNull();
  expect(await streams.take(await described(ann, { room: "other" }))).toBeNull();
  expect((await streams.take(await described(ann)))?.publisher).toBe(ann.id);
});

test("a name stays with its key until that has ended the stream", async () => {
  const streams = new StreamDirectory("demo");
  await streams.take(await described(ann));
  expect(await streams.take(await described(bob, { epoch: 99 }))).toBeNull();
  await streams.take(await described(ann, { revision: 2, state: "ended" }));
  expect((await streams.take(await described(bob)))?.publisher).toBe(bob.id);
});

test("a room is live while one of its streams is", async () => {
  const streams = new StreamDirectory("demo");
  expect(isLive(streams)).toBe(false);
  await streams.take(await described(ann));
  await streams.take(await described(ann, { stream: "other", state: "ended" }));
  expect(isLive(streams)).toBe(true);
  await streams.take(await described(ann, { revision: 2, state: "offline" }));
  expect(isLive(streams)).toBe(false);
});

test("two copies that are verified at the same time are one piece of news", async () => {
  const streams = new StreamDirectory("demo");
  const raw = await described(ann);
  const taken = await Promise.all([streams.take(raw), streams.take(raw.slice())]);
  expect(taken.filter((known) => known !== null).length).toBe(1);
});

test("a forged description is an error, and changes nothing", async () => {
  const streams = new StreamDirectory("demo");
  const raw = await described(ann);
  raw[40] = (raw[40] ?? 0) ^ 1;
  await expect(streams.take(raw)).rejects.toThrow(DescriptionError);
  expect([...streams]).toEqual([]);
});

test("a room has so many streams and no more", async () => {
  const streams = new StreamDirectory("demo");
  const raws = await Promise.all(
    Array.from({ length: 20 }, (_, index) => described(ann, { stream: `s${index}` })),
  );
  for (const raw of raws) await streams.take(raw);
  expect([...streams].length).toBe(16);
});

test("a braid is named by publisher, room, stream and rendition", async () => {
  const streams = new StreamDirectory("demo");
  const known = await streams.take(await described(ann));
  expect(known && braidOf(known, "360p")).toBe(braidId(ann.key, "demo", "main", "360p"));
});
