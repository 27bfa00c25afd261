/** The header of a chat message (docs/protocol.md section 8). */

import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "./encoding.ts";
import { Reader, Writer } from "./octets.ts";

export const VERSION = 1;
/** The kind whose body is shown; others are kept and passed on. */
export const TEXT = 1;
export const MAX_FOLLOWS = 8;
export const MAX_BODY = 16384;
export const MIN_HEADER = 91;
export const MAX_HEADER: number = MIN_HEADER + 32 * MAX_FOLLOWS;

/** Bytes are no header; the message is one sentence. */
export class ChatHeaderError extends Error {}

/** What the author signs. `time` is in ms since 1970; hex digits: `room` 16, `author` (a key) 64, `follows` 64 each. */
export interface ChatHeader {
  kind: number;
  room: string;
  author: string;
  clock: number;
  time: number;
  follows: readonly string[];
  bodyLength: number;
  bodyHash: Uint8Array;
}

function check(header: ChatHeader): void {
  if (header.follows.length > MAX_FOLLOWS) {
    throw new ChatHeaderError(`A chat message follows at most ${MAX_FOLLOWS} others.`);
  }
  if (header.bodyLength > MAX_BODY) {
    throw new ChatHeaderError(`The body of a chat message has at most ${MAX_BODY} bytes.`);
  }
  if (header.time > Number.MAX_SAFE_INTEGER) {
    throw new ChatHeaderError("The time of a chat message is out of range.");
  }
}

/** The bytes that are signed and hashed. Throws a ChatHeaderError when a field is out of its bounds. */
export function encodeChatHeader(header: ChatHeader): Uint8Array<ArrayBuffer> {
  check(header);
  try {
    const writer = new Writer()
      .u8(VERSION)
      .u8(header.kind)
      .hex(header.room, 8)
      .hex(header.author, 32)
      .u32(header.clock)
      .u64(header.time)
      .u8(header.follows.length);
    for (const id of header.follows) writer.hex(id, 32);
    return writer.u32(header.bodyLength).bytes(header.bodyHash, 32).finish();
  } catch (error) {
    throw new ChatHeaderError(`A field of the chat message does not fit: ${(error as Error).message}`);
  }
}

/** Reads a header and checks its bounds, not signature or body. Throws a ChatHeaderError. */
export function parseChatHeader(data: Uint8Array): ChatHeader {
  if (data.length < MIN_HEADER || data.length > MAX_HEADER) {
    throw new ChatHeaderError(
      `The header of a chat message has ${MIN_HEADER} to ${MAX_HEADER} bytes, not ${data.length}.`,
    );
  }
  const reader = new Reader(data);
  const version = reader.u8();
  if (version !== VERSION) {
    throw new ChatHeaderError(
      `The chat message has version ${version}; this program knows version ${VERSION}.`,
    );
  }
  const fixed = {
    kind: reader.u8(),
    room: reader.hex(8),
    author: reader.hex(32),
    clock: reader.u32(),
    time: reader.u64(),
  };
  const count = reader.u8();
  if (data.length !== MIN_HEADER + 32 * count) {
    throw new ChatHeaderError(
      "The header of a chat message is not as long as its list of followed messages.",
    );
  }
  const header = {
    ...fixed,
    follows: reader.list(count, () => reader.hex(32)),
    bodyLength: reader.u32(),
    bodyHash: reader.bytes(32).slice(),
  };
  check(header);
  return header;
}

/** The id (64 hex digits) of the message with these header bytes. */
export function messageId(header: Uint8Array): string {
  return toHex(sha256(header));
}

/** The 16 hex digits by which a header names its room. */
export function roomHash(room: string): string {
  return toHex(sha256(new Writer().lp(room).finish()).subarray(0, 8));
}
