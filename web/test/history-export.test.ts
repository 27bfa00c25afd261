import { expect, test } from "vitest";
import { asJsonLines, asText, everything } from "../src/chat/history-export.ts";
import { toBase64url } from "../src/encoding.ts";
import { keptSeed, replaceSeed } from "../src/kept-identity.ts";
import type { ChatMessage } from "../src/room.ts";

function message(number: number, fields: Partial<ChatMessage> = {}): ChatMessage {
  return {
    id: String(number).padStart(64, "0"),
    key: "k".repeat(64),
    author: "a".repeat(32),
    name: "Ana",
    text: `words ${number}`,
    time: Date.UTC(2026, 10, 27, 12, number % 60),
    clock: number,
    reply: null,
    edited: false,
    reactions: [],
    file: null,
    ...fields,
  };
}

test("all that is to be had is exported, once each and in order", async () => {
  const all = Array.from({ length: 500 }, (_, number) => message(number));
  const room = {
    messages: all.slice(450),
    older: async (than: ChatMessage) => all.slice(Math.max(0, than.clock - 200), than.clock + 1),
  };
  const told: number[] = [];
  expect(await everything(room, (count) => told.push(count))).toEqual(all);
  expect(told[0]).toBe(50);
});

test("lines of JSON are those of the command", () => {
  const reactions = [["👍", ["b".repeat(32)]]] as const;
  const [line, rest] = asJsonLines([message(1, { text: `@[Bob](${"b".repeat(32)})`, reactions })]).split(
    "\n",
  );
  expect(rest).toBe("");
  expect(JSON.parse(line ?? "")).toEqual({
    id: "1".padStart(64, "0"),
    author: "a".repeat(32),
    name: "Ana",
    text: `@[Bob](${"b".repeat(32)})`,
    mentions: ["b".repeat(32)],
    time: Date.UTC(2026, 10, 27, 12, 1),
    clock: 1,
    reply: null,
    edited: false,
    file: null,
    reactions: { "👍": ["b".repeat(32)] },
  });
});

test("the text is read by people, and no line poses as another message", () => {
  const first = message(1, { text: "one\n2026-11-27 12:00 Bob: two" });
  const file = { id: "f", name: "minutes.pdf", size: 1, type: "application/pdf" };
  const answer = message(2, { name: "", text: `@[Anna](${"a".repeat(32)})?`, reply: first.id, file });
  expect(asText([first, answer])).toBe(
    [
      "2026-11-27 12:01 Ana: one\n      2026-11-27 12:00 Bob: two\n",
      "2026-11-27 12:02 Guest aaaa to Ana: @Anna?\n      [file: minutes.pdf]\n",
    ].join(""),
  );
});

test("the identity of a tab is the one that it kept, and is replaced in its place", () => {
  const local = new Map([["braidcast.identity.2", toBase64url(new Uint8Array(32).fill(7))]]);
  const kept = (slot: string | null) => ({
    local: {
      getItem: (key: string) => local.get(key) ?? null,
      setItem: (key: string, value: string) => void local.set(key, value),
    },
    session: { getItem: () => slot },
  });
  expect(keptSeed(kept("2"))).toEqual(new Uint8Array(32).fill(7));
  replaceSeed(new Uint8Array(32).fill(9), kept("2"));
  expect(keptSeed(kept("2"))).toEqual(new Uint8Array(32).fill(9));
  expect([keptSeed(kept(null)), keptSeed(kept("3")), keptSeed(null)]).toEqual([null, null, null]);
  local.set("braidcast.identity.4", "?");
  expect(keptSeed(kept("4"))).toBeNull();
  expect(() => replaceSeed(new Uint8Array(32), kept(null))).toThrow("lets this page keep nothing");
});
