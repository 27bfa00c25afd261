/**
 * The files of a room's chat: what is kept is given to others, what is wanted comes from several at once.
 *
 * Which files there are is said by signed messages of the chat; all that is told over links is proved by hashes before it
 * counts (docs/protocol.md section 9).
 */

import { TABLES, Tables } from "../file-tables.ts";
import { BAD_BLOCK, PROTOCOL_ERROR } from "../wire.ts";
import {
  encode,
  type FileBlock,
  type FileGot,
  type FileHave,
  type FileSeek,
  type FileWant,
  MAX_GOT,
  MAX_WANT,
  type OfFiles,
} from "../wire-files.ts";
import { BlockSet } from "./block-set.ts";
import { Bucket, type Rate } from "./bucket.ts";
import type { FileAction } from "./file-actions.ts";
import { FileFetch } from "./file-fetch.ts";
import { FilePace, TICK } from "./file-pace.ts";
import { FileServing } from "./file-serving.ts";

/** Files that one peer may want to be told of. */
const MAX_SEEKING = 64;
const MAX_FETCHES = 8;
/** Seconds without a piece after which a file makes room for another that waits. */
const PATIENCE = 30;
/** Pieces that are on their way here, and while something is live. */
const IN_FLIGHT = 256;
const IN_FLIGHT_BESIDE = 64;
/** Pieces of one peer that are asked for at once while something is live. */
const AT_ONCE_BESIDE = 16;
/** Seconds for which blocks that came are gathered before they are told of. */
const TELL_EVERY = 0.1;
/** Pieces that nobody asked for, at once and in a second: those that came too late are among them. */
const UNASKED: Rate = [64, 1];
/** With fewer sources, company is looked for. */
const FEW = 4;
const COMPANY_EVERY = 5;
const COMPANY_TRIES = 6;
const NEVER = Number.POSITIVE_INFINITY;
const NOTHING = new Uint8Array(0);

interface Link {
  readonly unasked: Bucket;
  /** Files that the other side wants to be told of. */
  readonly seeking: Set<string>;
}

/** How much of a file is here. */
export interface Progress {
  /** Blocks that are here. */
  readonly blocks: number;
  readonly all: number;
  /** Peers that have some of it. */
  readonly sources: number;
}

/** The files at the peer with the id `own`. */
export class FileShare {
  /** Pieces that were not what their hashes say. */
  wrong = 0;
  readonly #own: string;
  readonly #links = new Map<string, Link>();
  readonly #whole = new Map<string, Tables>();
  readonly #fetches = new Map<string, FileFetch>();
  readonly #serving = new FileServing();
  /** Blocks that came and that nobody was told of yet. */
  readonly #news = new Map<string, number[]>();
  #tellAt = NEVER;
  #companyAt = NEVER;
  #actions: FileAction[] = [];
  #now = 0;

  constructor(own: string) {
    this.#own = own;
  }

  // What is kept, and what is wanted.

  /** All of a file is kept here from now on. */
  keep(file: string, size: number, now: number): void {
    this.#fetches.delete(file);
    this.#whole.set(file, new Tables(file, size));
    for (const [peer, { seeking }] of this.#links) if (seeking.has(file)) this.#send(peer, allOf(file));
    this.#settle(now);
  }

  /** Gets a file, of which so much is kept already. False while too many others come. */
  begin(tables: Tables, have: BlockSet, now: number): boolean {
    const { file } = tables;
    if (this.#whole.has(file) || this.#fetches.has(file)) return true;
    if (this.#fetches.size >= MAX_FETCHES && !this.#putOffOne(now)) return false;
    const coming = new FileFetch(this.#own, tables, have, now);
    this.#fetches.set(file, coming);
    this.#companyAt = Math.min(this.#companyAt, now + COMPANY_EVERY);
    for (const peer of this.#links.keys()) this.#send(peer, { type: "fileSeek", file, on: true });
    for (const [peer, { seeking }] of this.#links) if (seeking.has(file)) this.#send(peer, haveOf(coming));
    this.#finish(coming);
    this.#settle(now);
    return true;
  }

  #putOffOne(now: number): boolean {
    let slowest: FileFetch | null = null;
    for (const coming of this.#fetches.values()) {
      if (slowest === null || coming.movedAt < slowest.movedAt) slowest = coming;
    }
    if (slowest === null || now < slowest.movedAt + PATIENCE) return false;
    this.#actions.push({ type: "filePutOff", file: slowest.tables.file });
    this.stop(slowest.tables.file, now);
    return true;
  }

  /** What is under way of a file is wanted no more. */
  stop(file: string, now: number): void {
    if (!this.#fetches.delete(file)) return;
    this.#end(file);
    this.#settle(now);
  }

  /** A file is not kept any more. */
  forget(file: string, now: number): void {
    this.#whole.delete(file);
    this.#serving.forget(file);
    this.stop(file, now);
  }

  /** Null for an unknown file. */
  progress(file: string): Progress | null {
    const coming = this.#fetches.get(file);
    if (coming !== undefined) {
      const sources = [...coming.sources.values()].filter(({ have }) => !have.isEmpty).length;
      return { blocks: coming.written, all: coming.tables.blocks, sources };
    }
    const all = this.#whole.get(file)?.blocks;
    return all === undefined ? null : { blocks: all, all, sources: 0 };
  }

  /** Something is live in the room, which goes first, or no longer. */
  besideVideo(on: boolean, now: number): void {
    if (on === (this.#serving.pace !== null)) return;
    this.#serving.pace = on ? new FilePace(now) : null;
    this.#settle(now);
  }

  // What happens outside.

  /** A link to `peer` can carry messages. */
  linkOpened(peer: string, now: number): void {
    this.linkClosed(peer, now);
    this.#links.set(peer, { unasked: new Bucket(UNASKED, now), seeking: new Set() });
    this.#serving.linkOpened(peer);
    for (const file of this.#fetches.keys()) this.#send(peer, { type: "fileSeek", file, on: true });
    this.#settle(now);
  }

  /** That link is gone. */
  linkClosed(peer: string, now: number): void {
    this.#links.delete(peer);
    this.#serving.linkClosed(peer);
    for (const coming of this.#fetches.values()) coming.left(peer);
    this.#settle(now);
  }

  /** The link to `peer` says how many bytes of blocks, of whatever kind, it still holds. */
  drained(peer: string, buffered: number, now: number): void {
    this.#serving.drained(peer, buffered);
    this.#settle(now);
  }

  /** A message about a file came over the link to `peer`. */
  received(peer: string, message: OfFiles, now: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    switch (message.type) {
      case "fileSeek":
        this.#sought(peer, link, message);
        break;
      case "fileHave":
        this.#toldHave(peer, link, message, now);
        break;
      case "fileGot":
        this.#toldGot(peer, message, now);
        break;
      case "fileWant":
        this.#asked(peer, message, now);
        break;
      case "fileBlock":
        this.#came(peer, link, message, now);
        break;
      case "fileLater":
        this.#fetches.get(message.file)?.putOff(peer, message.pieces, now);
        break;
    }
    this.#settle(now);
  }

  /** The answer to a `ReadPiece`: null when it could not be read. */
  pieceRead(peer: string, file: string, piece: number, data: Uint8Array | null, now: number): void {
    const message = data === null ? NOTHING : encode({ type: "fileBlock", file, piece, data });
    if (this.#serving.read(peer, message.length)) {
      if (data === null) this.#send(peer, { type: "fileLater", file, pieces: [piece] });
      else this.#actions.push({ type: "send", peer, data: message, channel: "blocks" });
    }
    this.#settle(now);
  }

  /** The answer to a `WritePiece`. */
  written(file: string, piece: number, ok: boolean, now: number): void {
    const coming = this.#fetches.get(file);
    if (coming !== undefined && !ok) {
      this.#fail(file, "The file cannot be kept: the disk is full, or the store cannot be written.");
    } else if (coming !== undefined && piece < TABLES) {
      coming.kept(piece);
      const news = this.#news.get(file) ?? [];
      news.push(piece);
      this.#news.set(file, news);
      this.#tellAt = Math.min(this.#tellAt, now + TELL_EVERY);
      this.#finish(coming);
    }
    this.#settle(now);
  }

  /** When `handleTimer` is to be called next. */
  nextTimer(): number {
    const timers = [...this.#fetches.values()].map((coming) => coming.nextTimer());
    const { pace } = this.#serving;
    if (this.#fetches.size > 0 && pace !== null) {
      timers.push(pace.asksAgainAt(this.#now));
      if ([...this.#fetches.values()].some(({ flying }) => flying > 0)) timers.push(this.#now + TICK);
    }
    return Math.min(...timers, this.#tellAt, this.#companyAt, this.#serving.nextTimer(this.#now));
  }

  /** `nextTimer` has come. The shell was woken `late` by so many seconds, whatever it was woken for. */
  handleTimer(now: number, late = 0): void {
    this.#serving.pace?.woken(late, now);
    for (const coming of this.#fetches.values()) coming.expire(now);
    if (now >= this.#tellAt) this.#tellNews();
    if (now >= this.#companyAt) this.#lookForCompany(now);
    this.#settle(now);
  }

  pollActions(): FileAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  // What others say.

  #sought(peer: string, { seeking }: Link, { file, on }: FileSeek): void {
    if (!on) {
      seeking.delete(file);
    } else if (seeking.has(file) || seeking.size < MAX_SEEKING) {
      seeking.add(file);
      const coming = this.#fetches.get(file);
      if (this.#whole.has(file)) this.#send(peer, allOf(file));
      else if (coming !== undefined) this.#send(peer, haveOf(coming));
    }
  }

  #toldHave(peer: string, { seeking }: Link, { file, complete, blocks }: FileHave, now: number): void {
    if (complete) seeking.delete(file);
    const coming = this.#fetches.get(file);
    if (coming === undefined) return;
    const size = coming.tables.blocks;
    let have: BlockSet | null;
    if (complete) have = BlockSet.whole(size);
    else if (blocks.length > 0) have = BlockSet.fromBytes(size, blocks);
    else have = new BlockSet(size);
    if (have === null) this.#outOfBounds(peer, coming);
    else coming.source(peer, now).tells(have, complete);
  }

  #toldGot(peer: string, { file, blocks }: FileGot, now: number): void {
    const coming = this.#fetches.get(file);
    if (coming === undefined) return;
    if (blocks.some((block) => block >= coming.tables.blocks)) {
      this.#outOfBounds(peer, coming);
      return;
    }
    const source = coming.source(peer, now);
    for (const block of blocks) source.have.add(block);
    source.emptyAt = null;
  }

  /** What `peer` says fits no file of that size. Before its top table is here, the size is hearsay. */
  #outOfBounds(peer: string, { tables }: FileFetch): void {
    if (tables.top === null) return;
    this.#breach(peer, PROTOCOL_ERROR, "What the peer says that it has of a file is more than there is.");
  }

  #asked(peer: string, { file, pieces }: FileWant, now: number): void {
    const whole = this.#whole.get(file);
    const coming = this.#fetches.get(file);
    const later = pieces.filter((piece) => {
      const here = whole === undefined ? coming?.has(piece) === true : whole.length(piece) > 0;
      return !here || !this.#serving.ask(peer, file, piece, whole !== undefined && piece < TABLES, now);
    });
    if (later.length > 0) this.#send(peer, { type: "fileLater", file, pieces: later });
  }

  #came(peer: string, { unasked }: Link, { file, piece, data }: FileBlock, now: number): void {
    const came = this.#fetches.get(file)?.arrived(peer, piece, data, now) ?? "unasked";
    switch (came) {
      case "keep":
        this.#actions.push({ type: "writePiece", file, piece, data });
        break;
      case "lie":
        this.#fail(file, "The file is not as large as its message says, so it was not fetched.");
        break;
      case "wrong":
        this.wrong++;
        this.#breach(peer, BAD_BLOCK, "A block of a file is not what its hash says.");
        break;
      case "unasked":
        if (!unasked.take(now)) {
          this.#breach(peer, PROTOCOL_ERROR, "Blocks of a file came that nobody had asked for.");
        }
        break;
    }
  }

  // Inside.

  #finish(coming: FileFetch): void {
    if (!coming.isDone) return;
    const { file, size } = coming.tables;
    this.#actions.push({ type: "fileDone", file });
    this.#news.delete(file);
    this.#fetches.delete(file);
    this.#whole.set(file, new Tables(file, size));
    // Also to those who have it all: there is nothing to tell us of any more.
    for (const peer of this.#links.keys()) this.#send(peer, allOf(file));
  }

  #fail(file: string, sentence: string): void {
    this.#fetches.delete(file);
    this.#actions.push({ type: "fileFailed", file, sentence });
    this.#end(file);
  }

  #end(file: string): void {
    this.#news.delete(file);
    for (const peer of this.#links.keys()) this.#send(peer, { type: "fileSeek", file, on: false });
  }

  #tellNews(): void {
    this.#tellAt = NEVER;
    for (const [file, blocks] of this.#news) {
      for (let start = 0; start < blocks.length; start += MAX_GOT) {
        const some = blocks.slice(start, start + MAX_GOT);
        for (const [peer, { seeking }] of this.#links) {
          if (seeking.has(file)) this.#send(peer, { type: "fileGot", file, blocks: some });
        }
      }
    }
    this.#news.clear();
  }

  #lookForCompany(now: number): void {
    const lonely = [...this.#fetches.values()].filter(
      ({ tries, sources }) =>
        tries < COMPANY_TRIES && [...sources.values()].filter(({ have }) => !have.isEmpty).length < FEW,
    );
    this.#companyAt = this.#fetches.size > 0 ? now + COMPANY_EVERY : NEVER;
    if (lonely.length > 0) this.#actions.push({ type: "findCompany" });
    for (const coming of lonely) coming.tries++;
  }

  #send(peer: string, message: OfFiles): void {
    this.#actions.push({ type: "send", peer, data: encode(message), channel: "control" });
  }

  #breach(peer: string, reason: number, sentence: string): void {
    this.#actions.push({ type: "reject", peer, reason, sentence });
  }

  /** Asks for what there is room for, and reads what can be sent. */
  #settle(now: number): void {
    this.#now = now;
    const { pace } = this.#serving;
    const atOnce = pace === null ? MAX_WANT : AT_ONCE_BESIDE;
    let room = pace === null ? IN_FLIGHT : IN_FLIGHT_BESIDE;
    for (const coming of this.#fetches.values()) room -= coming.flying;
    for (const [file, coming] of this.#fetches) {
      for (const [peer, source] of coming.sources) {
        if (pace?.mayAsk(now) === false) break;
        const pieces = coming.plan(source, Math.min(room, atOnce), now);
        if (pieces.length === 0) continue;
        room -= pieces.length;
        this.#send(peer, { type: "fileWant", file, pieces });
        pace?.asked(pieces.length, now);
      }
    }
    for (const { peer, file, piece } of this.#serving.take(now)) {
      this.#actions.push({ type: "readPiece", peer, file, piece });
    }
  }
}

function allOf(file: string): FileHave {
  return { type: "fileHave", file, complete: true, blocks: NOTHING };
}

function haveOf({ tables, have }: FileFetch): FileHave {
  const { file } = tables;
  return { type: "fileHave", file, complete: false, blocks: have.isEmpty ? NOTHING : have.toBytes() };
}
