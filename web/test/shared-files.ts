/** Files whose bytes both languages can make, with everything that anybody can ask for of them. */

import { blockHash, fileId, SECTION, TABLES, TOP, tableHash, topOf } from "../src/file-tables.ts";
import { BLOCK } from "../src/wire-files.ts";

/** Byte i is the low byte of i xor (i >> 8) xor (i >> 16): no block is like another. */
export function octets(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => at ^ (at >> 8) ^ (at >> 16));
}

/** A file and its tables: `pieces` by their numbers. */
export class Content {
  readonly id: string;
  readonly pieces = new Map<number, Uint8Array>();

  constructor(readonly data: Uint8Array) {
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += BLOCK) blocks.push(data.subarray(at, at + BLOCK));
    for (const [number, block] of blocks.entries()) this.pieces.set(number, block);
    const tables: Uint8Array[] = [];
    for (let at = 0; at < blocks.length; at += SECTION) {
      const hashes = blocks.slice(at, at + SECTION).map(blockHash);
      const table = new Uint8Array(32 * hashes.length);
      for (const [number, hash] of hashes.entries()) table.set(hash, 32 * number);
      this.pieces.set(TABLES + tables.length, table);
      tables.push(table);
    }
    const top = topOf(data.length, tables.map(tableHash));
    this.pieces.set(TOP, top);
    this.id = fileId(top);
  }
}
