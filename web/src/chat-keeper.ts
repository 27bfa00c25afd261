/** Keeps a room's chat in the browser: does what the log asks of its store. */

import { folded } from "./chat-search.ts";
import type { ChatStore, Kept } from "./chat-store.ts";
import { ChatTexts, type Said } from "./chat-texts.ts";
import { readAct } from "./core/chat-acts.ts";
import type { ChatLog } from "./core/chat-log.ts";
import {
  ChatBreachError,
  comparePlaces,
  type Entry,
  openMessage,
  type Place,
  readText,
} from "./core/chat-message.ts";
import type { Page } from "./core/chat-past.ts";
import type { Erase, Forget, Keep, KeepMeasure, StoreAction } from "./core/chat-recall.ts";
import { forgetOldest } from "./core/forget-oldest.ts";
import { fromHex } from "./encoding.ts";
import { TAG_CHAT, verify } from "./identity.ts";
import type { ChatMessage } from "./wire.ts";
import { messageId, parseChatHeader, roomHash, TEXT } from "./wire-chat.ts";

/** Messages that a page has at once when it is opened again. */
const RESTORED = 500;
/** Messages that a browser keeps of one room. */
const KEPT = 20_000;
/** Pages that are fetched to close a gap. */
const MENDED = 25;
/** After so many more it is looked whether there are too many. */
const FORGET_EVERY = 500;

/** Where a header says what a message is (docs/protocol.md section 8). */
const KIND = 1;
/** Messages that are looked at together when words are searched: few enough for somebody who types meanwhile. */
const SEARCHED = 500;
/** Characters of texts that are in memory once somebody searches: those of all that is kept of most rooms. */
const REMEMBERED = 8_000_000;
/** Times what is wanted: some of it may have been edited or hidden. */
const SPARE = 4;

/** Messages in order, and the texts among them. */
export interface Past {
  readonly ids: readonly string[];
  readonly messages: readonly Entry[];
}

/** The store of one session. When the browser lets nothing be kept any more, the chat goes on without. */
export class ChatKeeper {
  readonly #store: ChatStore;
  readonly #room: string;
  #buffer: Keep[] = [];
  #written = 0;
  /** Null before somebody searches. */
  #texts: ChatTexts | null = null;
  #reading: Promise<void> | null = null;

  constructor(store: ChatStore, room: string) {
    this.#store = store;
    this.#room = roomHash(room);
  }

  /** Gives the log what was kept when the page was here last. */
  async restore(log: ChatLog): Promise<void> {
    await this.#store.forget(KEPT);
    const { messages, before, forgotten, measures, places } = await this.#store.restore(RESTORED);
    const checked = await Promise.all(measures.map((kept) => this.#isGenuine(kept)));
    const genuine = measures.filter((_, at) => checked[at]).map(({ message }) => message);
    log.restore(await this.#genuine(messages), before, forgotten, genuine, places);
  }

  /** Keeps a message; what is accepted at once is written at once. */
  keep(message: Keep, log: ChatLog): void {
    this.#buffer.push(message);
    if (this.#buffer.length === 1) queueMicrotask(() => void this.#flush(log));
  }

  /** Answers what the log asks, after all that it wanted kept before. */
  async answer(
    question: Exclude<StoreAction, Keep | KeepMeasure | Erase | Forget>,
    log: ChatLog,
    now: () => number,
  ): Promise<void> {
    void this.#flush(log);
    const { token, ids } = question;
    if (question.type === "recall") {
      const found = this.#store.recall(ids).then((messages) => this.#genuine(messages));
      log.recalled(token, await found.catch(() => []), now());
    } else {
      const found =
        question.type === "lookup" ? this.#store.find(ids) : this.#store.upTo(ids, question.count);
      log.lookedUp(token, await found.catch(() => []), now());
    }
  }

  /** Keeps a measure, whatever is forgotten. */
  keepMeasure({ message }: KeepMeasure): void {
    void this.#store.keepMeasure(messageId(message.header), message).catch(() => undefined);
  }

  /** Drops what its author takes back, after all that was to be kept before. */
  erase({ target, author }: Erase, log: ChatLog): void {
    void this.#flush(log);
    this.#texts?.erase(target);
    void this.#store.erase(target, author).catch(() => undefined);
  }

  /** Drops what a checkpoint settles, after all that was to be kept before. */
  settle({ place }: Forget, log: ChatLog): void {
    void this.#flush(log);
    const isSettled = ({ id, message }: Kept): boolean => {
      const { clock, author } = parseChatHeader(message.header);
      return comparePlaces([clock, author, id], place) <= 0;
    };
    this.#texts?.forget(place);
    void this.#store.settle(place, isSettled).catch(() => undefined);
  }

  async #flush(log: ChatLog): Promise<void> {
    if (this.#buffer.length === 0) return;
    const batch = this.#buffer;
    this.#buffer = [];
    try {
      const lacking = batch.filter(({ complete }) => !complete);
      const follows = lacking.map(
        ({ place, message }) => [place, parseChatHeader(message.header).follows] as const,
      );
      const acts = batch
        .map(({ message }) => openMessage(message, this.#room))
        .filter(({ act }) => act !== null);
      const targets = new Map(acts.map(({ id, act }) => [id, act?.target ?? ""]));
      await this.#store.keep(batch, new Map(follows), targets);
      for (const { place, message } of batch) this.#remember(place, { id: place[2], message });
      this.#written += batch.length;
      if (this.#written < FORGET_EVERY) return;
      this.#written = 0;
      const place = await this.#store.forget(KEPT);
      if (place === null) return;
      this.#texts?.forget(place);
      log.forgotten(place);
    } catch {
      // No room on the disk, or the database is gone: others have what is not kept here.
    }
  }

  /** What is kept just before that message, in order, and what is to be shown of it, if nothing is missing there. */
  async before(id: string, count: number, log: ChatLog): Promise<Past> {
    const lacking = log.lacking(id);
    const here = lacking.length > 0 ? await this.#store.find(lacking).catch(() => []) : [];
    if (here.length < lacking.length) return { ids: [], messages: [] };
    return this.#past((await this.#store.upTo([id], count + 1).catch(() => [])).slice(0, -1), log);
  }

  /** What is kept just after that message, and what is to be shown of it, as far as nothing is missing there. */
  async after(id: string, count: number, log: ChatLog): Promise<Past> {
    await this.#flush(log);
    return this.#past(await this.#store.after(id, count).catch(() => []), log);
  }

  async #past(ids: readonly string[], log: ChatLog): Promise<Past> {
    const found = this.#store.recall(ids).then((messages) => this.#genuine(messages));
    const acts = this.#store.actsOn(ids).then((messages) => this.#genuine(messages));
    return { ids, messages: log.shown(await found.catch(() => []), await acts.catch(() => [])) };
  }

  /** The last `count` texts kept which are shown so that they, folded, match, in order. */
  async search(matches: (folded: string) => boolean, count: number, log: ChatLog): Promise<Entry[]> {
    await this.#flush(log);
    const candidates = new Set<string>();
    const look = (said: Said | null): void => {
      if (said === null || !matches(said.folded)) return;
      candidates.delete(said.id);
      candidates.add(said.id);
      if (candidates.size > SPARE * count) forgetOldest(candidates);
    };
    const texts = await this.texts();
    if (texts.isWhole) for (const said of texts.all()) look(said);
    else await this.#each((_, kept) => look(saidIn(kept)));
    const ids = [...candidates];
    const shown: Entry[] = [];
    while (ids.length > 0 && shown.length < count) {
      const last = ids.splice(-count);
      const found = await this.#genuine(await this.#store.recall(last));
      const acts = await this.#genuine(await this.#store.actsOn(last));
      shown.push(...log.shown(found, acts).filter(({ text }) => matches(folded(text))));
    }
    const place = ({ clock, key, id }: Entry): Place => [clock, key, id];
    return shown.sort((a, b) => comparePlaces(place(a), place(b))).slice(-count);
  }

  /** What is kept, to be searched. Rejects when it cannot be read. */
  async texts(): Promise<ChatTexts> {
    this.#texts ??= new ChatTexts(REMEMBERED);
    this.#reading ??= this.#each((place, kept) => this.#remember(place, kept)).catch((error: unknown) => {
      this.#texts = this.#reading = null;
      throw error;
    });
    const texts = this.#texts;
    await this.#reading;
    return texts;
  }

  #remember(place: Place, kept: Kept): void {
    const said = this.#texts?.isWhole === true ? saidIn(kept) : null;
    if (said !== null) this.#texts?.add(place, said);
  }

  /** Calls `told` for all that is kept, in order. */
  async #each(told: (place: Place, kept: Kept) => void): Promise<void> {
    for (let after: Place | null = null; ; ) {
      const rows: { place: Place; kept: Kept }[] = await this.#store.next(after, SEARCHED);
      for (const { place, kept } of rows) told(place, kept);
      if (rows.length < SEARCHED) return;
      after = rows.at(-1)?.place ?? null;
    }
  }

  /**
   * Fetches what was said while the page was closed, by `ask`, which gets messages and what is before them from others:
   * as far as they have it, and down to what was kept before, but not more than some thousands of messages.
   */
  async mend(ask: (ids: readonly string[]) => Promise<Page>): Promise<void> {
    for (let pages = 0; pages < MENDED; pages++) {
      const gap = await this.#store.gap().catch(() => null);
      if (gap === null) return;
      const page = await ask(gap);
      if (page.ids === null || page.ids.length === 0) return;
    }
  }

  /** Those that somebody signed as they are: what lies on a disk may have been changed. The others are dropped. */
  async #genuine(messages: readonly Kept[]): Promise<ChatMessage[]> {
    const checked = await Promise.all(messages.map((kept) => this.#isGenuine(kept)));
    const damaged = messages.filter((_, at) => !checked[at]);
    if (damaged.length > 0) await this.#store.drop(damaged.map(({ id }) => id));
    return messages.filter((_, at) => checked[at]).map(({ message }) => message);
  }

  async #isGenuine({ id, message }: Kept): Promise<boolean> {
    try {
      const opened = openMessage(message, this.#room);
      const key = fromHex(opened.header.author);
      return opened.id === id && (await verify(key, TAG_CHAT, message.header, message.signature));
    } catch (error) {
      if (error instanceof ChatBreachError) return false;
      throw error;
    }
  }
}

/** A text, or what an edit makes of one, with the id of that text; unchecked. */
function saidIn({ id, message: { header, body } }: Kept): Said | null {
  if (body === null) return null;
  if (header[KIND] === TEXT) {
    const text = readText(body);
    return text === null ? null : { id, folded: folded(text.text) };
  }
  const act = readAct(header[KIND] ?? 0, body);
  return act?.type === "edit" ? { id: act.target, folded: folded(act.text) } : null;
}
