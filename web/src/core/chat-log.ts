/**
 * The chat of a room: which messages count, and what is said to whom (docs/protocol.md section 8).
 *
 * A message counts when its author signed it and all that it follows counts. Two rules keep that from asking for the
 * whole past: what lies before the base is not waited for, and what nobody sends is passed over in the end.
 */

import { fromHex, toHex } from "../encoding.ts";
import { TAG_CHAT } from "../signing.ts";
import {
  type ChatHave,
  type ChatMessage,
  type ChatWant,
  encode,
  MAX_CHAT_IDS,
  type Message,
  PROTOCOL_ERROR,
} from "../wire.ts";
import { MAX_FOLLOWS, roomHash } from "../wire-chat.ts";
import { type Reject, type Send, send, type Verify } from "./actions.ts";
import { Bucket } from "./bucket.ts";
import { Beginning } from "./chat-beginning.ts";
import { Fetch } from "./chat-fetch.ts";
import { History } from "./chat-history.ts";
import { ChatCounters, type ChatLimits, LIMITS } from "./chat-limits.ts";
import { ChatLink } from "./chat-link.ts";
import {
  ChatBreachError,
  ChatRateError,
  comparePlaces,
  type Draft,
  type Entry,
  MAX_CLOCK,
  openMessage,
  type SignedMessage,
  writeDraft,
  writeText,
} from "./chat-message.ts";
import { Pending, type Waiting } from "./chat-pending.ts";
import { Rates } from "./chat-rate.ts";
import { forgetOldest } from "./forget-oldest.ts";

/** A text was accepted: its place among the others is that of its (clock, author key, id). */
export interface Deliver {
  readonly type: "deliver";
  readonly message: Entry;
}

export type ChatAction = Send | Verify | Deliver | Reject;

/** The log of a room at the peer with public key `key`. Peers and messages are named by hex digits. */
export class ChatLog {
  readonly counters = new ChatCounters();
  readonly #limits: ChatLimits;
  readonly #room: string;
  readonly #key: string;
  readonly #history: History;
  readonly #pending: Pending;
  readonly #fetch = new Fetch();
  readonly #links = new Map<string, ChatLink>();
  #actions: ChatAction[] = [];
  #token = 0;
  #own: Bucket | null = null;
  #ownTime = 0;
  readonly #unsent = new Set<string>();
  readonly #authors: Rates;
  readonly #authorsHistory: Rates;
  readonly #refused = new Set<string>();
  readonly #absent = new Set<string>();
  readonly #beginning: Beginning;
  #announceAt: number | null = null;

  constructor(room: string, key: Uint8Array, limits: Partial<ChatLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#room = roomHash(room);
    this.#key = toHex(key);
    const { messages, bytes, waiting, waitingBytes, peerWaiting, peerWaitingBytes } = this.#limits;
    this.#history = new History(messages, bytes);
    this.#pending = new Pending(waiting, waitingBytes, peerWaiting, peerWaitingBytes);
    this.#authors = new Rates(this.#limits.author);
    this.#authorsHistory = new Rates(this.#limits.authorHistory);
    this.#beginning = new Beginning(this.#limits.settling, waiting);
  }

  // What happens outside

  /** A link to `peer` can carry messages. */
  linkOpened(peer: string, now: number): void {
    if (this.#links.has(peer)) this.linkClosed(peer, now);
    this.#links.set(peer, new ChatLink(this.#limits, now));
    this.#fetch.linkOpened(peer, now);
    this.#send(peer, { type: "chatHave", ids: this.#history.newest(this.#limits.newest) });
  }

  /** That link is gone. */
  linkClosed(peer: string, now: number): void {
    this.#links.delete(peer);
    this.#fetch.linkClosed(peer, now);
    this.#settle(now);
  }

  /** A chat message came over the link to `peer`. */
  received(peer: string, message: ChatMessage | ChatHave | ChatWant, now: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    if (message.type === "chatMessage") {
      this.#receivedMessage(peer, link, message, now);
    } else if (message.ids.length > MAX_CHAT_IDS) {
      this.counters.malformed++;
      this.#breach(peer, `A message names at most ${MAX_CHAT_IDS} chat messages.`);
    } else if (message.type === "chatHave") {
      this.#receivedHave(peer, message.ids, now);
    } else {
      this.#receivedWant(peer, link, message.ids, now);
    }
    this.#settle(now);
  }

  /** The answer to a `verify`. */
  verified(token: number, ok: boolean, now: number): void {
    const waiting = this.#pending.byToken(token);
    if (waiting === undefined) return;
    const rates = waiting.askedFor ? this.#authorsHistory : this.#authors;
    if (!ok) {
      this.#forged(waiting, now);
    } else if (rates.take(waiting.message.header.author, now)) {
      this.#place(waiting, now);
    } else {
      this.counters.tooFast++;
      this.#refuse(waiting, now);
    }
    this.#settle(now);
  }

  /** Writes a text, to be signed and then `said`; `wallMs` is the time that it shows. Throws a ChatError. */
  compose(text: string, name: string, wallMs: number, now: number): Draft {
    const body = writeText(name, text);
    this.#own ??= new Bucket(this.#limits.own, now);
    if (!this.#own.take(now)) throw new ChatRateError(this.#own.ready() - now);
    const heads = this.#history.heads(MAX_FOLLOWS);
    // The same words twice in a millisecond are still two messages.
    this.#ownTime = Math.max(wallMs, this.#ownTime + 1);
    const follows = heads.map((head) => head.id);
    return writeDraft(this.#room, this.#key, nextClock(heads), this.#ownTime, follows, body);
  }

  /** Sends one's own message. Throws an Error when it was said before, or not composed here. */
  said(draft: Draft, signature: Uint8Array, now: number): Entry {
    const message = openMessage({ type: "chatMessage", signature, ...draft }, this.#room);
    const entry = message.entry;
    if (entry === null || entry.key !== this.#key || this.#history.has(message.id)) {
      throw new Error("This is not a new message of one's own.");
    }
    this.#history.add(message);
    if (this.#links.size === 0) remember(this.#unsent, message.id, this.#limits.remembered);
    this.#deliver(message);
    this.#push(message, new Set());
    this.#settle(now);
    return entry;
  }

  /** The time of `nextTimer` has come. */
  handleTimer(now: number): void {
    this.#fetch.handleTimer(now);
    for (const [peer, link] of this.#links) this.#answer(peer, link, now);
    if (this.#announceAt !== null && now >= this.#announceAt) this.#announce();
    this.#settle(now);
  }

  /** When to call `handleTimer`. */
  nextTimer(): number | null {
    const links = [...this.#links.values()].map((link) => link.nextTimer());
    const times = [this.#fetch.nextTimer(), this.#announceAt, ...links].filter((time) => time !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** What is to be done now, in order. */
  pollActions(): ChatAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  /** The texts in the order that is the same for everybody. */
  messages(): Entry[] {
    return this.#history.messages.map((message) => message.entry).filter((entry) => entry !== null);
  }

  /** Messages of one's own that no link has carried yet. */
  get unsent(): number {
    return this.#unsent.size;
  }

  // Messages that come

  #receivedMessage(peer: string, link: ChatLink, signed: ChatMessage, now: number): void {
    const message = this.#open(peer, signed);
    if (message === null) return;
    const { id } = message;
    const known = this.#pending.get(id);
    known?.holders.add(peer);
    if (known !== undefined || this.#history.has(id) || this.#refused.has(id)) {
      this.counters.duplicates++;
      return;
    }
    const askedFor = this.#fetch.has(id);
    if (signed.body === null) {
      this.counters.bodiless++;
      this.#fetch.failed(id, peer, now);
    } else if (this.#history.below(message)) {
      this.counters.tooOld++;
      this.#passOver(id, peer, now);
    } else if (this.#ahead(message, now)) {
      this.counters.ahead++;
      this.#passOver(id, peer, now);
    } else if (!askedFor && !link.unasked.take(now)) {
      this.counters.tooFast++;
    } else {
      this.#check(message, peer, askedFor, now);
    }
  }

  #open(peer: string, signed: ChatMessage): SignedMessage | null {
    try {
      return openMessage(signed, this.#room);
    } catch (error) {
      if (!(error instanceof ChatBreachError)) throw error;
      this.counters.malformed++;
      this.#breach(peer, error.message);
      return null;
    }
  }

  #check(message: SignedMessage, peer: string, askedFor: boolean, now: number): void {
    const token = this.#token;
    const holders = new Set([peer]);
    if (!this.#pending.add({ message, source: peer, holders, askedFor, token, missing: new Set() })) {
      this.counters.overflow++;
      return;
    }
    this.#token++;
    for (const holder of this.#fetch.arrived(message.id, peer, now)) holders.add(holder);
    this.#absent.delete(message.id);
    const { header, signature } = message.signed;
    const key = fromHex(message.header.author);
    this.#actions.push({ type: "verify", token, key, tag: TAG_CHAT, data: header, signature });
  }

  #ahead(message: SignedMessage, now: number): boolean {
    const ahead = message.header.clock > this.#history.greatest + this.#limits.clockAhead;
    return ahead && !this.#beginning.lasts(now);
  }

  #forged(waiting: Waiting, now: number): void {
    // The id stays open: somebody else may have the true message, whose header is the same.
    const { id } = waiting.message;
    const followers = this.#pending.awaited(id);
    this.#pending.remove(waiting);
    this.counters.forged++;
    this.#breach(waiting.source, "The signature of the chat message is not its author's.");
    for (const holder of waiting.holders) {
      if (holder !== waiting.source && this.#links.has(holder)) this.#fetch.claimed(id, holder, now);
    }
    for (const follower of followers) this.#fetch.need(id, follower.source, now);
  }

  // Its place in the log

  #place(waiting: Waiting, now: number): void {
    const missing = this.#missing(waiting.message, now);
    if (missing.length === 0) {
      this.#accept(waiting, now);
      return;
    }
    this.#pending.waitFor(waiting, missing);
    for (const followed of missing) {
      if (!this.#pending.has(followed)) this.#fetch.need(followed, waiting.source, now);
    }
  }

  /** The followed messages that it has to wait for. */
  #missing(message: SignedMessage, now: number): string[] {
    if (message.header.clock <= Math.max(this.#history.floor + 1, this.#beginning.clock)) return [];
    const missing = message.header.follows.filter(
      (followed) =>
        !this.#history.has(followed) && !this.#refused.has(followed) && !this.#absent.has(followed),
    );
    if (!this.#beginning.includes(message.id, now)) return missing;
    return missing.filter((followed) => this.#pending.has(followed) || this.#fetch.has(followed));
  }

  #accept(first: Waiting, now: number): void {
    const ready = [first];
    for (const waiting of ready) {
      // grows while it is walked through
      const { message } = waiting;
      this.#pending.remove(waiting);
      if (!this.#fits(message)) {
        this.counters.misplaced++;
        remember(this.#refused, message.id, this.#limits.remembered);
      } else if (this.#history.add(message)) {
        this.#accepted(waiting, now);
      } else {
        this.counters.tooOld++;
      }
      ready.push(...this.#pending.found(message.id));
    }
  }

  #fits({ header }: SignedMessage): boolean {
    const known = header.follows
      .map((id) => this.#history.get(id))
      .filter((message) => message !== undefined);
    // Nobody can tell the clock of what is not there: then it is only bounded, from both sides.
    return known.length === header.follows.length
      ? header.clock === nextClock(known)
      : header.clock >= nextClock(known);
  }

  #accepted({ message, holders, askedFor }: Waiting, now: number): void {
    this.counters.accepted++;
    const complete = message.header.follows.every((followed) => this.#history.has(followed));
    this.#beginning.accepted(message.header.clock, complete, now);
    this.#deliver(message);
    if (!askedFor) {
      this.#push(message, holders);
      return;
    }
    // The past is told, not pushed: whoever lacks it asks, and no rate of its author's is in the way.
    for (const [peer, link] of this.#links) {
      if (holders.has(peer)) continue;
      link.tellLater(message.id);
      this.#announceAt ??= now + this.#limits.announceAfter;
    }
  }

  /** Drops a signed message. A pushed one may be asked for later; one that was asked for is out. */
  #refuse(waiting: Waiting, now: number): void {
    const { id } = waiting.message;
    this.#pending.remove(waiting);
    if (waiting.askedFor) {
      this.#passOver(id, waiting.source, now);
      return;
    }
    for (const follower of this.#pending.awaited(id)) this.#fetch.need(id, follower.source, now);
  }

  /** Nothing is to wait for this message, which `peer` sent. */
  #passOver(id: string, peer: string, now: number): void {
    this.#fetch.arrived(id, peer, now);
    remember(this.#refused, id, this.#limits.remembered);
    this.#found(id, now);
  }

  #found(id: string, now: number): void {
    for (const follower of this.#pending.found(id)) this.#accept(follower, now);
  }

  // Telling and asking

  #receivedHave(peer: string, ids: readonly string[], now: number): void {
    for (const id of ids) {
      this.#unsent.delete(id);
      if (this.#history.has(id) || this.#refused.has(id)) continue;
      this.#beginning.tell(id, now);
      const waiting = this.#pending.get(id);
      if (waiting !== undefined) waiting.holders.add(peer);
      else this.#fetch.claimed(id, peer, now);
    }
  }

  #receivedWant(peer: string, link: ChatLink, ids: readonly string[], now: number): void {
    const found = ids.map((id) => this.#history.get(id)).filter((message) => message !== undefined);
    for (const message of found) link.owe(message.id);
    this.#answer(peer, link, now);
    if (found.length === 0 || ids.length > MAX_FOLLOWS) return;
    // Who asks for a few old messages is filling a gap: told what came before them, it need not go there step by step.
    const oldest = found.reduce((a, b) => (comparePlaces(b, a) < 0 ? b : a));
    if (this.#history.amongNewest(oldest, this.#limits.newest)) return;
    const before = this.#history.before(oldest, this.#limits.newest);
    if (before.length > 0 && link.affords(32 * before.length, now)) {
      this.#send(peer, { type: "chatHave", ids: before });
    }
  }

  #answer(peer: string, link: ChatLink, now: number): void {
    for (const message of link.answers(this.#history, now)) {
      this.#unsent.delete(message.id);
      this.#send(peer, message.signed);
    }
  }

  #announce(): void {
    this.#announceAt = null;
    for (const [peer, link] of this.#links) {
      for (const ids of link.pollUntold()) this.#send(peer, { type: "chatHave", ids });
    }
  }

  #push(message: SignedMessage, holders: ReadonlySet<string>): void {
    const data = encode(message.signed);
    for (const peer of this.#links.keys()) if (!holders.has(peer)) this.#actions.push(send(peer, data));
  }

  #deliver({ entry }: SignedMessage): void {
    if (entry !== null) this.#actions.push({ type: "deliver", message: entry });
  }

  #breach(peer: string, sentence: string): void {
    this.#actions.push({ type: "reject", peer, reason: PROTOCOL_ERROR, sentence });
  }

  #send(peer: string, message: Message): void {
    this.#actions.push(send(peer, encode(message)));
  }

  /** Passes over what nobody has, and sends the questions that are left. */
  #settle(now: number): void {
    for (let givenUp = this.#fetch.pollGivenUp(); givenUp.length > 0; givenUp = this.#fetch.pollGivenUp()) {
      for (const id of givenUp) {
        this.counters.absent++;
        remember(this.#absent, id, this.#limits.remembered);
        this.#found(id, now);
      }
    }
    for (const [peer, ids] of this.#fetch.pollQuestions()) this.#send(peer, { type: "chatWant", ids });
  }
}

function nextClock(followed: readonly SignedMessage[]): number {
  const greatest = followed.reduce((clock, message) => Math.max(clock, message.header.clock), 0);
  return Math.min(greatest + 1, MAX_CLOCK);
}

function remember(ids: Set<string>, id: string, limit: number): void {
  ids.add(id);
  if (ids.size > limit) forgetOldest(ids);
}
