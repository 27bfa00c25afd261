/** A set of the blocks of a file, by number. */

import type { Range } from "../file-tables.ts";

/** Some of `size` blocks: a bit for each, 32 in a word. */
export class BlockSet {
  readonly #words: Uint32Array;

  constructor(
    readonly size: number,
    words: Uint32Array = new Uint32Array(Math.ceil(size / 32)),
  ) {
    this.#words = words;
  }

  static whole(size: number): BlockSet {
    const set = new BlockSet(size);
    set.addRange({ start: 0, stop: size });
    return set;
  }

  static of(size: number, numbers: Iterable<number>): BlockSet {
    const set = new BlockSet(size);
    for (const number of numbers) set.add(number);
    return set;
  }

  /** Block 0 is the lowest bit of the first byte; null where that is no set of `size` blocks. */
  static fromBytes(size: number, data: Uint8Array): BlockSet | null {
    if (data.length !== Math.ceil(size / 8)) return null;
    const set = new BlockSet(size);
    for (const [at, byte] of data.entries()) {
      for (let bit = 0; bit < 8; bit++) {
        if ((byte >> bit) % 2 === 0) continue;
        if (8 * at + bit >= size) return null;
        set.add(8 * at + bit);
      }
    }
    return set;
  }

  toBytes(): Uint8Array {
    const data = new Uint8Array(Math.ceil(this.size / 8));
    for (let at = 0; at < data.length; at++) data[at] = this.#word(at >> 2) >>> (8 * (at & 3));
    return data;
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }

  has(number: number): boolean {
    return ((this.#word(number >>> 5) >>> (number & 31)) & 1) === 1;
  }

  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0);
  }

  get count(): number {
    let count = 0;
    for (let word of this.#words) {
      for (; word !== 0; word &= word - 1) count++;
    }
    return count;
  }

  add(number: number): void {
    this.#words[number >>> 5] = this.#word(number >>> 5) | (1 << (number & 31));
  }

  discard(number: number): void {
    this.#words[number >>> 5] = this.#word(number >>> 5) & ~(1 << (number & 31));
  }

  addRange({ start, stop }: Range): void {
    for (let number = start; number < stop; number++) this.add(number);
  }

  discardRange({ start, stop }: Range): void {
    for (let number = start; number < stop; number++) this.discard(number);
  }

  #with(other: BlockSet, join: (mine: number, theirs: number) => number): BlockSet {
    return new BlockSet(
      this.size,
      this.#words.map((word, at) => join(word, other.#word(at))),
    );
  }

  and(other: BlockSet): BlockSet {
    return this.#with(other, (mine, theirs) => mine & theirs);
  }

  or(other: BlockSet): BlockSet {
    return this.#with(other, (mine, theirs) => mine | theirs);
  }

  minus(other: BlockSet): BlockSet {
    return this.#with(other, (mine, theirs) => mine & ~theirs);
  }

  /** The first one at or after `start`, going round; null when it is empty. */
  first(start: number): number | null {
    const begin = start >>> 5;
    const above = this.#word(begin) & (-1 << (start & 31));
    if (above !== 0) return lowest(begin, above);
    for (let step = 1; step <= this.#words.length; step++) {
      const at = (begin + step) % this.#words.length;
      const word = this.#word(at);
      if (word !== 0) return lowest(at, word);
    }
    return null;
  }
}

function lowest(at: number, word: number): number {
  return 32 * at + 31 - Math.clz32(word & -word);
}
