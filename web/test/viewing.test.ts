import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Carrier, CarrierOptions } from "../src/carrier.ts";
import { Clocks } from "../src/clocks.ts";
import { Counters } from "../src/core/counters.ts";
import type { Rendition, StreamDescription } from "../src/description.ts";
import type { Node } from "../src/node.ts";
import type { PartSink } from "../src/room.ts";
import { FIRST, Seal } from "../src/seal.ts";
import { braidOf, type KnownStream } from "../src/streams.ts";
import { Viewing } from "../src/viewing.ts";
import { decode, type Message } from "../src/wire.ts";

const INIT = new Uint8Array([1]);
const RENDITION: Rendition = {
  id: "360p",
  codecs: "opus",
  width: 0,
  height: 0,
  frameRate: 0,
  bandwidth: 64000,
  stripes: 4,
  inits: [INIT],
};

function stream(changes: Partial<StreamDescription> = {}, key = 1): KnownStream {
  return {
    key: new Uint8Array(32).fill(key),
    publisher: `${key}`.padStart(32, "0"),
    raw: new Uint8Array(),
    description: {
      room: "demo",
      stream: "main",
      title: "",
      state: "live",
      epoch: 5,
      revision: 1,
      partDuration: 0.1,
      origins: [],
      renditions: [RENDITION],
      ...changes,
    },
  };
}

/** A node whose carriers bring what the test says. */
class Carrying {
  readonly carried: (CarrierOptions & { id: string; counters: Counters; stopped: boolean })[] = [];
  readonly carries: boolean[] = [];
  readonly planned: (readonly string[])[] = [];
  /** Peer ids with a link, by which all stripes come. */
  readonly neighbours = new Map<string, unknown>();
  readonly window = {
    newest: -1,
    epoch: 5,
    get: (_number: number): unknown => undefined,
    numbers: (): number[] => [],
  };
  readonly said: (Message | null)[] = [];
  readonly mesh = { peers: [], send: (_peer: string, data: Uint8Array) => this.said.push(decode(data)) };
  readonly watched: Carrier[] = [];
  readonly clocks = new Clocks();
  readonly streams = { get: () => this.known };
  known: KnownStream | null = null;

  carry(known: KnownStream, rendition: Rendition, options: CarrierOptions): Carrier {
    const counters = new Counters();
    const carrier = { ...options, id: braidOf(known, rendition.id), counters, stopped: false };
    this.carried.push(carrier);
    return {
      ...carrier,
      stream: known,
      rendition,
      stripes: rendition.stripes,
      partDuration: known.description.partDuration,
      core: {
        counters,
        stripeParents: () => [],
        stripeChildren: () => [],
        buffer: () => {},
        setOrigins: () => {},
        publisher: known.publisher,
        neighbours: this.neighbours,
        upstreams: { allFed: () => this.neighbours.size > 0 },
        window: this.window,
      },
      withdrawn: false,
      withdraw(this: { withdrawn: boolean }) {
        this.withdrawn = true;
      },
      plan: ({ parents }: { parents: readonly string[] }) => this.planned.push(parents),
      stop: () => {
        carrier.stopped = true;
      },
    } as unknown as Carrier;
  }
  stopCarrying(carrier: Carrier): void {
    (carrier as unknown as { stop(): void }).stop();
  }
  watch(carrier: Carrier): void {
    this.watched.push(carrier);
  }
  setCarries(_carrier: Carrier, carries: boolean): void {
    this.carries.push(carries);
  }
}

let node: Carrying;
let shown: unknown[];
let stopped: number;

const sink: PartSink = {
  init: (data) => shown.push(["init", data[0]]),
  part: ({ epoch, number }) => shown.push([epoch, number]),
  gap: (seconds) => shown.push(["gap", seconds]),
};

afterEach(() => {
  vi.useRealTimers();
});

beforeEach(() => {
  node = new Carrying();
  shown = [];
  stopped = 0;
});

function viewing(mode: "on" | "leaf" | "off" = "on"): Viewing {
  const made = new Viewing("main", sink, mode, () => {
    stopped += 1;
  });
  made.attach(node as unknown as Node);
  return made;
}

function bring(epoch: number, number: number, init = INIT): void {
  const seal = new Seal({
    flags: 0,
    stripes: 4,
    blocks: 4,
    braid: "00".repeat(8),
    epoch,
    number,
    segment: 1,
    index: 0,
    init: 0,
    mediaTime: 0,
    duration: 100_000,
    captureTime: 0,
    size: 1,
    root: new Uint8Array(16),
    previous: FIRST,
  });
  node.carried.at(-1)?.onPart({ seal, data: new Uint8Array(), init }, RENDITION);
}

test("a stream that begins later is watched when it does", () => {
  const watch = viewing();
  expect(watch.stats.rendition).toBeNull();
  expect(watch.publisherNow()).toBeNull();
  watch.described(stream({ stream: "other" }));
  watch.described(stream({ renditions: [] }));
  watch.described(stream({ state: "ended" }));
  expect(node.carried).toEqual([]);
  watch.described(stream());
  expect(watch.stats.rendition).toBe("360p");
});

test("an init segment comes before the parts that need it, and what is left out is told", () => {
  node.known = stream();
  viewing();
  bring(5, 3);
  bring(5, 4);
  bring(5, 7);
  bring(5, 8, new Uint8Array([2]));
  bring(6, 0, new Uint8Array([2]));
  expect(shown).toEqual([
    ["init", 1],
    [5, 3],
    [5, 4],
    ["gap", 0.2],
    [5, 7],
    ["init", 2],
    [5, 8],
    ["init", 2],
    [6, 0],
  ]);
});

test("switching links off and on goes on where the picture was, and counts on", () => {
  node.known = stream();
  const watch = viewing();
  bring(5, 0);
  bring(5, 1);
  node.carried[0]?.counters.received("viewer", 1000);
  watch.setP2p("off");
  expect(node.carried.map(({ linked, stopped }) => [linked, stopped])).toEqual([
    [true, true],
    [false, false],
  ]);
  bring(5, 0);
  bring(5, 1);
  bring(5, 2);
  expect(shown.slice(-2)).toEqual([
    [5, 1],
    [5, 2],
  ]);
  Object.assign(node.carried[1]?.counters ?? {}, { fromHttp: 500 });
  expect(watch.stats).toMatchObject({ bytesFromPeers: 1000, bytesFromOrigin: 500 });
  watch.setP2p("leaf");
  expect(node.carried[2]).toMatchObject({ linked: true, carries: false });
  watch.setP2p("on");
  watch.setP2p("on");
  expect([node.carried.length, node.carries]).toEqual([3, [true]]);
});

test("another publisher, or a stream cut otherwise, is another braid", () => {
  node.known = stream();
  const watch = viewing();
  watch.described(stream({ epoch: 6 }));
  expect(node.carried.length).toBe(1);
  watch.described(stream({ epoch: 7, renditions: [{ ...RENDITION, stripes: 8 }] }));
  watch.described(stream({ epoch: 8, renditions: [{ ...RENDITION, stripes: 8 }], partDuration: 0.2 }));
  watch.described(stream({}, 2));
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([true, true, true, false]);
});

test("a node that goes away takes nothing with it", () => {
  node.known = stream();
  const watch = viewing();
  bring(5, 0);
  watch.detach();
  expect(node.carried[0]?.stopped).toBe(true);
  watch.buffer(1);
  watch.setP2p("off");
  node = new Carrying();
  node.known = stream();
  watch.attach(node as unknown as Node);
  expect(node.carried[0]?.linked).toBe(false);
  bring(5, 0);
  bring(5, 1);
  expect(shown).toEqual([
    ["init", 1],
    [5, 0],
    [5, 1],
  ]);
  watch.stop();
  expect([node.carried[0]?.stopped, stopped]).toEqual([true, 1]);
});

const LOW: Rendition = { ...RENDITION, id: "180p", bandwidth: 32000, inits: [new Uint8Array([9])] };

/** A part of the carrier that was begun as the `of`th. */
function bringOf(of: number, number: number, independent = number % 10 === 0): void {
  const rendition = of % 2 === 0 ? RENDITION : LOW;
  const init = rendition.inits[0] as Uint8Array;
  const seal = new Seal({
    flags: independent ? 1 : 0,
    stripes: 4,
    blocks: 4,
    braid: "00".repeat(8),
    epoch: 5,
    number,
    segment: 1,
    index: 0,
    init: 0,
    mediaTime: number * 100_000,
    duration: 100_000,
    captureTime: 0,
    size: 1,
    root: new Uint8Array(16),
    previous: FIRST,
  });
  node.carried[of]?.onPart({ seal, data: new Uint8Array(), init }, rendition);
}

test("another rendition is joined before the first is left, and goes on where that was", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  watch.buffer(0.4);
  for (let number = 0; number < 13; number += 1) bringOf(0, number);
  node.carried[0]?.counters.received("viewer", 1000);
  await watch.choose("180p");
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([false, false]);
  expect(watch.stats.rendition).toBe("360p");
  watch.buffer(0.4);
  for (let number = 10; number < 15; number += 1) bringOf(1, number);
  watch.described(stream({ revision: 2, renditions: [RENDITION, LOW] }));
  for (let number = 13; number < 20; number += 1) bringOf(0, number);
  for (let number = 15; number < 23; number += 1) bringOf(1, number);
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([true, false]);
  expect(watch.stats.rendition).toBe("180p");
  bringOf(1, 23);
  expect(shown).toEqual([
    ["init", 1],
    ...Array.from({ length: 20 }, (_, number) => [5, number]),
    ["init", 9],
    ...Array.from({ length: 4 }, (_, number) => [5, 20 + number]),
  ]);
  node.carried[1]?.counters.received("viewer", 500);
  expect(watch.stats.bytesFromPeers).toBe(1500);
});

test("what is chosen while another change is under way, or back again, ends that", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  bringOf(0, 0);
  await watch.choose("180p");
  node.carried[1]?.counters.received("viewer", 700);
  await watch.choose("360p");
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([false, true]);
  expect(watch.stats.bytesFromPeers).toBe(700);
  await watch.choose("1080p");
  expect(node.carried.length).toBe(2);
  bringOf(0, 1);
  expect(shown.at(-1)).toEqual([5, 1]);
});

test("what is too much is left at once, and links bring the other before anything is asked over HTTP", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  node.neighbours.set(node.known.publisher, {});
  const watch = viewing();
  watch.buffer(0.4);
  for (let number = 0; number < 13; number += 1) bringOf(0, number);
  await watch.choose("180p", null);
  expect(node.carried[1]?.linksFirst).toBe(true);
  expect(node.planned).toEqual([new Array(4).fill(node.known.publisher)]);
  for (let number = 10; number < 14; number += 1) bringOf(1, number);
  expect(watch.stats.rendition).toBe("180p");
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([true, false]);
  expect(shown.slice(-5)).toEqual([["init", 9], ...[10, 11, 12, 13].map((number) => [5, number])]);
});

/** Links to the publisher, and parts of a group that began 250 ms ago; each tenth begins one. */
function linkedFor(known: KnownStream): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  node.neighbours.set(known.publisher, {});
  const now = performance.now() / 1000;
  node.window.numbers = () => [0, 10, 11, 12];
  node.window.get = (number) => ({
    firstSeen: now - 0.25 + (number - 10) / 10,
    seal: { independent: number % 10 === 0, mediaTime: number / 10 },
  });
}

function wanted(...numbers: number[]): Message[] {
  const braid = node.carried[1]?.id as string;
  return numbers.map((number) => ({ type: "want", braid, epoch: 5, number, blocks: [] }));
}

test("on a narrow way the other's parts are asked for one by one, then it is followed as any", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  linkedFor(node.known);
  await watch.choose("180p", null);
  expect(node.watched).toEqual([]);
  vi.advanceTimersByTime(120);
  for (let number = 10; number < 14; number += 1) bringOf(1, number);
  expect(node.said).toEqual(wanted(10, 11, 12, 13));
  expect(node.planned).toEqual([new Array(4).fill(node.known.publisher)]);
  expect(node.watched.map(({ id }) => id)).toEqual([node.carried[1]?.id]);
});

test("a change that is over asks for nothing any more", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  linkedFor(node.known);
  await watch.choose("180p", null);
  watch.stop();
  vi.advanceTimersByTime(1000);
  expect([...node.said, ...node.watched]).toEqual([]);
});

test("a better rendition is tried part by part before it is followed", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  linkedFor(node.known);
  await watch.choose("180p", 2);
  vi.advanceTimersByTime(500);
  expect(node.said).toEqual(wanted(17));
  node.window.get = () => null;
  vi.advanceTimersByTime(1000);
  expect(node.watched.map(({ id }) => id)).toEqual([node.carried[1]?.id]);
});

test("what was left at once is joined again when it is chosen again", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  bringOf(0, 0);
  await watch.choose("180p", null);
  expect(node.planned).toEqual([]);
  await watch.choose("360p");
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([true, true, false]);
  expect(watch.stats.rendition).toBe("360p");
});

test("the newest part that anything was heard of tells how late it is", () => {
  expect(viewing().heard).toBeNull();
  node.known = stream();
  expect(viewing().heard).toBeNull();
  node.window.get = () => ({ firstSeen: 7, seal: { mediaTime: 3e6 } });
  expect(viewing().heard).toEqual({ at: 7, mediaTime: 3 });
});

test("a change goes on from what it came to", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  watch.buffer(0.4);
  bringOf(0, 9);
  bringOf(0, 10);
  await watch.choose("180p");
  bringOf(0, 19);
  bringOf(1, 20);
  bringOf(1, 21);
  await watch.choose("360p");
  watch.buffer(0.4);
  bringOf(1, 29);
  bringOf(2, 30);
  bringOf(1, 30);
  bringOf(2, 31);
  expect(watch.stats.rendition).toBe("360p");
  expect(node.carried.map(({ stopped }) => stopped)).toEqual([true, true, false]);
  expect(shown.slice(-4)).toEqual([
    [5, 29],
    ["init", 1],
    [5, 30],
    [5, 31],
  ]);
});

test("links are switched off in the middle of a change: what is watched goes on, and the change is over", async () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const watch = viewing();
  bringOf(0, 10);
  await watch.choose("180p");
  watch.setP2p("off");
  expect(node.carried.map(({ stopped, linked }) => [stopped, linked])).toEqual([
    [true, true],
    [true, true],
    [false, false],
  ]);
  watch.stop();
  expect(node.carried.every((carrier) => carrier.stopped)).toBe(true);
});

test("a viewer begins with the rendition that it wants, or the best", () => {
  node.known = stream({ renditions: [RENDITION, LOW] });
  const begun = (wanted: string) => {
    const made = new Viewing("main", sink, "on", () => {}, wanted);
    made.attach(node as unknown as Node);
    return made.stats.rendition;
  };
  expect([begun("180p"), begun("1080p")]).toEqual(["180p", "360p"]);
});
