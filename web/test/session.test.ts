import { afterEach, expect, test, vi } from "vitest";
import type { LinkReason } from "../src/core/link-actions.ts";
import { BUFFER_LIMIT, type Channel, type Link, type LinkEvents } from "../src/links/link.ts";
import { EARLY_BLOCKS, hello, SessionLink } from "../src/links/session.ts";
import { encode, type Hello, MALFORMED, MAX_MESSAGE, TOO_LARGE, UNEXPECTED } from "../src/wire.ts";

const PING = encode({ type: "ping", publisher: "70".repeat(16), t0: 1 });
const BLOCK = new Uint8Array([0x10, 1, 2, 3]);
const PROBE = encode({ type: "probe", braid: "62".repeat(8), train: 0, count: 4, size: 1100 });
const UNKNOWN = new Uint8Array([0x7f, 1]);

class Diary implements LinkEvents {
  events: unknown[][] = [];
  opened(_link: Link): void {
    this.events.push(["opened"]);
  }
  message(_link: Link, data: Uint8Array, channel: Channel): void {
    this.events.push(["message", data, channel]);
  }
  drained(_link: Link, channel: Channel): void {
    this.events.push(["drained", channel]);
  }
  closed(_link: Link, reason: LinkReason): void {
    this.events.push(["closed", reason]);
  }
}

/** One end of a transport that hands messages over when `Pair.run` says so. */
class Wire extends SessionLink {
  queue: [Uint8Array | string, Channel][] = [];
  backlog = 0;
  releases: boolean[] = [];

  buffered(_channel: Channel): number {
    return this.backlog;
  }
  override arrived(data: Uint8Array | string, channel: Channel): void {
    super.arrived(data, channel);
  }
  override channelsOpened(): void {
    super.channelsOpened();
  }
  override lost(reason: LinkReason): void {
    super.lost(reason);
  }
  protected transmit(data: Uint8Array, channel: Channel): boolean {
    this.queue.push([data, channel]);
    return true;
  }
  protected release(saidBye: boolean): void {
    this.releases.push(saidBye);
  }
}

class Pair {
  readonly a: Wire;
  readonly b: Wire;
  constructor(
    readonly atA: Diary = new Diary(),
    readonly atB: Diary = new Diary(),
    greeting: Hello = hello("a"),
  ) {
    this.a = new Wire("01".repeat(16), "02".repeat(8), greeting, atA);
    this.b = new Wire("03".repeat(16), "02".repeat(8), hello("b", ["x"]), atB);
  }
  run(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [sender, receiver] of [
        [this.a, this.b],
        [this.b, this.a],
      ] as const) {
        for (const [data, channel] of sender.queue.splice(0)) {
          moved = true;
          receiver.arrived(data, channel);
        }
      }
    }
  }
  open(): this {
    this.a.channelsOpened();
    this.b.channelsOpened();
    this.run();
    expect(this.atA.events).toEqual([["opened"]]);
    expect(this.atB.events).toEqual([["opened"]]);
    this.atA.events = [];
    this.atB.events = [];
    return this;
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test("a link is open when both hellos came", () => {
  const pair = new Pair();
  pair.a.channelsOpened();
  expect(pair.a.send(PING, "control")).toBe(false);
  pair.b.channelsOpened();
  pair.run();
  expect(pair.a.remoteHello).toEqual(hello("b", ["x"]));
  expect(pair.atB.events).toEqual([["opened"]]);
});

test("messages go through and are counted", () => {
  const pair = new Pair().open();
  pair.a.send(PING, "control");
  pair.a.send(BLOCK, "blocks");
  pair.a.send(PROBE, "blocks");
  pair.a.send(UNKNOWN, "control");
  pair.run();
  expect(pair.atB.events).toEqual([
    ["message", PING, "control"],
    ["message", BLOCK, "blocks"],
    ["message", PROBE, "blocks"],
    ["message", UNKNOWN, "control"],
  ]);
  expect(pair.a.sentBytes).toEqual(pair.b.receivedBytes);
  expect(pair.b.receivedBytes.blocks).toBe(BLOCK.length + PROBE.length);
});

test("blocks that overtake hello wait for it, up to a bound", () => {
  const pair = new Pair();
  pair.a.channelsOpened();
  pair.b.channelsOpened();
  const greeting = pair.a.queue.shift() as [Uint8Array, Channel];
  for (let index = 0; index < EARLY_BLOCKS + 5; index++) pair.b.arrived(BLOCK, "blocks");
  expect(pair.atB.events).toEqual([]);
  pair.b.arrived(...greeting);
  expect(pair.atB.events.length).toBe(1 + EARLY_BLOCKS);
});

const large = (type: number): Uint8Array => new Uint8Array(MAX_MESSAGE + 1).fill(type);
test.each<[string, Uint8Array | string, Channel, number]>([
  ["a large message", large(0x12), "control", TOO_LARGE],
  ["a large block", large(0x10), "blocks", TOO_LARGE],
  ["a text", "text", "control", MALFORMED],
  ["an empty message", new Uint8Array(), "control", MALFORMED],
  ["a block on control", BLOCK, "control", UNEXPECTED],
  ["a ping on blocks", PING, "blocks", UNEXPECTED],
  ["a second hello", encode(hello("again")), "control", UNEXPECTED],
])("%s is answered with ERROR and ends the link", (_name, data, channel, code) => {
  const pair = new Pair().open();
  pair.b.arrived(data, channel);
  expect(pair.atB.events).toEqual([["closed", "protocol-error"]]);
  expect(pair.b.error?.code).toBe(code);
  pair.run();
  expect(pair.atA.events).toEqual([["closed", "protocol-error"]]);
  expect(pair.a.error).toEqual(pair.b.error);
});

test("anything before hello ends the link", () => {
  const pair = new Pair();
  pair.a.channelsOpened();
  pair.b.channelsOpened();
  pair.b.arrived(PING, "control");
  expect(pair.atB.events).toEqual([["closed", "protocol-error"]]);
});

test("an unknown version is answered with a sentence", () => {
  const pair = new Pair(new Diary(), new Diary(), { ...hello("from the future"), version: 2 });
  pair.a.channelsOpened();
  pair.b.channelsOpened();
  pair.run();
  expect(pair.a.error?.sentence).toMatch("speaks version 2");
});

test.each<[LinkReason, LinkReason]>([
  ["leaving", "leaving"],
  ["bad-block", "bad-block"],
  ["glare", "not-needed"],
])("bye for %s is heard as %s", (said, heard) => {
  const pair = new Pair().open();
  pair.a.close(said);
  pair.a.close(said);
  pair.run();
  expect(pair.atA.events).toEqual([]);
  expect(pair.atB.events).toEqual([["closed", heard]]);
  expect([pair.a.releases, pair.b.releases]).toEqual([[true], [false]]);
  expect(pair.a.send(PING, "control")).toBe(false);
});

test("a lost transport is told once, and nothing is heard after it", () => {
  const pair = new Pair().open();
  pair.b.lost("lost");
  pair.b.lost("lost");
  pair.b.arrived(PING, "control");
  expect(pair.atB.events).toEqual([["closed", "lost"]]);
});

test("a full buffer takes no more, and too large is an error", () => {
  const pair = new Pair().open();
  pair.a.backlog = BUFFER_LIMIT;
  expect(pair.a.send(PING, "control")).toBe(false);
  expect(() => pair.a.send(large(1), "control")).toThrow(RangeError);
});

test("a failure behind a message ends its link only", () => {
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
  const clumsy = new Diary();
  clumsy.message = () => {
    throw new TypeError("a bug of ours");
  };
  const pair = new Pair(new Diary(), clumsy).open();
  pair.a.send(PING, "control");
  pair.run();
  expect(clumsy.events).toEqual([["closed", "protocol-error"]]);
  expect(reported).toHaveLength(1);
  expect(pair.atA.events).toEqual([["closed", "protocol-error"]]);
});
