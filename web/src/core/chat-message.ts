/** A chat message as the log holds it, and the body of those that are shown (docs/protocol.md section 8). */

import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes } from "../encoding.ts";
import type { ChatMessage } from "../wire.ts";
import {
  type ChatHeader,
  ChatHeaderError,
  encodeChatHeader,
  messageId,
  parseChatHeader,
  TEXT,
} from "../wire-chat.ts";
import {
  type Act,
  actOf,
  ChatError,
  checkText,
  isText,
  lengthOf,
  MAX_TEXT,
  readBody,
  readId,
  writeBody,
} from "./chat-acts.ts";
import { peerIdOf } from "./chat-author.ts";
import { CHECKPOINT, readCheckpoint } from "./checkpoint.ts";
import { MEASURE, type Measure, readIds, readMeasure } from "./measures.ts";
import { readFile, type SharedFile, writeFile } from "./shared-file.ts";

export const MAX_NAME = 64;
export const MAX_CLOCK = 2 ** 32 - 1;

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

/**
 * A text to show. Hex digits: `id`, `key` and `reply` (the id of what it answers) 64, `author` (a peer id) 32; `time` is the
 * author's, in ms since 1970. `reactions` are emoji and who gave them, the one that was given first before the others.
 */
export interface Entry {
  readonly id: string;
  readonly author: string;
  readonly key: string;
  readonly name: string;
  readonly text: string;
  readonly time: number;
  readonly clock: number;
  readonly reply: string | null;
  readonly edited: boolean;
  readonly reactions: readonly (readonly [emoji: string, authors: readonly string[]])[];
  readonly file: SharedFile | null;
}

/** The body of a text. */
export interface Text {
  readonly name: string;
  readonly text: string;
  readonly reply: string | null;
  readonly file: SharedFile | null;
}

/** A message whose form, room and body were checked, its signature perhaps not yet. */
export interface SignedMessage {
  readonly id: string;
  readonly header: ChatHeader;
  readonly place: Place;
  readonly signed: ChatMessage;
  /** What its author wrote: null for a kind, or a body, that is kept and passed on but not understood. */
  readonly entry: Entry | null;
  /** What its author does to another message. */
  readonly act: Act | null;
  /** What its author does in the room, if that is allowed. */
  readonly measure: Measure | null;
  /** The last measures that its author knew. */
  readonly after: readonly string[];
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

/** The same without its body: header and signature keep the chain whole. */
export function bare(message: SignedMessage): SignedMessage {
  return {
    ...message,
    signed: { ...message.signed, body: null },
    entry: null,
    act: null,
    measure: null,
    after: [],
  };
}

/** The body of a text; `after` are the last measures that its author knows. Throws a ChatError. */
export function writeText(
  name: string,
  text: string,
  reply: string | null,
  after: readonly string[],
  file: SharedFile | null = null,
): Uint8Array {
  checkText(text);
  const length = lengthOf(name);
  if (length > MAX_NAME) {
    throw new ChatError(`The name is too long: it has ${length} characters, ${MAX_NAME} is the most.`);
  }
  const fields = { ...(reply !== null && { reply }), ...(file !== null && { file: writeFile(file) }) };
  return writeBody({ text, name, ...fields }, after);
}

/** The text in a body of kind TEXT; null when it is not one: its author's fault, not its sender's. */
export function readText(body: Uint8Array): Text | null {
  return textOf(readBody(body));
}

function textOf(value: Readonly<Record<string, unknown>> | null): Text | null {
  const { text, name, reply, file } = value ?? {};
  if (!isText(text, 1, MAX_TEXT) || !isText(name, 0, MAX_NAME)) return null;
  return { name, text, reply: readId(reply), file: readFile(file) };
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
  const nothing = { id, header, place, signed, size, entry: null, act: null, measure: null, after: [] };
  if (body === null) return nothing;
  if (header.kind === MEASURE || header.kind === CHECKPOINT) {
    const measure = header.kind === MEASURE ? readMeasure(body) : readCheckpoint(body);
    return { ...nothing, measure, after: measure?.after ?? [] };
  }
  const value = readBody(body);
  const { after: known } = value ?? {};
  const after = readIds(known) ?? [];
  return { ...nothing, entry: entryOf(id, header, value), act: actOf(header.kind, value), after };
}

function parseHeader(data: Uint8Array): ChatHeader {
  try {
    return parseChatHeader(data);
  } catch (error) {
    if (error instanceof ChatHeaderError) throw new ChatBreachError(error.message);
    throw error;
  }
}

function entryOf(
  id: string,
  header: ChatHeader,
  value: Readonly<Record<string, unknown>> | null,
): Entry | null {
  const content = header.kind === TEXT ? textOf(value) : null;
  if (content === null) return null;
  const { author: key, time, clock } = header;
  return { id, author: peerIdOf(key), key, ...content, time, clock, edited: false, reactions: [] };
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
  kind = TEXT,
): Draft {
  const bodyHash = sha256(body);
  const header = encodeChatHeader({
    kind,
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
