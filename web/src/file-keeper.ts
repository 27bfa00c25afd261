/** Keeps files in the browser: cuts and proves them, and writes what comes at once at once. */

import { BlockSet } from "./core/block-set.ts";
import type { FileStore, Piece } from "./file-store.ts";
import { blockHash, fileId, HASH, SECTION, TABLES, Tables, TOP, tableHash, topOf } from "./file-tables.ts";
import { BLOCK } from "./wire-files.ts";

/** Tables that are remembered, of the files that others ask for. */
const REMEMBERED = 8;
/** Bytes of a file that are read and hashed before the page may draw again. */
const AT_ONCE: number = 16 * BLOCK;

interface Waiting extends Piece {
  readonly settle: (ok: boolean) => void;
}

export class FileKeeper {
  readonly #store: FileStore;
  readonly #tables = new Map<string, Tables>();
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(store: FileStore) {
    this.#store = store;
  }

  /** Hashes a file and takes it in: its id. `told` is called with the share of it that is done. */
  async add(data: Blob, told: (share: number) => void): Promise<string> {
    const hashes: Uint8Array[] = [];
    for (let at = 0; at < data.size; at += AT_ONCE) {
      const some = new Uint8Array(await data.slice(at, at + AT_ONCE).arrayBuffer());
      for (let start = 0; start < some.length; start += BLOCK) {
        hashes.push(blockHash(some.subarray(start, start + BLOCK)));
      }
      told(Math.min(1, (at + AT_ONCE) / data.size));
    }
    const tables: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += SECTION) tables.push(joined(hashes.slice(at, at + SECTION)));
    const top = topOf(data.size, tables.map(tableHash));
    const file = fileId(top);
    const pieces = tables.map((table, section) => ({ file, piece: TABLES + section, data: table }));
    await this.#store.add(file, data, [...pieces, { file, piece: TOP, data: top }]);
    return file;
  }

  /** It is not to come now, nor when the page is loaded again. */
  stop(file: string): Promise<void> {
    return this.#store.stop(file);
  }

  /** What there is of a file already, and can be proved. From now on it is to come. */
  async resume(file: string, size: number): Promise<[Tables, BlockSet]> {
    await this.#store.begin(file, size);
    const tables = new Tables(file, size);
    const have = new BlockSet(tables.blocks);
    const pieces = (await this.#store.pieces(file)).sort((a, b) => b - a);
    for (const piece of pieces) {
      if (piece < TABLES && piece >= tables.blocks) continue;
      const data = await this.#store.get(file, piece);
      if (data === null || !tables.proves(piece, data) || (piece === TOP && !tables.fits(data))) continue;
      if (piece < TABLES) have.add(piece);
      else tables.take(piece, data);
    }
    return [tables, have];
  }

  /** Keeps a proved piece of a file that was resumed: whether that was possible. */
  write(file: string, piece: number, data: Uint8Array): Promise<boolean> {
    return new Promise((settle) => {
      this.#waiting.push({ file, piece, data: data.slice(), settle });
      if (!this.#writing) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const ok = await this.#store.put(batch.map(({ file, piece, data }) => ({ file, piece, data }))).then(
        () => true,
        () => false,
      );
      for (const { settle } of batch) settle(ok);
    }
    this.#writing = false;
  }

  /** All pieces of a file are here. */
  finish(file: string, size: number): Promise<void> {
    return this.#store.finish(new Tables(file, size));
  }

  /** A piece, if it is here and is what its hash says. */
  async read(file: string, size: number, piece: number): Promise<Uint8Array | null> {
    const tables = await this.#known(file, size);
    let data = await this.#store.get(file, piece);
    if (data === null && piece < TABLES) {
      const section = Math.floor(piece / SECTION);
      await this.#learn(tables, TABLES + section);
      const slice = (await this.#store.data(file))?.slice(piece * BLOCK, (piece + 1) * BLOCK);
      data = slice === undefined ? null : new Uint8Array(await slice.arrayBuffer());
    } else if (piece < TABLES) {
      await this.#learn(tables, TABLES + Math.floor(piece / SECTION));
    }
    return data !== null && tables.proves(piece, data) ? data : null;
  }

  async #known(file: string, size: number): Promise<Tables> {
    const tables = this.#tables.get(file) ?? new Tables(file, size);
    this.#tables.delete(file);
    this.#tables.set(file, tables);
    const [oldest] = this.#tables.keys();
    if (this.#tables.size > REMEMBERED && oldest !== undefined) this.#tables.delete(oldest);
    await this.#learn(tables, TOP);
    return tables;
  }

  async #learn(tables: Tables, piece: number): Promise<void> {
    if (piece === TOP ? tables.top !== null : tables.has(piece - TABLES)) return;
    const data = await this.#store.get(tables.file, piece);
    if (data !== null && tables.proves(piece, data)) tables.take(piece, data);
  }

  async drop(file: string): Promise<void> {
    this.#tables.delete(file);
    await this.#store.drop(file);
  }
}

function joined(hashes: readonly Uint8Array[]): Uint8Array {
  const table = new Uint8Array(HASH * hashes.length);
  for (const [number, hash] of hashes.entries()) table.set(hash, HASH * number);
  return table;
}
