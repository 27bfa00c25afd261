import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { BlockSet } from "../src/core/block-set.ts";
import type { FileAction } from "../src/core/file-actions.ts";
import { FileShare } from "../src/core/file-share.ts";
import { fromHex, toHex } from "../src/encoding.ts";
import { TABLES, Tables, TOP } from "../src/file-tables.ts";
import { decode, type OfFiles } from "../src/wire-files.ts";
import { Content, octets } from "./shared-files.ts";

const FOLDER = new URL("../../tests/vectors/files/", import.meta.url);

/** A step as the trace has it; which fields there are follows from the event. */
// biome-ignore lint/suspicious/noExplicitAny: read from JSON
type Step = any;

const contents = new Map<number, Content>();

function content(size: number): Content {
  let found = contents.get(size);
  if (found === undefined) {
    found = new Content(octets(size));
    contents.set(size, found);
  }
  return found;
}

class Replay {
  readonly #files: Map<string, Content>;
  readonly #share: FileShare;

  constructor(own: string, sizes: readonly number[]) {
    this.#share = new FileShare(own);
    this.#files = new Map(sizes.map((size) => [content(size).id, content(size)]));
  }

  #piece(file: string, piece: number): Uint8Array {
    return this.#files.get(file)?.pieces.get(piece) ?? new Uint8Array();
  }

  #message({ type, ...fields }: Step): OfFiles {
    const message = { ...fields, type: `f${type.slice(1)}` };
    if (type === "FileHave") message.blocks = fromHex(fields.blocks);
    if (type === "FileBlock") {
      const { data, file, piece } = fields;
      message.data = data === "good" ? this.#piece(file, piece) : fromHex(data);
    }
    return message;
  }

  play(step: Step): void {
    const { event, now } = step;
    const share = this.#share;
    switch (event) {
      case "keep":
        share.keep(step.file, step.size, now);
        break;
      case "begin": {
        const tables = new Tables(step.file, step.size);
        if (step.top) tables.take(TOP, this.#piece(step.file, TOP));
        for (const section of step.known)
          tables.take(TABLES + section, this.#piece(step.file, TABLES + section));
        const have = BlockSet.fromBytes(tables.blocks, fromHex(step.have));
        if (have !== null) share.begin(tables, have, now);
        break;
      }
      case "stop":
        share.stop(step.file, now);
        break;
      case "forget":
        share.forget(step.file, now);
        break;
      case "beside_video":
        share.besideVideo(step.on, now);
        break;
      case "link_opened":
        share.linkOpened(step.peer, now);
        break;
      case "link_closed":
        share.linkClosed(step.peer, now);
        break;
      case "drained":
        share.drained(step.peer, step.buffered, now);
        break;
      case "received":
        share.received(step.peer, this.#message(step.message), now);
        break;
      case "piece_read": {
        const data = step.found ? this.#piece(step.file, step.piece) : null;
        share.pieceRead(step.peer, step.file, step.piece, data, now);
        break;
      }
      case "written":
        share.written(step.file, step.piece, step.ok, now);
        break;
      case "handle_timer":
        share.handleTimer(now, step.late);
        break;
      default:
        throw new Error(`The trace has an unknown event: ${event}.`);
    }
  }

  told(): { actions: object[]; timer: number | null } {
    const actions = this.#share.pollActions().map((action) => this.#plain(action));
    const timer = this.#share.nextTimer();
    return { actions, timer: Number.isFinite(timer) ? timer : null };
  }

  #plain(value: FileAction | OfFiles): object {
    const { type, ...fields } = value;
    const name = `${type[0]?.toUpperCase()}${type.slice(1)}`;
    if (value.type === "send") {
      const { peer, channel, data } = value;
      return { type: name, peer, message: this.#plain(decode(data)), channel };
    }
    const entries = Object.entries(fields).map(([key, field]) => {
      if (!(field instanceof Uint8Array)) return [key, field];
      const good = key === "data" && "piece" in value && this.#isGood(value.file, value.piece, field);
      return [key, good ? "good" : toHex(field)];
    });
    return { type: name, ...Object.fromEntries(entries) };
  }

  #isGood(file: string, piece: number, data: Uint8Array): boolean {
    return toHex(this.#piece(file, piece)) === toHex(data);
  }
}

test.each(readdirSync(FOLDER))("the share does what the other one did: %s", (name) => {
  const { own, sizes, steps } = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"));
  const replay = new Replay(own, sizes);
  for (const [number, step] of steps.entries()) {
    replay.play(step);
    expect({ number, ...replay.told() }).toEqual({ number, actions: step.actions, timer: step.timer });
  }
});

test("a set of blocks goes round, and takes no bits that no block has", () => {
  const some = BlockSet.of(70, [3, 31, 32, 69]);
  expect([0, 4, 32, 33, 69].map((start) => some.first(start))).toEqual([3, 31, 32, 69, 69]);
  some.discard(69);
  expect(some.first(33)).toBe(3);
  expect(new BlockSet(70).first(5)).toBeNull();
  expect(BlockSet.fromBytes(9, Uint8Array.of(255, 1))?.count).toBe(9);
  expect(BlockSet.fromBytes(9, Uint8Array.of(255, 3))).toBeNull();
  expect(BlockSet.fromBytes(9, Uint8Array.of(255))).toBeNull();
  expect(BlockSet.whole(40).minus(BlockSet.of(40, [5])).count).toBe(39);
});
