/**
 * The messages by which files travel (docs/protocol.md sections 6 and 9).
 *
 * They are kept apart from `wire.ts`, for a page loads them only when there is a chat. `decode` holds what came to every
 * bound, or throws a WireError; whether a number fits a file is judged where that file is known. Ids are hex.
 */

import { OctetError, Reader, Writer } from "./octets.ts";
import { MALFORMED, TOO_LARGE, WireError } from "./wire.ts";

/** Bytes of a block of a file, but for the last; and the most that a table of hashes has. */
export const BLOCK = 16384;
/** Blocks of the largest file, which has 2 GiB. */
export const MAX_BLOCKS: number = 2 ** 17;
export const MAX_HAVE: number = MAX_BLOCKS / 8;
export const MAX_GOT = 256;
export const MAX_WANT = 64;

/** The sender wants to be told, or no longer, what the receiver has of a file. */
export interface FileSeek {
  readonly type: "fileSeek";
  readonly file: string;
  readonly on: boolean;
}

/** What the sender has of a file: all, or the blocks whose bits are set (bit 0 of byte 0 is block 0). */
export interface FileHave {
  readonly type: "fileHave";
  readonly file: string;
  readonly complete: boolean;
  readonly blocks: Uint8Array;
}

/** Blocks that the sender has got since. */
export interface FileGot {
  readonly type: "fileGot";
  readonly file: string;
  readonly blocks: readonly number[];
}

/** Send these pieces: blocks by their number, tables of hashes by numbers from 2^31 on. */
export interface FileWant {
  readonly type: "fileWant";
  readonly file: string;
  readonly pieces: readonly number[];
}

/** A piece of a file, at most BLOCK bytes. */
export interface FileBlock {
  readonly type: "fileBlock";
  readonly file: string;
  readonly piece: number;
  readonly data: Uint8Array;
}

/** These pieces do not come now: ask somebody else, or again in a while. */
export interface FileLater {
  readonly type: "fileLater";
  readonly file: string;
  readonly pieces: readonly number[];
}

export type OfFiles = FileSeek | FileHave | FileGot | FileWant | FileBlock | FileLater;

/** Reads a message of the types 0x40 to 0x45. Throws a WireError and nothing else. */
export function decode(data: Uint8Array): OfFiles {
  try {
    const reader = new Reader(data, 1);
    const message = read(data[0] ?? 0, reader.hex(32), reader);
    reader.end();
    return message;
  } catch (error) {
    if (!(error instanceof OctetError)) throw error;
    throw new WireError(MALFORMED, error.message);
  }
}

function read(type: number, file: string, reader: Reader): OfFiles {
  switch (type) {
    case 0x40: {
      const on = reader.u8();
      if (on > 1) throw new WireError(MALFORMED, "A search for a file begins with 1 and ends with 0.");
      return { type: "fileSeek", file, on: on === 1 };
    }
    case 0x41:
      return readHave(file, reader);
    case 0x42:
      return { type: "fileGot", file, blocks: numbers(reader, reader.u16(), MAX_GOT) };
    case 0x43:
      return { type: "fileWant", file, pieces: numbers(reader, reader.u8(), MAX_WANT) };
    case 0x44:
      return readBlock(file, reader);
    default:
      return { type: "fileLater", file, pieces: numbers(reader, reader.u8(), MAX_WANT) };
  }
}

function readHave(file: string, reader: Reader): FileHave {
  const complete = (reader.u8() & 1) === 1;
  if (complete && reader.left > 0) {
    throw new WireError(MALFORMED, "Who has all of a file lists no blocks of it.");
  }
  if (reader.left > MAX_HAVE) throw new WireError(TOO_LARGE, `A file has at most ${MAX_BLOCKS} blocks.`);
  return { type: "fileHave", file, complete, blocks: reader.bytes(reader.left) };
}

function readBlock(file: string, reader: Reader): FileBlock {
  const piece = reader.u32();
  if (reader.left < 1 || reader.left > BLOCK) {
    throw new WireError(TOO_LARGE, `A block of a file has 1 to ${BLOCK} bytes, not ${reader.left}.`);
  }
  return { type: "fileBlock", file, piece, data: reader.bytes(reader.left) };
}

function numbers(reader: Reader, count: number, most: number): number[] {
  if (count > most) {
    throw new WireError(TOO_LARGE, `A message names at most ${most} pieces of a file, not ${count}.`);
  }
  return reader.list(count, () => reader.u32());
}

/** The bytes of a message. Throws a RangeError with a sentence when a field is out of its bounds. */
export function encode(message: OfFiles): Uint8Array<ArrayBuffer> {
  const data = write(message).finish();
  try {
    decode(data); // no copies: held to all that is asked of others
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new RangeError(error.sentence);
  }
  return data;
}

function write(message: OfFiles): Writer {
  const writer = new Writer();
  const { file } = message;
  switch (message.type) {
    case "fileSeek":
      return writer
        .u8(0x40)
        .hex(file, 32)
        .u8(message.on ? 1 : 0);
    case "fileHave":
      return writer
        .u8(0x41)
        .hex(file, 32)
        .u8(message.complete ? 1 : 0)
        .bytes(message.blocks);
    case "fileGot":
      writer.u8(0x42).hex(file, 32).u16(message.blocks.length);
      return list(writer, message.blocks);
    case "fileWant":
      writer.u8(0x43).hex(file, 32).u8(message.pieces.length);
      return list(writer, message.pieces);
    case "fileBlock":
      return writer.u8(0x44).hex(file, 32).u32(message.piece).bytes(message.data);
    case "fileLater":
      writer.u8(0x45).hex(file, 32).u8(message.pieces.length);
      return list(writer, message.pieces);
  }
}

function list(writer: Writer, values: readonly number[]): Writer {
  for (const value of values) writer.u32(value);
  return writer;
}
