/**
 * How a file is cut and hashed: blocks, sections, the file (docs/protocol.md section 9).
 *
 * Its id is the hash of its top table, which holds its size and the hashes of its sections; a section's hash is that of
 * its table, which holds the hashes of its blocks. So each piece is proved when it comes, by the table above it, and a
 * table is never larger than a block.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes, toHex } from "./encoding.ts";
import { Reader, Writer } from "./octets.ts";
import { BLOCK, MAX_BLOCKS } from "./wire-files.ts";

export const HASH = 32;
/** Blocks of a section: as many as its table, which has the size of a block, can name. */
export const SECTION: number = BLOCK / HASH;
export const MAX_SIZE: number = BLOCK * MAX_BLOCKS;
/** The number of the top table among the pieces of a file. */
export const TOP: number = 2 ** 32 - 1;
/** Section `s` has its table at TABLES + s. */
export const TABLES: number = 2 ** 31;

const NOTHING = new Uint8Array(0);

function tagged(tag: number, data: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(tag)).update(data).digest();
}

/** What proves a block (32 bytes). */
export function blockHash(data: Uint8Array): Uint8Array {
  return tagged(0, data);
}

/** What proves the table of a section. */
export function tableHash(table: Uint8Array): Uint8Array {
  return tagged(1, table);
}

/** The id (64 hex digits) of the file with this top table. */
export function fileId(top: Uint8Array): string {
  return toHex(tagged(2, top));
}

/** How many blocks a file of `size` bytes has. */
export function blocksOf(size: number): number {
  return Math.ceil(size / BLOCK);
}

/** The top table over the hashes of the sections. */
export function topOf(size: number, sections: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer().u64(size);
  for (const section of sections) writer.bytes(section, HASH);
  return writer.finish();
}

/** Numbers from `start` up to, and without, `stop`. */
export interface Range {
  readonly start: number;
  readonly stop: number;
}

/** The tables of a file with that id, as far as they are known: nothing is in here that is not proved. */
export class Tables {
  readonly blocks: number;
  readonly sections: number;
  top: Uint8Array | null = null;
  readonly #tables = new Map<number, Uint8Array>();

  constructor(
    readonly file: string,
    readonly size: number,
  ) {
    this.blocks = blocksOf(size);
    this.sections = Math.ceil(this.blocks / SECTION);
  }

  has(section: number): boolean {
    return this.#tables.has(section);
  }

  /** Bytes of a piece that there is; 0 where there is none of that number. */
  length(piece: number): number {
    if (piece === TOP) return 8 + HASH * this.sections;
    if (piece >= TABLES) {
      const { start, stop } = this.range(piece - TABLES);
      return HASH * (stop - start);
    }
    return piece < this.blocks ? Math.min(BLOCK, this.size - piece * BLOCK) : 0;
  }

  /** The numbers of the blocks of a section; none where there is none of that number. */
  range(section: number): Range {
    return {
      start: Math.min(this.blocks, section * SECTION),
      stop: Math.min(this.blocks, (section + 1) * SECTION),
    };
  }

  /** Whether that is this piece. Only pieces whose table is known can be proved. */
  proves(piece: number, data: Uint8Array): boolean {
    if (piece === TOP) return fileId(data) === this.file;
    if (piece >= TABLES) {
      return equalBytes(tableHash(data), hashOf(this.top ?? NOTHING, 8, piece - TABLES));
    }
    const table = this.#tables.get(Math.floor(piece / SECTION)) ?? NOTHING;
    return equalBytes(blockHash(data), hashOf(table, 0, piece % SECTION));
  }

  /** Keeps a table that was proved. */
  take(piece: number, data: Uint8Array): void {
    if (piece === TOP) this.top = data.slice();
    else this.#tables.set(piece - TABLES, data.slice());
  }

  /** Whether the file with this top table has the size that it is said to have. */
  fits(top: Uint8Array): boolean {
    return top.length === this.length(TOP) && new Reader(top).u64() === this.size;
  }
}

function hashOf(table: Uint8Array, start: number, index: number): Uint8Array {
  return table.subarray(start + HASH * index, start + HASH * (index + 1));
}
