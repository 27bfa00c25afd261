/** One file on its way here: which piece is asked of whom (docs/protocol.md section 9). */

import { sha256 } from "@noble/hashes/sha2.js";
import { fromHex } from "../encoding.ts";
import { SECTION, TABLES, type Tables, TOP } from "../file-tables.ts";
import { Reader } from "../octets.ts";
import { BlockSet } from "./block-set.ts";
import { FileSource, LATER } from "./file-source.ts";

const TABLES_AT_ONCE = 2;
/** With fewer blocks that can be asked for, the next table is. */
const READY = 128;
/** Seconds after which one who has all, but nothing that others lack, is asked for what they have, too. */
const REST = 2;
/** Seconds after which one who has all is looked at again, for it may have rested. */
const LOOK_AGAIN = 0.25;

/** What is to be made of a piece that came; a lie proves that the file has not the size that it is said to have. */
export type Came = "keep" | "unasked" | "wrong" | "lie";

export class FileFetch {
  readonly sources = new Map<string, FileSource>();
  /** How often company was looked for. */
  tries = 0;
  written: number;
  /** When a piece of it came last. */
  movedAt: number;
  /** Everybody begins elsewhere, so that the first to have the file gives each block once. */
  readonly #start: number;
  /** Blocks that were asked for, or are being written. */
  readonly #flying: BlockSet;
  readonly #flyingTables = new Set<number>();
  /** Greater after each change by which there may be more to ask for. */
  #state = 0;
  /** Blocks whose table is here. */
  readonly #open: BlockSet;

  /** `tables` and `have` are what is kept of it already. */
  constructor(
    own: string,
    readonly tables: Tables,
    readonly have: BlockSet,
    now: number,
  ) {
    this.movedAt = now;
    this.written = have.count;
    const hash = sha256(Uint8Array.of(...fromHex(own), ...fromHex(tables.file)));
    this.#start = new Reader(hash).u32() % tables.blocks;
    this.#flying = new BlockSet(tables.blocks);
    this.#open = new BlockSet(tables.blocks);
    for (let section = 0; section < tables.sections; section++) {
      if (tables.has(section)) this.#open.addRange(tables.range(section));
    }
  }

  get isDone(): boolean {
    return this.written === this.tables.blocks;
  }

  /** Pieces that were asked for, or are being written. */
  get flying(): number {
    return this.#flying.count + this.#flyingTables.size;
  }

  /** Whether that piece can be given to others. */
  has(piece: number): boolean {
    if (piece === TOP) return this.tables.top !== null;
    if (piece >= TABLES) return this.tables.has(piece - TABLES);
    return piece < this.tables.blocks && this.have.has(piece);
  }

  /** What is known of `peer`, who said that it takes part. */
  source(peer: string, now: number): FileSource {
    let source = this.sources.get(peer);
    if (source === undefined) {
      source = new FileSource(this.tables.blocks, now);
      this.sources.set(peer, source);
    }
    return source;
  }

  /** It sends nothing any more. */
  left(peer: string): void {
    const source = this.sources.get(peer);
    if (source === undefined) return;
    this.sources.delete(peer);
    this.#state++;
    this.#land(source.asked.keys());
  }

  /** The pieces to ask of `source` now, at most so many. */
  plan(source: FileSource, most: number, now: number): number[] {
    const room = Math.min(source.room, most);
    // A few at once: asking one by one would say as much about each as about many.
    if (room <= 0 || (room < source.window / 4 && source.asked.size > 0)) return [];
    if (source.emptyAt !== null) {
      const [state, at] = source.emptyAt;
      if (state === this.#state && (!source.complete || now < at + LOOK_AGAIN)) return [];
    }
    const pieces = this.#choose(source, room, now);
    source.emptyAt = pieces.length > 0 ? null : [this.#state, now];
    for (const piece of pieces) {
      source.asked.set(piece, now);
      if (piece < TABLES) this.#flying.add(piece);
      else this.#flyingTables.add(piece);
    }
    return pieces;
  }

  #choose(source: FileSource, room: number, now: number): number[] {
    if (this.tables.top === null) {
      const knows = source.complete || !source.have.isEmpty;
      const free = knows && this.#flyingTables.size === 0 && !source.putOffTables().includes(TOP);
      return free ? [TOP] : [];
    }
    const wanted = source.have.minus(this.have).minus(this.#flying).minus(source.putOffBlocks());
    let ready = wanted.and(this.#open);
    const pieces = this.#missingTables(source, wanted, ready.count);
    const [once, twice, thrice] = this.#spread();
    let most = room;
    if (source.complete) {
      const only = ready.minus(once);
      if (!only.isEmpty) {
        source.neededAt = now;
        ready = only;
      } else if (now < source.neededAt + REST || source.asked.size > 0) {
        return pieces;
      } else {
        most = 1;
      }
    }
    for (const common of [twice, thrice, new BlockSet(this.tables.blocks)]) {
      const some = ready.minus(common);
      while (pieces.length < most) {
        const block = some.first(this.#start);
        if (block === null) break;
        some.discard(block);
        ready.discard(block);
        pieces.push(block);
      }
    }
    return pieces;
  }

  /** The table of the first blocks that cannot be proved yet, when few are left that can. */
  #missingTables(source: FileSource, wanted: BlockSet, ready: number): number[] {
    if (ready >= READY || this.#flyingTables.size >= TABLES_AT_ONCE) return [];
    const closed = wanted.minus(this.#open);
    for (const piece of [...this.#flyingTables, ...source.putOffTables()]) {
      closed.discardRange(this.tables.range(piece - TABLES));
    }
    const block = closed.first(this.#start);
    return block === null ? [] : [TABLES + Math.floor(block / SECTION)];
  }

  /** What one, two and three of those have who have not got all: what is rare goes first. */
  #spread(): [once: BlockSet, twice: BlockSet, thrice: BlockSet] {
    let once = new BlockSet(this.tables.blocks);
    let twice = once;
    let thrice = once;
    for (const { complete, have } of this.sources.values()) {
      if (complete) continue;
      thrice = thrice.or(twice.and(have));
      twice = twice.or(once.and(have));
      once = once.or(have);
    }
    return [once, twice, thrice];
  }

  /** A piece came from `peer`. What is to be kept is then to be `kept`. */
  arrived(peer: string, piece: number, data: Uint8Array, now: number): Came {
    if (this.sources.get(peer)?.arrived(piece, now) !== true) return "unasked";
    this.movedAt = now;
    if (!this.tables.proves(piece, data)) {
      this.#land([piece]);
      return "wrong";
    }
    if (piece < TABLES) return "keep";
    this.#land([piece]);
    if (piece === TOP && !this.tables.fits(data)) return "lie";
    this.tables.take(piece, data);
    if (piece !== TOP) this.#open.addRange(this.tables.range(piece - TABLES));
    return "keep";
  }

  /** A block is kept. */
  kept(block: number): void {
    this.#flying.discard(block);
    this.have.add(block);
    this.written++;
  }

  /** `peer` does not send these now. */
  putOff(peer: string, pieces: readonly number[], now: number): void {
    const source = this.sources.get(peer);
    if (source !== undefined) this.#land(pieces.filter((piece) => source.putOff(piece, now + LATER)));
  }

  /** What was not answered for in time is asked of others. */
  expire(now: number): void {
    for (const source of this.sources.values()) this.#land(source.expired(now));
  }

  nextTimer(): number {
    return Math.min(...[...this.sources.values()].map((source) => source.nextTimer()));
  }

  #land(pieces: Iterable<number>): void {
    for (const piece of pieces) {
      this.#state++;
      if (piece < TABLES) this.#flying.discard(piece);
      else this.#flyingTables.delete(piece);
    }
  }
}
