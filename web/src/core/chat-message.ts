/** A chat message as the log holds it, and the body of those that are shown (docs/protocol.md section 8). */

import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes, fromHex, toHex } from "../encoding.ts";
import type { ChatMessage } from "../wire.ts";
import {
  type ChatHeader,
  ChatHeaderError,
  encodeChatHeader,
  MAX_BODY,
  messageId,
  parseChatHeader,
  TEXT,
} from "../wire-chat.ts";

export const MAX_TEXT = 8000;
export const MAX_NAME = 64;
export const MAX_CLOCK = 2 ** 32 - 1;

/** What was to be said cannot be sent; the message is one sentence for a person. */
export class ChatError extends Error {}

/** The author's rate is spent. */
export class ChatRateError extends ChatError {
  constructor(
    /** Seconds to wait before saying the same again. */
    readonly wait: number,
  ) {
    super("You are writing too fast: wait a moment and send it again.");
  }
}

/** No honest peer sends this; the message is one sentence. */
export class ChatBreachError extends Error {}

/** A message that its author has yet to sign (`TAG_CHAT`, over `header`). */
export interface Draft {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** A text to show. Hex digits: `id` and `key` 64, `author` (a peer id) 32; `time` is the author's, in ms since 1970. */
export interface Entry {
  readonly id: string;
  readonly author: string;
  readonly key: string;
  readonly name: string;
  readonly text: string;
  readonly time: number;
  readonly clock: number;
}

/** A message whose form, room and body were checked, its signature perhaps not yet. */
export interface SignedMessage {
  readonly id: string;
  readonly header: ChatHeader;
  readonly place: Place;
  readonly signed: ChatMessage;
  /** What there is to show: null for a kind, or a body, that is kept and passed on but not understood. */
  readonly entry: Entry | null;
  /** Bytes that it takes on a link and, about, in memory. */
  readonly size: number;
}

/** Where a message stands, for everybody. */
export type Place = readonly [clock: number, author: string, id: string];

export function comparePlaces(a: Place, b: Place): number {
  return a[0] - b[0] || compareHex(a[1], b[1]) || compareHex(a[2], b[2]);
}

function compareHex(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const HALF_CHARACTER = /[\ud800-\udfff]/u;

/** Characters as everybody counts them, not UTF-16 units. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** The body of a text. Throws a ChatError. */
export function writeText(name: string, text: string): Uint8Array {
  if (text.trim() === "") throw new ChatError("There is nothing to send: the message is empty.");
  const length = lengthOf(text);
  if (length > MAX_TEXT) {
    throw new ChatError(`The message is too long: it has ${length} characters, ${MAX_TEXT} is the most.`);
  }
  const nameLength = lengthOf(name);
  if (nameLength > MAX_NAME) {
    throw new ChatError(`The name is too long: it has ${nameLength} characters, ${MAX_NAME} is the most.`);
  }
  if (HALF_CHARACTER.test(text) || HALF_CHARACTER.test(name)) {
    throw new ChatError("The message holds half a character that cannot be sent.");
  }
  const body = encoder.encode(JSON.stringify({ text, name }));
  if (body.length > MAX_BODY) {
    throw new ChatError(`The message is too long: it has ${body.length} bytes, ${MAX_BODY} is the most.`);
  }
  return body;
}

/** Name and text of a body of kind TEXT; null when it is not one: its author's fault, not its sender's. */
export function readText(body: Uint8Array): { name: string; text: string } | null {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { text, name } = value as { text?: unknown; name?: unknown };
  if (typeof text !== "string" || typeof name !== "string") return null;
  if (text === "" || lengthOf(text) > MAX_TEXT || lengthOf(name) > MAX_NAME) return null;
  return HALF_CHARACTER.test(text) || HALF_CHARACTER.test(name) ? null : { name, text };
}

/** Checks all but the signature and what it follows; `room` is the hash of ours. Throws a ChatBreachError. */
export function openMessage(message: ChatMessage, room: string): SignedMessage {
  const header = parseHeader(message.header);
  if (header.room !== room) throw new ChatBreachError("The chat message is from another room.");
  if (new Set(header.follows).size !== header.follows.length) {
    throw new ChatBreachError("The chat message follows another one twice.");
  }
  if (header.clock > 1 !== header.follows.length > 0 || header.clock < 1) {
    throw new ChatBreachError("A chat message has the clock 1 if it follows no other, and only then.");
  }
  if (message.signature.length !== 64) {
    throw new ChatBreachError("The signature of a chat message has 64 bytes.");
  }
  const { body } = message;
  if (body !== null && (body.length !== header.bodyLength || !equalBytes(sha256(body), header.bodyHash))) {
    throw new ChatBreachError("The body of the chat message is not the one in its header.");
  }
  // Copies: the log must not keep alive the buffers that the messages came in.
  const signed: ChatMessage = {
    type: "chatMessage",
    header: message.header.slice(),
    signature: message.signature.slice(),
    body: body === null ? null : body.slice(),
  };
  const id = messageId(signed.header);
  const size = signed.header.length + signed.signature.length + header.bodyLength;
  const place: Place = [header.clock, header.author, id];
  return { id, header, place, signed, entry: entryOf(id, header, body), size };
}

function parseHeader(data: Uint8Array): ChatHeader {
  try {
    return parseChatHeader(data);
  } catch (error) {
    if (error instanceof ChatHeaderError) throw new ChatBreachError(error.message);
    throw error;
  }
}

function entryOf(id: string, header: ChatHeader, body: Uint8Array | null): Entry | null {
  const content = header.kind === TEXT && body !== null ? readText(body) : null;
  if (content === null) return null;
  const author = toHex(sha256(fromHex(header.author)).subarray(0, 16));
  return { id, author, key: header.author, ...content, time: header.time, clock: header.clock };
}

/** The clock of what follows messages with these. */
export function nextClock(followed: readonly number[]): number {
  return Math.min(Math.max(0, ...followed) + 1, MAX_CLOCK);
}

/** A message as its author signs it. Throws a ChatHeaderError when a field is out of its bounds. */
export function writeDraft(
  room: string,
  author: string,
  clock: number,
  time: number,
  follows: readonly string[],
  body: Uint8Array,
): Draft {
  const bodyHash = sha256(body);
  const header = encodeChatHeader({
    kind: TEXT,
    room,
    author,
    clock,
    time,
    follows,
    bodyLength: body.length,
    bodyHash,
  });
  return { header, body };
}
