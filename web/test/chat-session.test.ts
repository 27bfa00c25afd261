import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ChatEvents, ChatSession } from "../src/chat-session.ts";
import { ChatError } from "../src/core/chat-acts.ts";
import type { Entry } from "../src/core/chat-message.ts";
import { fromSeed } from "../src/identity.ts";
import type { Moderate } from "../src/signaling-types.ts";
import { encodeChat } from "../src/wire-chat.ts";
import { company, type MemoryPeer, settled } from "./memory-links.ts";

beforeEach(() => {
  vi.stubGlobal("RTCPeerConnection", () => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
});

interface Person {
  peer: MemoryPeer;
  chat: ChatSession;
  heard: Entry[];
  /** What the introducer was told, and why one was removed. */
  told: Moderate[];
  removed: string[];
}

/** So many people, not linked yet, who talk over their links. The first of them owns the room. */
async function people(count: number): Promise<Person[]> {
  const peers = company(count);
  const owner = (await fromSeed(new Uint8Array(32).fill(100))).key;
  return Promise.all(
    peers.map(async (peer, index) => {
      const [heard, told, removed]: [Entry[], Moderate[], string[]] = [[], [], []];
      const identity = await fromSeed(new Uint8Array(32).fill(100 + index));
      const events: ChatEvents = {
        changed: (entry) => {
          if (entry !== null) heard.push(entry);
        },
        tell: (message) => {
          if (message.type === "moderate") told.push(message);
        },
        removed: (sentence) => removed.push(sentence),
      };
      const chat = new ChatSession("demo", identity, events, owner);
      chat.use(peer.mesh);
      peer.onLink = (other, open) => (open ? chat.linkOpened(other, 2) : chat.linkClosed(other));
      peer.onRaw = (other, data) => chat.receivedRaw(other, data);
      return { peer, chat, heard, told, removed };
    }),
  );
}

async function link(one: Person, other: Person): Promise<void> {
  one.peer.mesh.befriend(other.peer.id);
  await settled();
}

/** Until timers and signatures have had their say. */
async function until(condition: () => boolean, all: Person[]): Promise<void> {
  await vi.waitFor(
    () => {
      for (const { chat } of all) chat.handleTimer(performance.now() / 1000);
      expect(condition()).toBe(true);
    },
    { timeout: 10_000, interval: 5 },
  );
}

const texts = ({ chat }: Person) => chat.messages().map(({ text }) => text);

test("what one says the others hear, along a chain of links", async () => {
  const all = (await people(3)) as [Person, Person, Person];
  await link(all[0], all[1]);
  await link(all[1], all[2]);
  await all[0].chat.say("Hello", "Ann");
  await until(() => all.every(({ heard }) => heard.length === 1), all);
  expect(all.map(texts)).toEqual([["Hello"], ["Hello"], ["Hello"]]);
  expect(all[2].heard[0]).toMatchObject({ text: "Hello", name: "Ann", clock: 1 });
});

test("what was said before a link opened comes with it", async () => {
  const all = (await people(2)) as [Person, Person];
  await all[0].chat.say("Nobody here?", "Ann");
  expect(all[0].chat.log.unsent).toBe(1);
  await link(all[0], all[1]);
  await until(() => texts(all[1]).length === 1, all);
});

test("who is writing is seen at the other end of a link, until they stop", async () => {
  const all = (await people(2)) as [Person, Person];
  await link(all[0], all[1]);
  all[0].chat.writes(true);
  await until(() => all[1].chat.writing.length === 1, all);
  expect(all[1].chat.writing).toEqual([all[0].peer.id]);
  all[0].chat.writes(false);
  await until(() => all[1].chat.writing.length === 0, all);
});

test("nonsense about who is writing ends the link", async () => {
  const all = (await people(2)) as [Person, Person];
  await link(all[0], all[1]);
  [...all[0].peer.links.values()][0]?.inject(Uint8Array.of(0x46, 7), "control");
  await until(() => all[1].peer.told.includes("closed"), all);
  expect(all[1].chat.writing).toEqual([]);
});

test("texts that are said at once keep their order", async () => {
  const all = (await people(2)) as [Person, Person];
  await link(all[0], all[1]);
  const said = ["one", "two", "three", "four"];
  await Promise.all(said.map((text) => all[0].chat.say(text, "")));
  await until(() => texts(all[1]).length === 4, all);
  expect([texts(all[0]), texts(all[1])]).toEqual([said, said]);
  expect(all[1].chat.messages().map(({ clock }) => clock)).toEqual([1, 2, 3, 4]);
});

test("a text that cannot be said is an error of its own", async () => {
  const [one] = (await people(1)) as [Person];
  await expect(one.chat.say("", "Ann")).rejects.toThrow(ChatError);
  await one.chat.say("Still here", "Ann");
  expect(texts(one)).toEqual(["Still here"]);
});

test("a message that was altered on its way ends the link and is not shown", async () => {
  const all = (await people(2)) as [Person, Person];
  await all[0].chat.say("True", "Ann");
  const draft = all[0].chat.log.compose("False", "Ann", 1, performance.now() / 1000);
  await link(all[0], all[1]);
  await until(() => texts(all[1]).length === 1, all);
  const forged = encodeChat({ type: "chatMessage", ...draft, signature: new Uint8Array(64) });
  [...all[0].peer.links.values()][0]?.inject(forged, "control");
  await until(() => all[1].peer.told.includes("closed"), all);
  expect(texts(all[1])).toEqual(["True"]);
  expect(all[1].peer.mesh.malformed).toBe(1);
});

test("a session goes on over another mesh", async () => {
  const all = (await people(2)) as [Person, Person];
  await link(all[0], all[1]);
  await all[0].chat.say("Before", "");
  await until(() => texts(all[1]).length === 1, all);
  all[0].chat.use(null);
  await all[0].chat.say("Between", "");
  expect(texts(all[0])).toEqual(["Before", "Between"]);
  all[0].chat.use(all[0].peer.mesh);
  all[0].chat.linkOpened(all[1].peer.id, 2);
  await until(() => texts(all[1]).length === 2, all);
});

test("whom the owner bans is told why, and the introducer is told of it", async () => {
  const all = (await people(3)) as [Person, Person, Person];
  const [owner, ann, bob] = all;
  await link(owner, ann);
  await link(ann, bob);
  await bob.chat.say("Rude", "Bob");
  await until(() => texts(owner).length === 1, all);
  const subject = owner.chat.messages()[0]?.key ?? "";
  await expect(ann.chat.rule("ban", { subject })).rejects.toThrow("Only the owner of the room");
  await owner.chat.rule("kick", { subject });
  await owner.chat.rule("ban", { subject, reason: "spam" });
  await until(() => bob.removed.length === 2, all);
  expect(bob.removed).toEqual([
    "You were removed from this room: come back in ten minutes.",
    "You are banned from this room.",
  ]);
  expect(owner.told.map(({ measures }) => measures.length)).toEqual([1, 1]);
  expect(ann.told).toEqual([]);
  owner.chat.introduced();
  ann.chat.introduced();
  expect(owner.told.map(({ measures }) => measures.length)).toEqual([1, 1, 2]);
  expect(ann.told).toEqual([]);
  await expect(bob.chat.say("Hello?", "Bob")).rejects.toThrow("You are banned from this room.");
  expect(bob.chat.silenced).toBe("You are banned from this room.");
  expect(texts(ann)).toEqual(["Rude"]);
});
