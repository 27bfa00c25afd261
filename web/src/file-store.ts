/** The files of one room in the browser's own database, and what there is of others. It believes nothing: see `FileKeeper`. */

import { answer, done } from "./database.ts";
import { SECTION, TABLES, type Tables } from "./file-tables.ts";

const FILES = "files";
const PIECES = "pieces";

/** What is kept of a file; `data` when all of it is here. */
interface Row {
  id: string;
  size: number;
  /** When it was begun, ms since 1970. */
  at: number;
  data: Blob | null;
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
  /** All pieces of a file are here: makes one of them. */
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
    return rows.map(({ id, size, data, wanted = false }) => ({
      id,
      size,
      whole: data !== null,
      wanted,
    }));
  }

  async begin(id: string, size: number): Promise<void> {
    const known: Row | undefined = await answer(this.#store(FILES).get(id));
    // Another tab may have it whole by now.
    const data = known?.size === size ? known.data : null;
    const row: Row = { id, size, at: known?.at ?? Date.now(), data, wanted: data === null };
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

  async finish(tables: Tables): Promise<void> {
    const { file, size, sections } = tables;
    const parts: Blob[] = [];
    // Section by section: no more than one is in memory as bytes.
    for (let section = 0; section < sections; section++) {
      const range = IDBKeyRange.bound([file, section * SECTION], [file, (section + 1) * SECTION - 1]);
      parts.push(new Blob(await answer<BlobPart[]>(this.#store(PIECES).getAll(range))));
    }
    const data = new Blob(parts);
    if (data.size !== size) throw new Error("Pieces of the file are missing.");
    const row: Row = { id: file, size, at: Date.now(), data };
    const work = this.#db.transaction([FILES, PIECES], "readwrite");
    work.objectStore(FILES).put(row);
    work.objectStore(PIECES).delete(IDBKeyRange.bound([file, 0], [file, TABLES - 1]));
    await done(work);
  }

  async pieces(id: string): Promise<number[]> {
    const keys = await answer(this.#store(PIECES).getAllKeys(IDBKeyRange.bound([id, 0], [id, 2 ** 32])));
    return (keys as [string, number][]).map(([, piece]) => piece);
  }

  async data(id: string): Promise<Blob | null> {
    const row: Row | undefined = await answer(this.#store(FILES).get(id));
    return row?.data ?? null;
  }

  async drop(id: string): Promise<void> {
    const work = this.#db.transaction([FILES, PIECES], "readwrite");
    work.objectStore(FILES).delete(id);
    work.objectStore(PIECES).delete(IDBKeyRange.bound([id, 0], [id, 2 ** 32]));
    await done(work);
  }

  #store(name: string, writes = false): IDBObjectStore {
    return this.#db.transaction(name, writes ? "readwrite" : "readonly").objectStore(name);
  }
}
