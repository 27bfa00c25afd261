/** What the elements need of a node: a room that one is in, and a stream of it that one watches. `node.ts` implements it. */

import type { Act } from "./core/chat-acts.ts";
import type { Measure, Verb } from "./core/measures.ts";
import type { Moderation } from "./core/moderation.ts";
import type { SharedFile } from "./core/shared-file.ts";

export type P2pMode = "on" | "leaf" | "off";
export type Role = "viewer" | "publisher" | "relay" | "member";

export interface JoinOptions {
  /** Origin of the introducer, such as `https://host:8000`. */
  server: string;
  room: string;
  token?: string;
  name?: string;
  /** base64url; descriptions by any other key are ignored. */
  publisherKey?: string;
  /** The key of the room's owner, base64url, whose moderation is in force; the publisher's where it is not given. */
  owner?: string;
  p2p: P2pMode;
  role?: "viewer" | "member";
}

export interface RosterEntry {
  /** Peer id, 32 hex digits. */
  peer: string;
  name: string;
  role: Role;
}

/** The part of a rendition's description that a player reads. */
export interface Rendition {
  id: string;
  codecs: string;
  width: number;
  height: number;
  /** Bits per second. */
  bandwidth: number;
}

export interface Part {
  number: number;
  epoch: number;
  segment: number;
  /** Seconds on the epoch's media timeline. */
  mediaTime: number;
  /** Seconds. */
  duration: number;
  /** Capture of the first frame, seconds on the publisher's clock. */
  captureTime: number;
  /** Starts with a key frame. */
  independent: boolean;
  discontinuity: boolean;
  /** Index of its init segment in the description. */
  init: number;
  data: Uint8Array;
}

/** Takes a verified stream in order: an init segment before the parts that need it. */
export interface PartSink {
  init(data: Uint8Array, codecs: string, rendition: Rendition): void;
  part(part: Part): void;
  /** Parts of so many seconds were left out before the next one. */
  gap(seconds: number): void;
}

export interface WatchStats {
  /** From viewers and relays. */
  bytesFromPeers: number;
  /** Of those, from relays. */
  bytesFromRelays: number;
  /** By HTTP from any origin, and by links from the publisher itself. */
  bytesFromOrigin: number;
  bytesToPeers: number;
  blocksRejected: number;
  /** Parts of which the publisher has signed two versions. */
  equivocations: number;
  peers: number;
  /** Peer id by stripe. */
  parents: (string | null)[];
  /** Peer ids by stripe. */
  children: string[][];
  rendition: string | null;
  duplicates: number;
}

export interface Watch {
  readonly stats: WatchStats;
  /** The player tells its forward buffer in seconds, about 5 times a second. */
  buffer(seconds: number): void;
  /** The publisher's clock in seconds, and its error; null while unknown. */
  publisherNow(): { time: number; error: number } | null;
  setP2p(mode: P2pMode): void;
  /**
   * Goes over to another rendition at one of its key frames, without a gap; at the earliest when it has brought parts for
   * `proof` seconds. Null: what is watched is too much, so it is left at once, and the picture goes on with whatever comes
   * first of the other. `stats.rendition` tells when that has happened.
   */
  choose(rendition: string, proof?: number | null): void;
  /** The newest part of which anything has come; null before the first. */
  readonly heard: { at: number; mediaTime: number } | null;
  stop(): void;
}

export interface StreamState {
  name: string;
  /** Publisher's key, base64url. */
  key: string;
  /** Publisher's peer id. */
  publisher: string;
  state: "live" | "offline" | "ended";
  title: string;
  renditions: Rendition[];
  /** Absolute URLs, or paths on the introducer's host. */
  origins: string[];
}

export interface ChatMessage {
  id: string;
  /** The author's, 64 hex digits. */
  key: string;
  /** Peer id. */
  author: string;
  name: string;
  text: string;
  /** Author's wall clock, ms since 1970. */
  time: number;
  clock: number;
  /** The id of the message that this one answers. */
  reply: string | null;
  edited: boolean;
  /** Emoji, and the peer ids of those who gave them. */
  reactions: readonly (readonly [emoji: string, authors: readonly string[]])[];
  /** What it tells of. */
  file: SharedFile | null;
}

export type RoomState = "connecting" | "joined" | "reconnecting" | "closed";

/** How far a file is. */
export type FileState =
  | { readonly state: "away" }
  /** Bytes that are here, and peers that have some of it. */
  | { readonly state: "coming"; readonly received: number; readonly sources: number }
  | { readonly state: "here" }
  | { readonly state: "failed"; readonly sentence: string };

/** The files that messages tell of. Nothing comes before somebody asks for it. */
export interface Files {
  stateOf(file: SharedFile): FileState;
  /** Gets a file, or goes on where that stopped. */
  begin(file: SharedFile): void;
  stop(file: SharedFile): void;
  /** All of a file that is here. */
  data(file: SharedFile): Promise<Blob | null>;
}

/** What people do in a chat, besides saying something. Calls reject with one sentence for a person. */
export interface Talk {
  /** One's own key, 64 hex digits. */
  readonly key: string;
  /** Who may do what, and what was done; null where nobody knows who owns the room. */
  readonly moderation: Moderation | null;
  /** Why one cannot say anything now. */
  readonly silenced: string | null;
  /** Does something to a message: puts it otherwise or takes it back, being its author, or gives it an emoji. */
  do(act: Act): Promise<void>;
  /** Tells others that one is writing, or has stopped. */
  writes(on: boolean): void;
  /** The peer ids of those who are writing just now. */
  readonly writing: readonly string[];
  readonly files: Files | null;
  /** The texts just after that message (its id), in order, at most 200, as far as they are here without a gap. */
  after(id: string): Promise<ChatMessage[]>;
  /**
   * The last `count` texts that hold all these words, in order, of what is in memory and in the browser's database; without
   * words it makes ready for that.
   */
  search(words: string, count: number): Promise<ChatMessage[]>;
  /** Takes a measure of moderation, as far as one may. */
  rule(verb: Verb, fields?: Partial<Measure>): Promise<void>;
  /** Settles all but the last `keep` messages, being the owner: nobody keeps the others. */
  checkpoint(keep: number): Promise<void>;
}

/**
 * Fires `roster`, `streams`, `state`, `chat` (detail: all `ChatMessage`s in order) and `error` (detail: `{message}`), all
 * of them `CustomEvent`s.
 */
export interface Room extends EventTarget {
  /** One's own peer id. */
  readonly id: string;
  readonly state: RoomState;
  readonly roster: RosterEntry[];
  /** People in the room; the roster may be a sample of them. */
  readonly count: number;
  readonly streams: Map<string, StreamState>;
  /** `rendition` is the id of the one to begin with; the best unless there is such. */
  watch(stream: string, sink: PartSink, rendition?: string | null): Watch;
  readonly messages: ChatMessage[];
  /** The texts just before that one, in order, at most 200: kept here, or by others. None when nobody here has any. */
  older(than: ChatMessage): Promise<ChatMessage[]>;
  /** `reply` is the id of the message that is answered. Rejects with one sentence for a person. */
  send(text: string, reply?: string): Promise<void>;
  /** Sends a file, which is given to others while the page is open. Rejects with one sentence for a person. */
  sendFile(file: File, text?: string): Promise<void>;
  /** What can be done in the chat; null until it is there. */
  readonly chat: Talk | null;
  setName(name: string): void;
  leave(): void;
}

export type Join = (options: JoinOptions) => Room;
