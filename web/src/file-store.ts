/** The files of one room in the browser's own database, and what there is of others. It believes nothing: see `FileKeeper`. */

import { answer, done } from "./database.ts";
import { TABLES, type Tables } from "./file-tables.ts";
import { BLOCK } from "./wire-files.ts";

const FILES = "files";
const PIECES = "pieces";

/** Pieces that are read at once to make a file of them: no more than that is in memory as bytes. */
const AT_ONCE = 64;

/** What is kept of a file. */
interface Row {
  id: string;
  size: number;
  /** When it was begun, ms since 1970. */
  at: number;
  /** A file that was chosen here, as it is; what others sent lies in pieces. */
  data: Blob | null;
  /** All of its pieces are here. */
  whole?: boolean;
  /** It is to come, as soon as somebody has it. */
  wanted?: boolean;
}

/** A file that is kept, or begun. */
export interface KeptFile {
  readonly id: string;
  readonly size: number;
  readonly whole: boolean;
  readonly wanted: boolean;
}

export interface Piece {
  readonly file: string;
  readonly piece: number;
  readonly data: Uint8Array;
}

/** Calls reject when the browser lets nothing be kept. */
export interface FileStore {
  /** What is here, the oldest first. */
  list(): Promise<KeptFile[]>;
  /** A file is to come, of which pieces will be put. */
  begin(id: string, size: number): Promise<void>;
  /** It is not to come now; its pieces stay. */
  stop(id: string): Promise<void>;
  /** Keeps pieces of files that were begun. */
  put(pieces: readonly Piece[]): Promise<void>;
  /** A piece as it lies there. */
  get(id: string, piece: number): Promise<Uint8Array | null>;
  /** All of a file, whose tables are put beside it. */
  add(id: string, data: Blob, tables: readonly Piece[]): Promise<void>;
  /** All pieces of a file are here. They stay what they are: to copy them would hold up a picture beside it. */
  finish(tables: Tables): Promise<void>;
  /** The numbers of the pieces that are here of a file that was begun. */
  pieces(id: string): Promise<number[]>;
  data(id: string): Promise<Blob | null>;
  drop(id: string): Promise<void>;
}

/** Opens the store of that name, or makes it. */
export async function openFileStore(name: string): Promise<FileStore> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(FILES, { keyPath: "id" });
    request.result.createObjectStore(PIECES);
  };
  return new BrowserFiles(await answer(request));
}

class BrowserFiles implements FileStore {
  readonly #db: IDBDatabase;

  constructor(db: IDBDatabase) {
    this.#db = db;
    // Another tab has a newer version of this page, and waits for us to let go.
    db.onversionchange = () => db.close();
  }

  async list(): Promise<KeptFile[]> {
    const rows: Row[] = await answer(this.#store(FILES).getAll());
    rows.sort((a, b) => a.at - b.at);
    return rows.map((row) => ({
      id: row.id,
      size: row.size,
      whole: isWhole(row),
      wanted: row.wanted ?? false,
    }));
  }

  async begin(id: string, size: number): Promise<void> {
    const known: Row | undefined = await answer(this.#store(FILES).get(id));
    // Another tab may have it whole by now.
    const whole = known?.size === size && isWhole(known);
    const data = whole ? known.data : null;
    const row: Row = { id, size, at: known?.at ?? Date.now(), data, whole, wanted: !whole };
    await answer(this.#store(FILES, true).put(row));
  }

  async stop(id: string): Promise<void> {
    const files = this.#store(FILES, true);
    const row: Row | undefined = await answer(files.get(id));
    if (row?.wanted === true) await answer(files.put({ ...row, wanted: false }));
  }

  async put(pieces: readonly Piece[]): Promise<void> {
    const work = this.#db.transaction(PIECES, "readwrite");
    for (const { file, piece, data } of pieces) work.objectStore(PIECES).put(data, [file, piece]);
    await done(work);
  }

  async get(id: string, piece: number): Promise<Uint8Array | null> {
    return (await answer<Uint8Array | undefined>(this.#store(PIECES).get([id, piece]))) ?? null;
  }

  async add(id: string, data: Blob, tables: readonly Piece[]): Promise<void> {
    await this.put(tables);
    const row: Row = { id, size: data.size, at: Date.now(), data };
    await answer(this.#store(FILES, true).put(row));
  }

  async finish({ file, size, blocks }: Tables): Promise<void> {
    const here = await answer(this.#store(PIECES).count(keysOf(file, 0, TABLES)));
    if (here !== blocks) throw new Error("Pieces of the file are missing.");
    const row: Row = { id: file, size, at: Date.now(), data: null, whole: true };
    await answer(this.#store(FILES, true).put(row));
  }

  async pieces(id: string): Promise<number[]> {
    const keys = await answer(this.#store(PIECES).getAllKeys(keysOf(id, 0, 2 ** 32)));
    return (keys as [string, number][]).map(([, piece]) => piece);
  }

  async data(id: string): Promise<Blob | null> {
    const row: Row | undefined = await answer(this.#store(FILES).get(id));
    if (row === undefined || !isWhole(row)) return null;
    if (row.data !== null) return row.data;
    const parts: Blob[] = [];
    for (let block = 0; block * BLOCK < row.size; block += AT_ONCE) {
      const some = this.#store(PIECES).getAll(keysOf(id, block, block + AT_ONCE));
      parts.push(new Blob(await answer<BlobPart[]>(some)));
    }
    const data = new Blob(parts);
    return data.size === row.size ? data : null;
  }

  async drop(id: string): Promise<void> {
    const work = this.#db.transaction([FILES, PIECES], "readwrite");
    work.objectStore(FILES).delete(id);
    work.objectStore(PIECES).delete(keysOf(id, 0, 2 ** 32));
    await done(work);
  }

  #store(name: string, writes = false): IDBObjectStore {
    return this.#db.transaction(name, writes ? "readwrite" : "readonly").objectStore(name);
  }
}

function isWhole({ data, whole = false }: Row): boolean {
  return whole || data !== null;
}

/** The keys of a file's pieces from number `start` up to, and without, `stop`. */
function keysOf(file: string, start: number, stop: number): IDBKeyRange {
  return IDBKeyRange.bound([file, start], [file, stop], false, true);
}
