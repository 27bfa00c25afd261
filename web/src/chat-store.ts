/** The messages of one room in the browser's own database. It decides nothing and believes nothing: see `ChatKeeper`. */

import type { Place } from "./core/chat-message.ts";
import type { Keep } from "./core/chat-recall.ts";
import { answer, done } from "./database.ts";
import type { ChatMessage } from "./wire.ts";

const MESSAGES = "messages";
const FORGOTTEN = "forgotten";
const BY_ID = "id";
const LACKING = "lacking";
const MEASURES = "measures";
const BY_TARGET = "target";
/** Where a header says what a message is, and what it says of an edit (docs/protocol.md section 8). */
const KIND = 1;
const EDIT = 2;
/** Version 1 had no acts. */
const VERSION = 2;

interface Row {
  /** Also the key, by which rows are in order. */
  place: [clock: number, author: string, id: string];
  id: string;
  header: Uint8Array;
  signature: Uint8Array;
  /** Null when it was taken back. */
  body: Uint8Array | null;
  /** The message that an act is done to. */
  target?: string;
}

/** A message as it lies there under this id, whatever it is now. */
export interface Kept {
  id: string;
  message: ChatMessage;
}

/** What a log needs to begin: `messages` in order, and the places that `ChatLog.restore` asks for. */
export interface Restored {
  messages: Kept[];
  before: Place | null;
  forgotten: Place | null;
  measures: Kept[];
  places: Place[];
}

/** What is asked is answered after all that was to be kept before. Calls reject when the browser lets nothing be kept. */
export interface ChatStore {
  /**
   * `lacking` is what those follow that follow something which is not there, by their places; `targets` are the messages that
   * acts are done to, by the acts' ids.
   */
  keep(
    messages: readonly Keep[],
    lacking: ReadonlyMap<Place, readonly string[]>,
    targets: ReadonlyMap<string, string>,
  ): Promise<void>;
  keepMeasure(id: string, message: ChatMessage): Promise<void>;
  /** Drops what that author (a key) said in that message, or made of it later. */
  erase(target: string, author: string): Promise<void>;
  /** What was done to these messages. */
  actsOn(ids: readonly string[]): Promise<Kept[]>;
  recall(ids: readonly string[]): Promise<Kept[]>;
  /** The first `count` messages behind that place, in order. */
  next(after: Place | null, count: number): Promise<{ place: Place; kept: Kept }[]>;
  find(ids: readonly string[]): Promise<string[]>;
  /** Ids of the `count` messages up to the last of these, in order; none if none of these is kept. */
  upTo(ids: readonly string[], count: number): Promise<string[]>;
  /** Ids of the `count` messages behind that one, in order, up to the first that follows something which is not there. */
  after(id: string, count: number): Promise<string[]>;
  /** The last `count` messages. */
  restore(count: number): Promise<Restored>;
  /** What is missing of that which the last message follows where something is; null if there is nothing before it. */
  gap(): Promise<string[] | null>;
  drop(ids: readonly string[]): Promise<void>;
  /** Drops what stands at that place or before it, and those measures of which `isSettled` says that they do. */
  settle(place: Place, isSettled: (kept: Kept) => boolean): Promise<void>;
  /** Drops what is more than `most` messages. Resolves to the last place that is gone, when something went. */
  forget(most: number): Promise<Place | null>;
}

/** Opens the store of that name, or makes it. */
export async function openChatStore(name: string): Promise<ChatStore> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion === 0) {
      request.result
        .createObjectStore(MESSAGES, { keyPath: "place" })
        .createIndex(BY_ID, BY_ID, { unique: true });
      request.result.createObjectStore(LACKING);
      request.result.createObjectStore(FORGOTTEN);
    }
    request.result.createObjectStore(MEASURES, { keyPath: BY_ID });
    request.transaction?.objectStore(MESSAGES).createIndex(BY_TARGET, BY_TARGET);
  };
  return new BrowserStore(await answer(request));
}

class BrowserStore implements ChatStore {
  readonly #db: IDBDatabase;

  constructor(db: IDBDatabase) {
    this.#db = db;
    // Another tab has a newer version of this page, and waits for us to let go.
    db.onversionchange = () => db.close();
  }

  async keep(
    messages: readonly Keep[],
    lacking: ReadonlyMap<Place, readonly string[]>,
    targets: ReadonlyMap<string, string>,
  ): Promise<void> {
    const work = this.#db.transaction([MESSAGES, LACKING], "readwrite");
    for (const [place, follows] of lacking) work.objectStore(LACKING).put(follows, [...place]);
    const rows = work.objectStore(MESSAGES);
    for (const { place, message } of messages) {
      const { header, signature, body } = message;
      const target = targets.get(place[2]);
      rows.put({
        place: [...place],
        id: place[2],
        header,
        signature,
        body,
        ...(target !== undefined && { target }),
      } satisfies Row);
    }
    await done(work);
  }

  async keepMeasure(id: string, { header, signature, body }: ChatMessage): Promise<void> {
    const work = this.#db.transaction(MEASURES, "readwrite");
    work.objectStore(MEASURES).put({ id, header, signature, body });
    await done(work);
  }

  async erase(target: string, author: string): Promise<void> {
    const rows = [...(await this.#rows([target])), ...(await this.#on(target))];
    const work = this.#db.transaction(MESSAGES, "readwrite");
    for (const { target: _, ...row } of rows) {
      if (row.place[1] === author && (row.id === target || isEdit(row)))
        work.objectStore(MESSAGES).put({ ...row, body: null });
    }
    await done(work);
  }

  async actsOn(ids: readonly string[]): Promise<Kept[]> {
    return (await Promise.all(ids.map((id) => this.#on(id)))).flat().map(messageOf);
  }

  #on(target: string): Promise<Row[]> {
    const index = this.#db.transaction(MESSAGES).objectStore(MESSAGES).index(BY_TARGET);
    return answer<Row[]>(index.getAll(target));
  }

  async recall(ids: readonly string[]): Promise<Kept[]> {
    return (await this.#rows(ids)).map(messageOf);
  }

  async next(after: Place | null, count: number): Promise<{ place: Place; kept: Kept }[]> {
    const range = after === null ? null : IDBKeyRange.lowerBound([...after], true);
    const rows = this.#db.transaction(MESSAGES).objectStore(MESSAGES).getAll(range, count);
    return (await answer<Row[]>(rows)).map((row) => ({ place: row.place, kept: messageOf(row) }));
  }

  async find(ids: readonly string[]): Promise<string[]> {
    return (await this.#rows(ids)).map((row) => row.id);
  }

  async upTo(ids: readonly string[], count: number): Promise<string[]> {
    const last = (await this.#rows(ids)).at(-1);
    if (last === undefined) return [];
    const rows = await this.#last(count, IDBKeyRange.upperBound(last.place));
    return rows.map((row) => row.id);
  }

  async after(id: string, count: number): Promise<string[]> {
    const [row] = await this.#rows([id]);
    if (row === undefined) return [];
    const behind = IDBKeyRange.lowerBound(row.place, true);
    const rows = this.#db.transaction(MESSAGES).objectStore(MESSAGES);
    const places = (await answer(rows.getAllKeys(behind, count))) as Row["place"][];
    const last = places.at(-1);
    if (last === undefined) return [];
    const read = () => this.#db.transaction(LACKING).objectStore(LACKING);
    const range = IDBKeyRange.bound(row.place, last, true);
    const [lacking, follows] = await Promise.all([
      answer(read().getAllKeys(range)),
      answer<string[][]>(read().getAll(range)),
    ]);
    for (const [number, place] of lacking.entries()) {
      const wanted = follows[number] ?? [];
      if ((await this.find(wanted)).length === wanted.length) continue;
      const gap = places.findIndex((other) => indexedDB.cmp(other, place) >= 0);
      places.splice(gap);
      break;
    }
    return places.map(([, , found]) => found);
  }

  async restore(count: number): Promise<Restored> {
    const rows = await this.#last(count + 1);
    const before = rows.length > count ? (rows.shift()?.place ?? null) : null;
    const read = (name: string) => this.#db.transaction(name).objectStore(name);
    const [forgotten, measures, places] = await Promise.all([
      answer<Place | undefined>(read(FORGOTTEN).get(FORGOTTEN)),
      answer<Row[]>(read(MEASURES).getAll()),
      answer(read(MESSAGES).getAllKeys()),
    ]);
    const ruled = new Set(measures.map(({ id }) => id));
    return {
      messages: rows.map(messageOf),
      before,
      forgotten: forgotten ?? null,
      measures: measures.map(messageOf),
      places: (places as Row["place"][]).filter(([, , id]) => !ruled.has(id)),
    };
  }

  async gap(): Promise<string[] | null> {
    const lacking = () => this.#db.transaction(LACKING, "readwrite").objectStore(LACKING);
    for (;;) {
      const cursor = await answer(lacking().openCursor(null, "prev"));
      if (cursor === null) return null;
      const [place, follows] = [cursor.key as Row["place"], cursor.value as string[]];
      const here = await this.find(follows);
      const before = await this.#last(1, IDBKeyRange.upperBound(place, true));
      if (before.length === 0) return null;
      if (here.length < follows.length) return follows.filter((id) => !here.includes(id));
      await answer(lacking().delete(place));
    }
  }

  async drop(ids: readonly string[]): Promise<void> {
    const rows = await this.#rows(ids);
    const work = this.#db.transaction(MESSAGES, "readwrite");
    for (const { place } of rows) work.objectStore(MESSAGES).delete(place);
    await done(work);
  }

  async forget(most: number): Promise<Place | null> {
    const work = this.#db.transaction([MESSAGES, LACKING, FORGOTTEN], "readwrite");
    const rows = work.objectStore(MESSAGES);
    const surplus = (await answer(rows.count())) - most;
    if (surplus <= 0) return null;
    const first = await answer(rows.getAllKeys(null, surplus));
    const place = first.at(-1) as Row["place"];
    rows.delete(IDBKeyRange.upperBound(place));
    work.objectStore(LACKING).delete(IDBKeyRange.upperBound(place));
    work.objectStore(FORGOTTEN).put(place, FORGOTTEN);
    await done(work);
    return place;
  }

  async settle(place: Place, isSettled: (kept: Kept) => boolean): Promise<void> {
    const work = this.#db.transaction([MESSAGES, LACKING, FORGOTTEN, MEASURES], "readwrite");
    const measures = work.objectStore(MEASURES);
    for (const row of await answer<Row[]>(measures.getAll()))
      if (isSettled(messageOf(row))) measures.delete(row.id);
    for (const name of [MESSAGES, LACKING]) work.objectStore(name).delete(IDBKeyRange.upperBound([...place]));
    work.objectStore(FORGOTTEN).put([...place], FORGOTTEN);
    await done(work);
  }

  /** Those of these that are kept, in order. */
  async #rows(ids: readonly string[]): Promise<Row[]> {
    const index = this.#db.transaction(MESSAGES).objectStore(MESSAGES).index(BY_ID);
    const found = await Promise.all(ids.map((id) => answer<Row | undefined>(index.get(id))));
    return found.filter((row) => row !== undefined).sort((a, b) => indexedDB.cmp(a.place, b.place));
  }

  /** The last `count` rows of the range, in order. */
  #last(count: number, range: IDBKeyRange | null = null): Promise<Row[]> {
    const rows: Row[] = [];
    const request = this.#db.transaction(MESSAGES).objectStore(MESSAGES).openCursor(range, "prev");
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (cursor === null) resolve(rows.reverse());
        else if (rows.push(cursor.value as Row) < count) cursor.continue();
        else resolve(rows.reverse());
      };
    });
  }
}

function isEdit({ header }: Row): boolean {
  return header[KIND] === EDIT;
}

function messageOf({ id, header, signature, body }: Row): Kept {
  return { id, message: { type: "chatMessage", header, signature, body } };
}
