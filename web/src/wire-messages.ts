/** The messages on a link as values; `wire.ts` reads and writes them (docs/protocol.md section 6). Ids are hex. */

/** `Pong.error` of a peer that does not know the publisher's clock. */
export const UNKNOWN_ERROR = 0xffffffff;

/** The first message of each side. */
export interface Hello {
  type: "hello";
  version: number;
  capabilities: readonly string[];
  agent: string;
}

/** Asks for the clock of `publisher` (a peer id); `t0` is the asker's own, in µs. */
export interface Ping {
  type: "ping";
  publisher: string;
  t0: number;
}

/** `t1` (receipt) and `t2` (answer) are on the publisher's clock unless `error` says UNKNOWN_ERROR; all in µs. */
export interface Pong {
  type: "pong";
  publisher: string;
  t0: number;
  t1: number;
  t2: number;
  error: number;
}

/** What was wrong with a message of the receiver's. */
export interface ErrorMessage {
  type: "error";
  code: number;
  sentence: string;
}

/** The link ends. */
export interface Bye {
  type: "bye";
  reason: number;
}

/** A block with the seal of its part (148 bytes, not looked into) and its proof: decoded, they are views of the message. */
export interface Block {
  type: "block";
  seal: Uint8Array;
  index: number;
  proof: readonly Uint8Array[];
  data: Uint8Array;
}

/** Push this stripe from that part on. */
export interface Subscribe {
  type: "subscribe";
  braid: string;
  stripe: number;
  epoch: number;
  number: number;
}

/** Push this stripe no longer. */
export interface Unsubscribe {
  type: "unsubscribe";
  braid: string;
  stripe: number;
}

/** This stripe is not, or no longer, pushed to the receiver. */
export interface Refuse {
  type: "refuse";
  braid: string;
  stripe: number;
  reason: number;
}

/** `path` is the short ids (8 hex digits each) from the publisher to the sender. */
export interface StripeStatus {
  fed: boolean;
  starved: boolean;
  path: readonly string[];
  feeds: boolean;
}

/** What a peer has of a braid: `newest` complete part, `free` places for children. */
export interface Status {
  type: "status";
  braid: string;
  epoch: number;
  newest: number;
  carries: boolean;
  leaving: boolean;
  free: number;
  stripes: readonly StripeStatus[];
}

/** Send these blocks (their indices) of a part when you have them. */
export interface Want {
  type: "want";
  braid: string;
  epoch: number;
  number: number;
  blocks: readonly number[];
}

/** One of `count` messages of a train, each of `size` bytes in all, which show what an upload carries. */
export interface Probe {
  type: "probe";
  braid: string;
  train: number;
  count: number;
  size: number;
}

/** A train has come, in `spread` µs from the first message to the last that counts. */
export interface Probed {
  type: "probed";
  braid: string;
  train: number;
  spread: number;
}

/** A signed stream description, for `openDescription`. */
export interface Stream {
  type: "stream";
  description: Uint8Array;
}

/** `header` is within its bounds and `body`, if present, as long as it says; nothing else is checked. */
export interface ChatMessage {
  type: "chatMessage";
  header: Uint8Array;
  signature: Uint8Array;
  body: Uint8Array | null;
}

/** Ids (64 hex digits) of messages that the sender has. */
export interface ChatHave {
  type: "chatHave";
  ids: readonly string[];
}

/** Ids (64 hex digits) of messages that the sender lacks. */
export interface ChatWant {
  type: "chatWant";
  ids: readonly string[];
}

/** The sender wants to be told what stands just before the first of these messages (64 hex digits each). */
export interface ChatBefore {
  type: "chatBefore";
  ids: readonly string[];
}

/** The answer to a ChatBefore: ids (64 hex digits) in order; none when there is nothing before. */
export interface ChatPage {
  type: "chatPage";
  ids: readonly string[];
}

/** Ids (64 hex digits) of new messages that the sender has, and does not push. */
export interface ChatNews {
  type: "chatNews";
  ids: readonly string[];
}

/** Ids (64 hex digits) of new messages that the sender lacks. From now on it wants to be pushed what is new. */
export interface ChatGraft {
  type: "chatGraft";
  ids: readonly string[];
}

/** Ids (64 hex digits) of messages that came a second time. What is new comes to the sender from others. */
export interface ChatPrune {
  type: "chatPrune";
  ids: readonly string[];
}

/** The sender is `hops` links away from the root (32 hex digits) of the chat's tree, in the last wave that it heard of. */
export interface ChatRoot {
  type: "chatRoot";
  generation: number;
  root: string;
  number: number;
  hops: number;
}

/** What the sender has, for `readComparison`. */
export interface ChatCompare {
  type: "chatCompare";
  data: Uint8Array;
}

/** What the sender has in ranges, for `readRanges`. */
export interface ChatRanges {
  type: "chatRanges";
  data: Uint8Array;
}

/** All that the log of the chat takes. */
export type OfChat = ChatMessage | ChatIds | ChatCompare | ChatRanges | ChatRoot;

/** Those that name messages and nothing else. */
export type ChatIds = ChatHave | ChatWant | ChatBefore | ChatPage | ChatNews | ChatGraft | ChatPrune;

export type Message =
  | Hello
  | Ping
  | Pong
  | ErrorMessage
  | Bye
  | Block
  | Subscribe
  | Unsubscribe
  | Refuse
  | Status
  | Want
  | Probe
  | Probed
  | Stream;
