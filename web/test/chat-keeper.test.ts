import { expect, onTestFinished, test, vi } from "vitest";
import { ChatKeeper } from "../src/chat-keeper.ts";
import { type ChatEvents, ChatSession, openChat } from "../src/chat-session.ts";
import type { ChatStore, Kept, Restored } from "../src/chat-store.ts";
import { ChatTexts } from "../src/chat-texts.ts";
import { type Act, readAct } from "../src/core/chat-acts.ts";
import { comparePlaces, type Place } from "../src/core/chat-message.ts";
import type { Keep } from "../src/core/chat-recall.ts";
import { fromSeed, type Identity, TAG_CHAT } from "../src/identity.ts";
import type { ChatMessage } from "../src/wire.ts";
import { parseChatHeader } from "../src/wire-chat.ts";
import { company, type MemoryPeer, settled } from "./memory-links.ts";

function actOf({ header, body }: ChatMessage): Act | null {
  return body === null ? null : readAct(parseChatHeader(header).kind, body);
}

function editOf(message: ChatMessage): string | null {
  const act = actOf(message);
  return act?.type === "edit" ? act.target : null;
}

const NOBODY: ChatEvents = { changed: () => {}, tell: () => {}, removed: () => {} };

/** What a browser's database does, in memory. */
class MemoryStore implements ChatStore {
  rows: { place: Place; message: ChatMessage }[] = [];
  gone: Place | null = null;
  full = false;

  lacking = new Map<Place, readonly string[]>();

  async keep(messages: readonly Keep[], lacking: ReadonlyMap<Place, readonly string[]>): Promise<void> {
    if (this.full) throw new DOMException("There is no room.", "QuotaExceededError");
    for (const [place, follows] of lacking) this.lacking.set(place, follows);
    this.rows = [...this.rows, ...messages].sort((a, b) => comparePlaces(a.place, b.place));
  }

  measures = new Map<string, ChatMessage>();

  async keepMeasure(id: string, message: ChatMessage): Promise<void> {
    this.measures.set(id, message);
  }

  async settle(place: Place, isSettled: (kept: Kept) => boolean): Promise<void> {
    this.gone = place;
    this.rows = this.rows.filter((row) => comparePlaces(row.place, place) > 0);
    for (const [id, message] of this.measures) if (isSettled({ id, message })) this.measures.delete(id);
  }

  async erase(target: string, author: string): Promise<void> {
    const taken = ({ place, message }: { place: Place; message: ChatMessage }) =>
      place[1] === author && (place[2] === target || editOf(message) === target);
    this.rows = this.rows.map((row) =>
      taken(row) ? { ...row, message: { ...row.message, body: null } } : row,
    );
  }

  async actsOn(ids: readonly string[]): Promise<Kept[]> {
    return this.rows.filter(({ message }) => ids.includes(actOf(message)?.target ?? "")).map(keptOf);
  }

  async recall(ids: readonly string[]): Promise<Kept[]> {
    if (this.full) throw new DOMException("The database is gone.");
    return this.rows.filter(({ place }) => ids.includes(place[2])).map(keptOf);
  }

  async next(after: Place | null, count: number): Promise<{ place: Place; kept: Kept }[]> {
    const rows = this.rows.filter(({ place }) => after === null || comparePlaces(place, after) > 0);
    return rows.slice(0, count).map((row) => ({ place: row.place, kept: keptOf(row) }));
  }

  async find(ids: readonly string[]): Promise<string[]> {
    return (await this.recall(ids)).map(({ id }) => id);
  }

  async upTo(ids: readonly string[], count: number): Promise<string[]> {
    const last = (await this.find(ids)).at(-1);
    const end = this.rows.findIndex(({ place }) => place[2] === last) + 1;
    return this.rows.slice(Math.max(0, end - count), end).map(({ place }) => place[2]);
  }

  async after(id: string, count: number): Promise<string[]> {
    const at = this.rows.findIndex(({ place }) => place[2] === id);
    return at < 0 ? [] : this.rows.slice(at + 1, at + 1 + count).map(({ place }) => place[2]);
  }

  async restore(count: number): Promise<Restored> {
    const before = this.rows.at(-count - 1)?.place ?? null;
    const measures = [...this.measures].map(([id, message]) => ({ id, message }));
    const places = this.rows.map(({ place }) => place).filter(([, , id]) => !this.measures.has(id));
    const messages = this.rows.slice(-count).map(keptOf);
    return { messages, before, forgotten: this.gone, measures, places };
  }

  async gap(): Promise<string[] | null> {
    const here = new Set(this.rows.map(({ place }) => place[2]));
    const places = [...this.lacking.keys()].sort(comparePlaces).reverse();
    for (const place of places) {
      const missing = this.lacking.get(place)?.filter((id) => !here.has(id)) ?? [];
      if (this.rows[0] === undefined || comparePlaces(this.rows[0].place, place) >= 0) return null;
      if (missing.length > 0) return missing;
    }
    return null;
  }

  async drop(ids: readonly string[]): Promise<void> {
    this.rows = this.rows.filter(({ place }) => !ids.includes(place[2]));
  }

  async forget(most: number): Promise<Place | null> {
    const surplus = this.rows.splice(0, Math.max(0, this.rows.length - most));
    this.gone = surplus.at(-1)?.place ?? this.gone;
    return surplus.at(-1)?.place ?? null;
  }
}

function keptOf({ place, message }: { place: Place; message: ChatMessage }): Kept {
  return { id: place[2], message };
}

const ada: Identity = await fromSeed(new Uint8Array(32).fill(7));

async function session(store: ChatStore, who = ada): Promise<ChatSession> {
  const keeper = new ChatKeeper(store, "demo");
  const chat = new ChatSession("demo", who, NOBODY, null, keeper);
  await keeper.restore(chat.log);
  return chat;
}

async function saying(store: MemoryStore, ...texts: string[]): Promise<ChatSession> {
  const chat = await session(store);
  for (const text of texts) await chat.say(text, "Ada");
  await vi.waitFor(() => expect(store.full || store.rows.length >= texts.length).toBe(true));
  return chat;
}

const texts = (chat: ChatSession) => chat.messages().map(({ text }) => text);

test("what was said is there when the page is opened again, and goes on from there", async () => {
  const store = new MemoryStore();
  await saying(store, "one", "two", "three");
  const again = await session(store);
  expect(texts(again)).toEqual(["one", "two", "three"]);
  expect((await again.say("four", "Ada")).clock).toBe(4);
});

test("what was changed on the disk is dropped", async () => {
  const store = new MemoryStore();
  await saying(store, "one", "two", "three", "four");
  const [one, two, three, four] = store.rows as [Row, Row, Row, Row];
  one.message = { ...one.message, body: new Uint8Array(3) };
  two.message = { ...two.message, signature: new Uint8Array(64) };
  three.message = four.message;
  expect(texts(await session(store))).toEqual(["four"]);
  expect(store.rows).toEqual([four]);
});

type Row = MemoryStore["rows"][number];

test("a disk without room does not stop the chat", async () => {
  const store = new MemoryStore();
  store.full = true;
  const chat = await saying(store, "one", "two");
  expect(texts(chat)).toEqual(["one", "two"]);
  const answered = vi.fn();
  const keeper = new ChatKeeper(store, "demo");
  const log = { recalled: answered, lookedUp: answered } as unknown as ChatSession["log"];
  await keeper.answer({ type: "recall", token: 1, ids: [] }, log, () => 5);
  await keeper.answer({ type: "lookup", token: 2, ids: [] }, log, () => 5);
  await keeper.answer({ type: "lookupBefore", token: 3, ids: [], count: 9 }, log, () => 5);
  expect(answered.mock.calls).toEqual([
    [1, [], 5],
    [2, [], 5],
    [3, [], 5],
  ]);
});

test("a browser keeps no more than its share, and the log does not take the rest again", async () => {
  const store = new MemoryStore();
  const chat = await saying(store, "one", "two", "three");
  const forgotten = vi.spyOn(chat.log, "forgotten");
  store.forget = async () => store.rows[0]?.place ?? null;
  const keeper = new ChatKeeper(store, "demo");
  const row = store.rows[2] as Row;
  for (let count = 0; count < 500; count++) keeper.keep({ type: "keep", complete: true, ...row }, chat.log);
  await vi.waitFor(() => expect(forgotten).toHaveBeenCalledWith(store.rows[0]?.place));
  expect(texts(chat)).toEqual(["two", "three"]);
});

/** Bob has said so many texts, one a second, in place of some of which he nods; this is what his browser has kept. */
async function monologue(count: number, nods = 0): Promise<{ chat: ChatSession; store: MemoryStore }> {
  const [bob, store] = [await fromSeed(new Uint8Array(32).fill(8)), new MemoryStore()];
  const chat = await session(store, bob);
  for (let second = 0; second < count; second++) {
    if (second >= 100 && second < 100 + nods) {
      const nod: Act = {
        type: "reaction",
        target: chat.messages()[0]?.id ?? "",
        emoji: "👍",
        on: second % 2 === 0,
      };
      const given = chat.log.composeAct(nod, second, second);
      chat.log.done(given, await bob.sign(TAG_CHAT, given.header), second);
      continue;
    }
    const draft = chat.log.compose(`${second}`, "Bob", second, second);
    chat.log.said(draft, await bob.sign(TAG_CHAT, draft.header), second);
  }
  chat.handleTimer(count);
  await vi.waitFor(() => expect(store.rows.length).toBe(count));
  return { chat, store };
}

async function link(one: ChatSession, other: ChatSession): Promise<void> {
  const peers = company(2);
  const chats = [one, other] as const;
  peers.forEach((peer, at) => {
    const chat = chats[at] as ChatSession;
    chat.use(peer.mesh);
    peer.onLink = (id, open) => (open ? chat.linkOpened(id, 2) : chat.linkClosed(id));
    peer.onRaw = (id, data) => chat.receivedRaw(id, data);
  });
  (peers[0] as MemoryPeer).mesh.befriend((peers[1] as MemoryPeer).id);
  await settled();
}

test.each([
  ["all that was said while the page was closed is fetched", 2, 450],
  ["a page that has kept nothing asks for no more than the last messages", 0, 200],
])("%s", async (_, kept, expected) => {
  vi.stubGlobal("RTCPeerConnection", () => {});
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  const bob = await monologue(450);
  const store = new MemoryStore();
  store.rows = bob.store.rows.slice(0, kept);
  const chat = await session(store);
  await link(chat, bob.chat);
  await vi.waitFor(
    () => {
      for (const each of [chat, bob.chat]) each.handleTimer(performance.now() / 1000);
      expect(store.rows.length).toBe(expected);
    },
    { timeout: 15_000, interval: 20 },
  );
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(texts(chat)).toEqual(texts(bob.chat).slice(-expected));
});

test("a page that was torn is read whole and hides nothing", async () => {
  vi.stubGlobal("RTCPeerConnection", () => {});
  const bob = await monologue(450);
  const chat = await session(new MemoryStore());
  const clock = setInterval(() => {
    for (const each of [chat, bob.chat]) each.handleTimer(performance.now() / 1000);
  }, 20);
  onTestFinished(() => {
    clearInterval(clock);
    vi.unstubAllGlobals();
  });
  let torn = false;
  const received = chat.received.bind(chat);
  chat.received = (peer, message) => {
    const body =
      message.type === "chatMessage" ? new TextDecoder().decode(message.body ?? new Uint8Array()) : "{}";
    const number = Number((JSON.parse(body) as { text?: string }).text ?? -1);
    if (torn || number < 126 || number > 149) received(peer, message);
    else if (number === 149) {
      torn = true;
      void link(chat, bob.chat);
    }
  };
  await link(chat, bob.chat);
  await vi.waitFor(() => expect(texts(chat).length).toBe(200), { timeout: 15_000, interval: 20 });
  let read = chat.messages().slice(0, 1);
  for (let pages = 0; pages < 10 && read[0]?.text !== "0"; pages++) {
    read = [...(await chat.before(read[0]?.id ?? "")), ...read];
  }
  expect(torn).toBe(true);
  expect(read.map(({ text }) => text)).toEqual(texts(bob.chat).slice(0, 251));
});

test("words are found in what memory does not have any more, and as they read after edits", async () => {
  const { chat, store } = await monologue(2500);
  const message = (text: string) => chat.messages().find((entry) => entry.text === text)?.id ?? "";
  const [edited, gone] = [message("1234"), message("123")];
  await chat.do({ type: "edit", target: edited, text: "Crème brûlée for all" });
  await chat.do({ type: "delete", target: gone });
  await vi.waitFor(() => expect(store.rows.length).toBe(2502));
  const reopened = await session(store);
  expect(reopened.messages().length).toBeLessThan(600);
  const found = async (words: string, count = 50) =>
    (await reopened.search(words, count)).map(({ text }) => text);
  expect(await found("1233")).toEqual(["1233"]);
  expect(await found("123")).toEqual([
    "1230",
    "1231",
    "1232",
    "1233",
    "1235",
    "1236",
    "1237",
    "1238",
    "1239",
  ]);
  expect(await found("1234")).toEqual([]);
  expect(await found("CREME for al")).toEqual(["Crème brûlée for all"]);
  expect(await found("creme nothing")).toEqual([]);
  expect(await found("2", 3)).toEqual(["2497", "2498", "2499"]);
  expect(await found(" .,")).toEqual([]);
  // What is said and taken back after the first search is searched, too.
  const said = await reopened.say("Late but said", "Ada");
  const other = await reopened.say("Soon", "Ada");
  expect(await found("late")).toEqual(["Late but said"]);
  await reopened.do({ type: "delete", target: said.id });
  await reopened.do({ type: "edit", target: other.id, text: "Later" });
  expect(await found("late")).toEqual(["Later"]);
});

test("what is too much to be searched in memory is not kept there", () => {
  const texts = new ChatTexts(10);
  texts.add([2, "a", "two"], { id: "two", folded: "67890" });
  texts.add([1, "a", "one"], { id: "one", folded: "12345" });
  expect([...texts.all()].map(({ id }) => id)).toEqual(["one", "two"]);
  texts.forget([1, "a", "one"]);
  texts.add([3, "a", "three"], { id: "two", folded: "12345" });
  texts.erase("two");
  expect([texts.isWhole, [...texts.all()]]).toEqual([true, []]);
  for (const place of [4, 5, 6]) texts.add([place, "a", `${place}`], { id: `${place}`, folded: "1234" });
  expect([texts.isWhole, [...texts.all()]]).toEqual([false, []]);
});

test("who has gone back reads on, over what is not shown, and from the database into memory", async () => {
  const { chat, store } = await monologue(1_000, 220);
  const reopened = await session(store);
  expect(reopened.messages()[0]?.text).toBe("500");
  let read = chat.messages().slice(0, 1);
  const pages: number[] = [];
  for (let page = read; page.length > 0; pages.push(page.length)) {
    page = await reopened.after(read.at(-1)?.id ?? "");
    read = [...read, ...page];
  }
  expect(read.map(({ text }) => text)).toEqual(texts(chat));
  expect(pages).toEqual([99, 180, 200, 200, 100, 0]);
});

test("what a checkpoint settles is gone from the page, from the disk, and when the page is opened again", async () => {
  const store = new MemoryStore();
  const opened = async (): Promise<ChatSession> => {
    const keeper = new ChatKeeper(store, "demo");
    const chat = new ChatSession("demo", ada, NOBODY, ada.key, keeper);
    await keeper.restore(chat.log);
    return chat;
  };
  const chat = await opened();
  await chat.rule("ban", { subject: "07".repeat(32) });
  for (const text of ["one", "two", "three"]) await chat.say(text, "Ada");
  await expect(chat.checkpoint(200)).rejects.toThrow("There is nothing to settle");
  await chat.checkpoint(1);
  await vi.waitFor(() => expect(store.rows.length).toBe(2));
  expect(texts(chat)).toEqual(["three"]);
  const again = await opened();
  expect(texts(again)).toEqual(["three"]);
  expect(again.moderation?.state().banned).toEqual(["07".repeat(32)]);
  expect(again.moderation?.size).toBe(1);
});

test("where the browser lets nothing be kept there is a chat all the same", async () => {
  const chat = await openChat("https://host", "demo", ada, NOBODY);
  await chat.say("not kept", "Ada");
  expect(texts(chat)).toEqual(["not kept"]);
});
