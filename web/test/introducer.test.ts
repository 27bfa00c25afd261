import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fromBase64url, toBase64url } from "../src/encoding.ts";
import { fromSeed, type Identity, joinPayload, TAG_JOIN, verify } from "../src/identity.ts";
import { Introducer, type IntroducerEvent, type IntroducerOptions, websocketUrl } from "../src/introducer.ts";
import { readServerMessage } from "../src/signaling.ts";
import type { Hello, Welcome } from "../src/signaling-types.ts";

const NONCE = toBase64url(new Uint8Array(16).fill(7));
const PEER = "ab".repeat(16);
const challenge = { type: "challenge", versions: [1], capabilities: [], nonce: NONCE };
const joined = { type: "joined", peer: PEER, name: "Ann", role: "viewer", count: 2 };

function welcome(session = "first", heartbeat = 10): Welcome {
  return {
    type: "welcome",
    version: 1,
    peer: PEER,
    session,
    ice_servers: [],
    heartbeat,
    roster: [],
    count: 1,
    streams: [],
  };
}

const error = (code: string, fatal = true) => ({ type: "error", code, message: "So it is.", fatal });

/** The client's end of a socket whose other end is the test. */
class Socket {
  readyState = 0;
  bufferedAmount = 0;
  closed = false;
  sent: { type: string; [field: string]: unknown }[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 3;
    this.closed = true;
  }
  say(...messages: unknown[]): void {
    this.readyState = 1;
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }
  break(): void {
    this.readyState = 3;
    this.onclose?.();
  }
  async hello(): Promise<Hello> {
    this.say(challenge);
    await vi.waitFor(() => expect(this.sent.length).toBeGreaterThan(0));
    return this.sent.shift() as unknown as Hello;
  }
  async join(answer: unknown = welcome()): Promise<Hello> {
    const hello = await this.hello();
    this.say(answer);
    return hello;
  }
  get types(): string[] {
    return this.sent.map((message) => message.type);
  }
}

let identity: Identity;
let sockets: Socket[];
let events: IntroducerEvent[];

beforeEach(async () => {
  identity = await fromSeed(new Uint8Array(32).fill(1));
  sockets = [];
  events = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

function start(options: Partial<IntroducerOptions> = {}): Introducer {
  const client = new Introducer("http://host:8000", "demo", identity, (event) => events.push(event), {
    role: "viewer",
    chance: () => 0,
    open: () => {
      sockets.push(new Socket());
      return sockets.at(-1) as unknown as WebSocket;
    },
    ...options,
  });
  client.start();
  return client;
}

const last = (): Socket => sockets.at(-1) as Socket;
const types = (): string[] => events.map((event) => event.type);

test("the hello proves the key, and the welcome is told", async () => {
  const client = start({ name: "Ann", token: "secret", role: "member" });
  const hello = await last().join();
  const key = fromBase64url(hello.key);
  const payload = joinPayload("demo", fromBase64url(NONCE), key, fromBase64url(hello.nonce));
  expect(await verify(key, TAG_JOIN, payload, fromBase64url(hello.signature))).toBe(true);
  expect(hello).toMatchObject({ name: "Ann", token: "secret", role: "member", session: null });
  expect(hello.nonce).toBe(client.nonce);
  expect(events).toEqual([{ type: "up", welcome: welcome(), resumed: false }]);
});

test("a dropped socket is resumed and told what holds", async () => {
  const client = start();
  await last().join();
  client.watch("main", "360p", true, null);
  client.watch("main", "720p", true, 5);
  client.watch("main", "360p", false, null);
  expect(last().types).toEqual(["watch", "watch", "watch"]);
  last().break();
  expect(events.at(-1)).toEqual({
    type: "down",
    sentence: "The introducer has closed the connection.",
    retry: 0.25,
  });
  expect(client.send({ type: "neighbours", links: 1 })).toBe(false);
  client.unwatch("main", "720p");
  vi.advanceTimersByTime(250);
  const hello = await last().join();
  expect(hello.session).toBe("first");
  expect(hello.nonce).toBe(client.nonce);
  expect(events.at(-1)).toMatchObject({ type: "up", resumed: true });
  expect(last().sent).toEqual([
    { type: "unwatch", stream: "main", rendition: "720p" },
    { type: "watch", stream: "main", rendition: "360p", carry: false, uplink: null, parity: false },
  ]);
});

test("a restarted server gives a new session and is told what holds", async () => {
  const client = start();
  await last().join();
  client.watch("main", "360p", true, null);
  last().break();
  client.unwatch("main", "360p");
  client.watch("main", "720p", true, null);
  vi.advanceTimersByTime(250);
  await last().join(welcome("second"));
  expect(events.at(-1)).toMatchObject({ type: "up", resumed: false });
  expect(last().types).toEqual(["watch"]);
});

test("a session that is not known any more is given up", async () => {
  start();
  await last().join();
  last().break();
  vi.advanceTimersByTime(250);
  await last().join(error("unknown-session"));
  vi.advanceTimersByTime(500);
  expect((await last().hello()).session).toBeNull();
});

test.each(["refused", "signature", "room-full", "version", "duplicate"])(
  "%s ends it with one sentence",
  async (code) => {
    start();
    await last().join(error(code));
    expect(events).toEqual([{ type: "refused", code, sentence: "So it is." }]);
    expect(last().closed).toBe(true);
    vi.advanceTimersByTime(600_000);
    expect(sockets).toHaveLength(1);
  },
);

test("a version that we do not speak ends it with one sentence", () => {
  start();
  last().say({ ...challenge, versions: [2, 3] });
  expect(events).toMatchObject([{ type: "refused", code: "version" }]);
  expect((events[0] as { sentence: string }).sentence).toMatch("speaks version 2, 3");
});

test("another page with our key ends this one, which does not come back", async () => {
  start();
  await last().join();
  last().say(error("duplicate"));
  last().break();
  expect(types()).toEqual(["up", "refused"]);
  vi.advanceTimersByTime(600_000);
  expect(sockets).toHaveLength(1);
});

test("a room that is full after a restart is tried again", async () => {
  start();
  await last().join();
  last().break();
  vi.advanceTimersByTime(250);
  await last().join(error("room-full"));
  expect(types()).toEqual(["up", "down", "down"]);
});

test("pauses grow to a bound, and begin anew after a steady time", async () => {
  start();
  const pauses = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    last().break();
    const { retry } = events.at(-1) as { retry: number };
    pauses.push(retry);
    vi.advanceTimersByTime(retry * 1000);
  }
  expect(pauses).toEqual([0.25, 0.5, 1, 2, 4, 7.5, 7.5, 7.5]);
  await last().join(welcome("first", 1000));
  vi.advanceTimersByTime(20_000);
  last().break();
  expect(events.at(-1)).toMatchObject({ retry: 0.25 });
});

test("a server that hangs is left after a while", async () => {
  start();
  await last().hello();
  vi.advanceTimersByTime(10_000);
  expect(events.at(-1)).toMatchObject({ type: "down", sentence: "The introducer does not answer." });
  expect(last().closed).toBe(true);
});

test("two unanswered heartbeats end a socket, answered ones do not", async () => {
  start();
  await last().join();
  for (let beat = 0; beat < 5; beat++) {
    vi.advanceTimersByTime(10_000);
    last().say({ type: "pong" });
  }
  expect(last().types).toEqual(Array(5).fill("ping"));
  expect(types()).toEqual(["up"]);
  vi.advanceTimersByTime(30_000);
  expect(events.at(-1)).toMatchObject({ type: "down", sentence: "The introducer has fallen silent." });
});

test("an error that is not fatal is told and survived", async () => {
  const client = start();
  await last().join();
  last().say(error("unknown-peer", false), joined);
  expect(types()).toEqual(["up", "error", "joined"]);
  expect(client.isUp).toBe(true);
});

test("what is not understood is passed over", async () => {
  start();
  await last().join();
  last().say(
    { type: "weather" },
    { type: "joined", peer: 7 },
    [],
    null,
    { type: "toString" },
    { no: "type" },
  );
  for (const data of [new ArrayBuffer(3), "{", "x".repeat(70_000)]) last().onmessage?.({ data });
  last().say(joined);
  expect(types()).toEqual(["up", "joined"]);
});

test("a socket that takes nothing is given no more", async () => {
  const client = start();
  await last().join();
  last().bufferedAmount = 2 * 1024 * 1024;
  expect(client.send({ type: "neighbours", links: 1 })).toBe(false);
  expect(last().sent).toEqual([]);
});

test("another name is taken by joining again in the same place", async () => {
  const client = start({ name: "Ann" });
  await last().join();
  client.rename("Bea");
  expect(sockets).toHaveLength(2);
  const hello = await last().join();
  expect(hello).toMatchObject({ name: "Bea", session: "first" });
  expect(types()).toEqual(["up", "up"]);
});

test("a name that is taken while the first hello is under way is told as well", async () => {
  const client = start({ name: "Ann" });
  const first = last();
  client.rename("Bea");
  expect(sockets).toHaveLength(2);
  first.say(challenge, welcome());
  expect(types()).toEqual([]);
  expect(await last().join()).toMatchObject({ name: "Bea", session: null });
  expect(types()).toEqual(["up"]);
});

test("a name that is taken while the introducer is away opens nothing", async () => {
  const client = start({ name: "Ann" });
  last().break();
  client.rename("Bea");
  expect(sockets).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(sockets).toHaveLength(2);
  expect(await last().join()).toMatchObject({ name: "Bea" });
});

test("closing says leave and ends everything", async () => {
  const client = start();
  await last().join();
  client.close();
  expect(last().types).toEqual(["leave"]);
  last().break();
  vi.advanceTimersByTime(600_000);
  expect(types()).toEqual(["up"]);
  expect(sockets).toHaveLength(1);
});

test("a socket that the browser does not allow is told", () => {
  start({
    open: () => {
      throw new DOMException("insecure", "SecurityError");
    },
  });
  expect(events).toMatchObject([{ type: "down", sentence: expect.stringContaining("does not allow") }]);
});

test("addresses of introducers", () => {
  expect(websocketUrl("http://host:8000")).toBe("ws://host:8000/ws");
  expect(websocketUrl("https://host/")).toBe("wss://host/ws");
  expect(websocketUrl("https://host/live/")).toBe("wss://host/live/ws");
  expect(() => websocketUrl("ftp://host")).toThrow(TypeError);
});

test("fields with wrong types or beyond their bounds are not messages", () => {
  const read = (message: object): unknown => readServerMessage(JSON.stringify(message));
  const plan = {
    type: "plan",
    stream: "main",
    rendition: "360p",
    braid: "0123456789abcdef",
    sequence: 1,
    parents: [PEER, null],
    standbys: [],
    introductions: [],
    slots: 0,
    children_limit: 0,
  };
  expect(read(plan)).toEqual(plan);
  expect(read({ ...plan, later: true })).toEqual({ ...plan, later: true });
  for (const wrong of [
    { parents: [] },
    { parents: Array(17).fill(null) },
    { parents: ["x"] },
    { sequence: -1 },
    { sequence: 1.5 },
    { standbys: Array(65).fill(PEER) },
    { introductions: [{ peer: PEER }] },
    { stream: "../etc" },
  ]) {
    expect(read({ ...plan, ...wrong })).toBeNull();
  }
});
