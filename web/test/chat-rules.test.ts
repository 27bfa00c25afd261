import { expect, test } from "vitest";
import { ChatError } from "../src/core/chat-acts.ts";
import { ChatLog } from "../src/core/chat-log.ts";
import { ChatRateError, type Draft } from "../src/core/chat-message.ts";
import type { ChatHave, ChatMessage } from "../src/wire.ts";
import { decodeChat } from "../src/wire-chat.ts";

// What the traces of the Python log cannot hold: arguments that only this shell gives, and answers that come late.

const WALL = 1_790_000_000_000;
const ADA = new Uint8Array(32).fill(1);
const BOB = new Uint8Array(32).fill(2);
const PEERS = ["0a".repeat(16), "0b".repeat(16)] as const;
const SIGNATURE = new Uint8Array(64);

function linked(key: Uint8Array): ChatLog {
  const log = new ChatLog("demo", key);
  for (const peer of PEERS) log.linkOpened(peer, 0, PEERS.length);
  log.pollActions();
  return log;
}

function message(draft: Draft): ChatMessage {
  return { type: "chatMessage", ...draft, signature: SIGNATURE };
}

test.each(["chatHave", "chatWant"] as const)("an oversized list of ids ends the link: %s", (type) => {
  const log = linked(ADA);
  const ids = Array.from({ length: 257 }, (_, place) => place.toString(16).padStart(64, "0"));
  log.received(PEERS[0], { type, ids } as ChatHave, 0);
  expect(log.pollActions()).toMatchObject([{ type: "reject", peer: PEERS[0], reason: 3 }]);
});

test("writing too fast is refused with the time to wait", () => {
  const log = linked(ADA);
  for (let place = 0; place < 20; place++) log.compose(`${place}`, "", WALL, 0);
  try {
    log.compose("more", "", WALL, 0);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(ChatRateError);
    expect((error as ChatRateError).wait).toBeCloseTo(0.5);
    log.compose("later", "", WALL, (error as ChatRateError).wait);
  }
});

test.each([
  ["a\ud83c", ""],
  ["a", "n\udf89"],
])("half a character is refused with a sentence", (text, name) => {
  expect(() => linked(ADA).compose(text, name, WALL, 0)).toThrow(ChatError);
});

test("a draft of another, of another room, or one that was said is not said", () => {
  const log = linked(ADA);
  expect(() => log.said(linked(BOB).compose("hi", "", WALL, 0), SIGNATURE, 0)).toThrow("not a new message");
  const elsewhere = new ChatLog("other", ADA).compose("hi", "", WALL, 0);
  expect(() => log.said(elsewhere, SIGNATURE, 0)).toThrow("another room");
  const draft = log.compose("hi", "", WALL, 0);
  expect(log.said(draft, SIGNATURE, 0)).toMatchObject({ text: "hi", clock: 1 });
  expect(() => log.said(draft, SIGNATURE, 0)).toThrow("not a new message");
});

test("messages whose signatures are checked late and out of order come to the same order", () => {
  const bob = new ChatLog("demo", BOB);
  const log = linked(ADA);
  for (const text of ["one", "two", "three"]) {
    const draft = bob.compose(text, "bob", WALL, 0);
    bob.said(draft, SIGNATURE, 0);
    log.received(PEERS[0], message(draft), 0);
  }
  const checks = log.pollActions().filter((action) => action.type === "verify");
  expect(checks).toHaveLength(3);
  const shown: string[] = [];
  for (const check of checks.reverse()) {
    log.verified(check.token, true, 0.1);
    for (const action of log.pollActions()) if (action.type === "deliver") shown.push(action.message.text);
  }
  expect(shown).toEqual(["one", "two", "three"]);
  expect(log.messages().map((entry) => entry.text)).toEqual(shown);
});

test("a message outlives the buffer that it came in", () => {
  const draft = new ChatLog("demo", BOB).compose("kept", "bob", WALL, 0);
  const log = linked(ADA);
  const copy = { header: draft.header.slice(), body: draft.body.slice() };
  log.received(PEERS[0], message(copy), 0);
  copy.header.fill(0);
  copy.body.fill(0);
  log.pollActions();
  log.verified(0, true, 0);
  const sent = log.pollActions().find((action) => action.type === "send");
  expect(sent?.type === "send" && decodeChat(sent.data)).toEqual(message(draft));
});

test("a peer without a link is not listened to, and an answer that nobody waits for changes nothing", () => {
  const log = linked(ADA);
  log.received("0c".repeat(16), message(linked(BOB).compose("hi", "", WALL, 0)), 0);
  log.verified(7, true, 0);
  log.linkClosed("0c".repeat(16), 0);
  expect(log.pollActions()).toEqual([]);
  expect(log.messages()).toEqual([]);
});
