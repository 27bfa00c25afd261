/**
 * The messages of the chat on a link, and the header of what somebody says (docs/protocol.md sections 6 and 8).
 *
 * They are kept apart from `wire.ts`, for a page loads them only when there is a chat.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "./encoding.ts";
import { OctetError, Reader, Writer } from "./octets.ts";
import { MALFORMED, MAX_MESSAGE, type OfChat, TOO_LARGE, WireError } from "./wire.ts";

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

export const MAX_CHAT_IDS = 256;
/** Types 0x21 and so on. */
const TYPES: readonly Exclude<OfChat["type"], "chatMessage" | "chatRoot">[] = [
  "chatHave",
  "chatWant",
  "chatBefore",
  "chatPage",
  "chatNews",
  "chatGraft",
  "chatPrune",
  "chatCompare",
  "chatRanges",
];
const ROOT = 0x2a;

/** Reads a message of the types from 0x20 on; null when its type is not known. Throws a WireError and nothing else. */
export function decodeChat(data: Uint8Array): OfChat | null {
  if (data.length > MAX_MESSAGE) {
    throw new WireError(TOO_LARGE, `A message has at most ${MAX_MESSAGE} bytes, not ${data.length}.`);
  }
  try {
    const reader = new Reader(data);
    const message = readOfChat(reader.u8(), reader);
    if (message !== null) reader.end();
    return message;
  } catch (error) {
    if (!(error instanceof OctetError || error instanceof ChatHeaderError)) throw error;
    throw new WireError(MALFORMED, error.message);
  }
}

function readOfChat(number: number, reader: Reader): OfChat | null {
  if (number === 0x20) return readChatMessage(reader);
  if (number === ROOT) {
    const [generation, root] = [reader.u32(), reader.hex(16)];
    return { type: "chatRoot", generation, root, number: reader.u32(), hops: reader.u8() };
  }
  const type = TYPES[number - 0x21];
  if (type === undefined) return null;
  if (type === "chatCompare" || type === "chatRanges") return { type, data: reader.bytes(reader.left) };
  const count = reader.u16();
  if (count > MAX_CHAT_IDS) {
    throw new WireError(TOO_LARGE, `A message names at most ${MAX_CHAT_IDS} chat messages.`);
  }
  return { type, ids: reader.list(count, () => reader.hex(32)) };
}

function readChatMessage(reader: Reader): OfChat {
  const header = reader.bytes(reader.u16());
  const signature = reader.bytes(64);
  const follows = reader.u8();
  const { bodyLength } = parseChatHeader(header);
  if (follows > 1) {
    throw new WireError(MALFORMED, "A chat message says by 0 or 1 whether its body follows.");
  }
  return { type: "chatMessage", header, signature, body: follows === 1 ? reader.bytes(bodyLength) : null };
}

/** The bytes of a message. Throws a RangeError with a sentence when a field is out of its bounds. */
export function encodeChat(message: OfChat): Uint8Array<ArrayBuffer> {
  const data = writeOfChat(message).finish();
  try {
    decodeChat(data); // no copies: held to all that is asked of others
  } catch (error) {
    throw error instanceof WireError ? new RangeError(error.sentence) : error;
  }
  return data;
}

function writeOfChat(message: OfChat): Writer {
  const writer = new Writer();
  if (message.type === "chatMessage") {
    writer.u8(0x20).u16(message.header.length).bytes(message.header).bytes(message.signature, 64);
    return message.body === null ? writer.u8(0) : writer.u8(1).bytes(message.body);
  }
  if (message.type === "chatRoot") {
    const { generation, root, number, hops } = message;
    return writer.u8(ROOT).u32(generation).hex(root, 16).u32(number).u8(hops);
  }
  writer.u8(0x21 + TYPES.indexOf(message.type));
  if ("data" in message) return writer.bytes(message.data);
  writer.u16(message.ids.length);
  for (const id of message.ids) writer.hex(id, 32);
  return writer;
}
