/**
 * The chat of a room: which messages count, and what is said to whom (docs/protocol.md section 8).
 *
 * A message counts when its author signed it and all that it follows counts. Two rules keep that from asking for the
 * whole past: what lies before the base is not waited for, and what nobody sends is passed over in the end.
 *
 * Memory holds the last messages. With a store, every accepted message is to be kept there, and it is asked about what is
 * older than those. Without one, older messages are only shown, page by page.
 */

import { fromHex, toHex } from "../encoding.ts";
import { TAG_CHAT } from "../signing.ts";
import {
  type ChatCompare,
  type ChatMessage,
  type ChatRanges,
  type OfChat,
  PROTOCOL_ERROR,
  WireError,
} from "../wire.ts";
import { MAX_CHAT_IDS, roomHash } from "../wire-chat.ts";
import type { Reject, Send, Verify } from "./actions.ts";
import type { Act } from "./chat-acts.ts";
import { peerIdOf } from "./chat-author.ts";
import { Comparing } from "./chat-comparing.ts";
import { Fetch } from "./chat-fetch.ts";
import { History } from "./chat-history.ts";
import { ChatCounters, type ChatLimits, LIMITS } from "./chat-limits.ts";
import type { ChatLink } from "./chat-link.ts";
import {
  ChatBreachError,
  comparePlaces,
  type Draft,
  type Entry,
  openMessage,
  type Place,
  type SignedMessage,
} from "./chat-message.ts";
import { type Page, Past } from "./chat-past.ts";
import { Pen } from "./chat-pen.ts";
import { Pending, type Waiting } from "./chat-pending.ts";
import { Places } from "./chat-places.ts";
import { type Deliver, Placing, type Revise, type Ruled } from "./chat-placing.ts";
import { Rates } from "./chat-rate.ts";
import { Recalls, type StoreAction } from "./chat-recall.ts";
import type { Restraints } from "./chat-restraints.ts";
import { Telling } from "./chat-telling.ts";
import { OWN, type Tree } from "./chat-tree.ts";
import { CHECKPOINT } from "./checkpoint.ts";
import { forgetOldest } from "./forget-oldest.ts";
import { MEASURE, type Measure } from "./measures.ts";
import type { Moderation } from "./moderation.ts";
import type { SharedFile } from "./shared-file.ts";

export type ChatAction = Send | Verify | Deliver | Revise | Ruled | Page | Reject | StoreAction;

/**
 * The log of a room at the peer with public key `key`; `stored` when there is a store. Ids are hex digits. Where the key of
 * the room's `owner` is known, the measures of the owner and of moderators are in force.
 */
export class ChatLog {
  readonly counters = new ChatCounters();
  readonly #limits: ChatLimits;
  readonly #room: string;
  readonly #key: string;
  readonly #history: History;
  readonly #pending: Pending;
  readonly #fetch = new Fetch();
  /** Null without a store. */
  readonly #store: Recalls | null;
  readonly #telling: Telling;
  readonly #links: ReadonlyMap<string, ChatLink>;
  readonly #tree: Tree;
  readonly #past: Past;
  #actions: ChatAction[] = [];
  #token = 0;
  /** Messages that came without a body, and who sent them: taken as they are if nobody has it. */
  readonly #bare = new Map<string, { message: SignedMessage; peer: string }>();
  readonly #pen: Pen;
  readonly #authors: Rates;
  readonly #authorsHistory: Rates;
  readonly #banned: Rates;
  readonly #restraints: Restraints;
  readonly #placing: Placing;
  readonly #places: Places;
  readonly #comparing: Comparing;

  constructor(
    room: string,
    key: Uint8Array,
    limits: Partial<ChatLimits> = {},
    stored = false,
    owner: Uint8Array | null = null,
  ) {
    this.#limits = { ...LIMITS, ...limits };
    this.#room = roomHash(room);
    this.#key = toHex(key);
    const { messages, bytes, waiting, waitingBytes, peerWaiting, peerWaitingBytes } = this.#limits;
    this.#history = new History(messages, bytes, owner === null ? null : toHex(owner));
    this.#restraints = this.#history.restraints;
    this.#pending = new Pending(waiting, waitingBytes, peerWaiting, peerWaitingBytes);
    this.#authors = new Rates(this.#limits.author);
    this.#authorsHistory = new Rates(this.#limits.authorHistory);
    this.#banned = new Rates(this.#limits.banned);
    const act = (action: ChatAction) => void this.#actions.push(action);
    this.#store = stored ? new Recalls(act) : null;
    const lost = (id: string, tellers: readonly string[], now: number) =>
      this.#lostOnTheWay(id, tellers, now);
    this.#telling = new Telling(peerIdOf(this.#key), this.#limits, this.#history, this.#store, act, lost);
    this.#links = this.#telling.links;
    this.#tree = this.#telling.tree;
    const claimed = (peer: string, ids: readonly string[], now: number) => this.#claimed(peer, ids, now);
    this.#past = new Past(this.#history, this.#fetch, this.#telling, claimed, act, this.#limits.remembered);
    this.#places = new Places(this.#limits.compared);
    this.#placing = new Placing(
      this.#limits,
      this.counters,
      this.#history,
      this.#pending,
      this.#fetch,
      this.#telling,
      this.#past,
      this.#places,
      stored,
      act,
    );
    const { beginning } = this.#placing;
    this.#comparing = new Comparing(this.#limits, this.#history, this.#places, beginning, this.#telling);
    this.#pen = new Pen(this.#room, this.#key, this.#limits.own, this.#history);
  }

  // What happens outside

  /** A link to `peer` can carry messages; `company`: how many are in the room. */
  linkOpened(peer: string, now: number, company: number): void {
    if (this.#links.has(peer)) this.linkClosed(peer, now);
    this.#fetch.linkOpened(peer, now);
    this.#telling.linkOpened(peer, now, company);
    this.#comparing.linkOpened(peer, now);
  }

  /** That link is gone. */
  linkClosed(peer: string, now: number): void {
    this.#telling.linkClosed(peer, now);
    this.#comparing.linkClosed(peer);
    this.#pending.linkClosed(peer);
    this.#fetch.linkClosed(peer, now);
    this.#past.linkClosed(peer, now);
    this.#settle(now);
  }

  /** A chat message came over the link to `peer`. */
  received(peer: string, message: OfChat, now: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    if (message.type === "chatMessage") {
      this.#receivedMessage(peer, link, message, now);
    } else if (message.type === "chatCompare" || message.type === "chatRanges") {
      this.#receivedComparison(peer, message, now);
    } else if (message.type === "chatRoot") {
      this.#tree.rooted(peer, message, now);
    } else if (message.ids.length > MAX_CHAT_IDS) {
      this.counters.malformed++;
      this.#breach(peer, `A message names at most ${MAX_CHAT_IDS} chat messages.`);
    } else if (message.type === "chatHave") {
      this.#receivedHave(peer, message.ids, now);
    } else if (message.type === "chatWant") {
      this.#telling.wanted(peer, link, message.ids, now);
    } else if (message.type === "chatNews") {
      this.#receivedNews(peer, message.ids, now);
    } else if (message.type === "chatGraft") {
      this.#tree.grafted(peer);
      this.#telling.wanted(peer, link, message.ids, now);
    } else if (message.type === "chatPrune") {
      this.#tree.pruned(peer);
    } else if (message.type === "chatBefore") {
      this.#telling.askedBefore(peer, link, message.ids, now);
    } else {
      this.#past.received(peer, message.ids, now);
    }
    this.#settle(now);
  }

  /** The answer to a `verify`. */
  verified(token: number, ok: boolean, now: number): void {
    const waiting = this.#pending.byToken(token);
    if (waiting === undefined) return;
    const rates = this.#rates(waiting);
    if (!ok) {
      this.#forged(waiting, now);
    } else if (this.#past.has(waiting.message.id) || rates.take(waiting.message.header.author, now)) {
      this.#placing.place(waiting, now);
    } else {
      this.counters.tooFast++;
      this.#refuse(waiting, now);
    }
    this.#settle(now);
  }

  #rates({ message, askedFor }: Waiting): Rates {
    if (this.#restraints.isBanned(message.header.author)) return this.#banned;
    return askedFor ? this.#authorsHistory : this.#authors;
  }

  /**
   * Writes a text, to be signed and then `said`; `wallMs` is the time that it shows, `reply` the id of what it answers,
   * `file` what it tells of. Throws a ChatError.
   */
  compose(
    text: string,
    name: string,
    wallMs: number,
    now: number,
    reply: string | null = null,
    file: SharedFile | null = null,
  ): Draft {
    return this.#pen.text(text, name, reply, wallMs, now, file);
  }

  /** Writes what one does to a message, to be signed and then `done`. Throws a ChatError. */
  composeAct(act: Act, wallMs: number, now: number): Draft {
    return this.#pen.act(act, wallMs, now);
  }

  /**
   * Writes what one does in the room, to be signed and then `done`; what it comes after, and the last messages of its subject
   * that count, are filled in. Throws a ChatError.
   */
  composeMeasure(measure: Measure, wallMs: number, now: number): Draft {
    return this.#pen.measure(measure, wallMs, now);
  }

  /**
   * Writes a checkpoint, to be signed and then `done`: all but the last `keep` messages are settled. Throws as `compose` does.
   * Nobody keeps what is settled; what is in force there stays in force.
   */
  composeCheckpoint(keep: number, wallMs: number, now: number): Draft {
    return this.#pen.checkpoint(keep, wallMs, now);
  }

  /** The measures of the room; null where nobody knows who owns it. */
  get moderation(): Moderation | null {
    return this.#restraints.moderation;
  }

  /** The message of a measure that was taken. */
  measure(id: string): ChatMessage | undefined {
    return this.#history.get(id)?.signed;
  }

  /** Why one cannot say anything now. */
  get silenced(): string | null {
    return this.#restraints.silenced(this.#key);
  }

  /** Sends one's own text. Throws an Error when it was said before, or not composed here. */
  said(draft: Draft, signature: Uint8Array, now: number): Entry {
    const message = this.#own(draft, signature);
    if (message.entry === null) throw new Error("This is no text.");
    this.#pen.said = message.header.time;
    this.#send(message, now);
    return message.entry;
  }

  /** Sends an act of one's own. Throws an Error when it was sent before, or not composed here. */
  done(draft: Draft, signature: Uint8Array, now: number): void {
    this.#send(this.#own(draft, signature), now);
  }

  #own(draft: Draft, signature: Uint8Array): SignedMessage {
    const message = openMessage({ type: "chatMessage", signature, ...draft }, this.#room);
    if (message.header.author !== this.#key || this.#history.has(message.id)) {
      throw new Error("This is not a new message of one's own.");
    }
    return message;
  }

  #send(message: SignedMessage, now: number): void {
    if (this.#restraints.isMeasure(message)) this.#placing.rule(message, true);
    this.#placing.add(message);
    if (this.#links.size === 0) this.#telling.waitForLinks(message.id);
    this.#placing.keep(message, true);
    this.#placing.deliver(message);
    this.#placing.settled(message, null, now);
    this.#tree.came(message.id, OWN, now);
    this.#telling.push(message, new Set(), now);
    this.#settle(now);
  }

  // The store and the past

  /**
   * The last messages that were kept, in order, their signatures checked again. `before` is the last place that was kept
   * and is not among them, `forgotten` that up to which the store has dropped what it had. `measures` are those that were
   * kept, `places` those of all other messages.
   */
  restore(
    messages: readonly ChatMessage[],
    before: Place | null,
    forgotten: Place | null,
    measures: readonly ChatMessage[] = [],
    places: readonly Place[] = [],
  ): void {
    this.#places.restore(places);
    if (forgotten !== null) this.#places.forget(forgotten);
    this.#placing.beginning.resumes = this.#places.size > 0;
    const opened = measures.map((signed) => this.#opened(signed)).filter((message) => message !== null);
    // By what a checkpoint says it is judged what comes after measures that nobody keeps.
    const isOther = ({ header }: SignedMessage): number => (header.kind === CHECKPOINT ? 0 : 1);
    opened.sort((a, b) => isOther(a) - isOther(b) || comparePlaces(a.place, b.place));
    for (const message of opened) {
      // It was out when the checkpoint was taken.
      if (this.#restraints.settled !== null && this.#restraints.unknown(message).length > 0) continue;
      if (this.#restraints.take(message) === null && message.measure !== null) this.#history.pin(message);
    }
    this.#placing.bottom = forgotten;
    this.#history.unpin();
    this.#placing.settle();
    const floors = [before, forgotten, this.#restraints.settled]
      .filter((place) => place !== null)
      .sort(comparePlaces);
    const floor = floors.at(-1);
    if (floor !== undefined) this.#history.beginAfter(floor);
    for (const signed of messages) {
      const opened = this.#opened(signed);
      if (opened === null) {
        this.counters.malformed++;
      } else if (!this.#history.has(opened.id) && this.#placing.fits(opened, new Map())) {
        const message = this.#placing.obeying(opened);
        this.#history.add(message);
        this.#restraints.added(message);
        this.#placing.erase(message);
      }
    }
    this.#placing.restored();
  }

  #opened(signed: ChatMessage): SignedMessage | null {
    try {
      return openMessage(signed, this.#room);
    } catch (error) {
      if (!(error instanceof ChatBreachError)) throw error;
      return null;
    }
  }

  /** The store has dropped what stood there or before it. */
  forgotten(place: Place): void {
    const { bottom } = this.#placing;
    // A checkpoint may have settled more while the store was at it.
    if (bottom === null || comparePlaces(place, bottom) > 0) this.#placing.bottom = place;
    this.#history.forget(place);
    this.#places.forget(place);
  }

  /** The answer to a `recall`: those that were found. */
  recalled(token: number, messages: readonly ChatMessage[], now: number): void {
    this.#store?.recalled(token, messages, now);
    this.#settle(now);
  }

  /** The answer to a `lookup` or a `lookupBefore`. */
  lookedUp(token: number, ids: readonly string[], now: number): void {
    this.#store?.lookedUp(token, ids, now);
    this.#settle(now);
  }

  /** Asks others what stood before these (at most 8): a `page` follows. False while one is open. */
  askBefore(ids: readonly string[], now: number): boolean {
    return this.#past.begin(ids, false, now);
  }

  /** Asks others for these (at most 8) and what was before: a `page` follows. False while one is open. */
  askMissing(ids: readonly string[], now: number): boolean {
    return this.#past.begin(ids, true, now);
  }

  /** The time of `nextTimer` has come. */
  handleTimer(now: number): void {
    this.#fetch.handleTimer(now);
    this.#telling.handleTimer(now);
    this.#past.handleTimer(now);
    this.#comparing.handleTimer(now);
    this.#settle(now);
  }

  /** When to call `handleTimer`. */
  nextTimer(): number | null {
    const parts = [this.#fetch, this.#telling, this.#past, this.#comparing];
    const times = parts.map((part) => part.nextTimer()).filter((time) => time !== null);
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
    const entries = this.#history.messages.map((message) => this.#history.view.entry(message));
    return entries.filter((entry) => entry !== null);
  }

  /**
   * The last `count` texts in memory before that message, in order, down to where something is missing: what a page left out,
   * because a link ended meanwhile, is not here, and what is older than that may be.
   */
  before(id: string, count: number): Entry[] {
    const known = this.#history.get(id);
    const found: Entry[] = [];
    for (const message of known === undefined ? [] : this.#history.backFrom(known.place)) {
      const entry = this.#history.view.entry(message);
      if (entry !== null && message.id !== id) found.push(entry);
      if (found.length === count || this.lacking(message.id).length > 0) break;
    }
    return found.reverse();
  }

  /** What that message follows and what is not in memory; nothing when it is not there itself. */
  lacking(id: string): string[] {
    const follows = this.#history.get(id)?.header.follows ?? [];
    return follows.filter((followed) => !this.#history.has(followed));
  }

  /** What is to be shown of messages from the store, where `acts` there were done to them. */
  shown(messages: readonly ChatMessage[], acts: readonly ChatMessage[] = []): Entry[] {
    const open = (message: ChatMessage): SignedMessage => openMessage(message, this.#room);
    return this.#past.shown(messages.map(open), acts.map(open));
  }

  /** Messages of one's own that no link has carried yet. */
  get unsent(): number {
    return this.#telling.unsent.size;
  }

  // Messages that come

  #receivedMessage(peer: string, link: ChatLink, signed: ChatMessage, now: number): void {
    const message = this.#open(peer, signed);
    if (message === null) return;
    const { id } = message;
    const known = this.#pending.get(id);
    known?.holders.add(peer);
    if (known === undefined && this.#placing.lacksBody(id)) {
      this.#cameAgain(message, peer, now);
      return;
    }
    if (known !== undefined || this.#history.has(id) || this.#placing.knows(id)) {
      this.counters.duplicates++;
      this.#tree.cameAgain(id, peer);
      return;
    }
    const askedFor = this.#fetch.has(id) && !this.#tree.has(id);
    if (signed.body === null && !this.#history.view.isDeleted(message)) {
      this.counters.bodiless++;
      this.#cameBare(message, peer, now);
    } else if (this.#restraints.settles(message) || (this.#placing.below(message) && !this.#past.has(id))) {
      this.counters.tooOld++;
      this.#passOver(message, peer, now);
    } else if (this.#ahead(message, now)) {
      this.counters.ahead++;
      this.#passOver(message, peer, now);
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

  /** It is here without its body. */
  #cameAgain(message: SignedMessage, peer: string, now: number): void {
    if (message.signed.body === null) {
      this.#fetch.failed(message.id, peer, now);
    } else {
      this.#fetch.arrived(message.id, peer, now);
      this.#placing.fill(message);
    }
  }

  /** Its author may have taken the body back, or `peer` keeps it from us: others are asked. */
  #cameBare(message: SignedMessage, peer: string, now: number): void {
    if (!this.#fetch.has(message.id)) return;
    this.#bare.set(message.id, { message, peer });
    if (this.#bare.size > this.#limits.remembered) forgetOldest(this.#bare);
    this.#fetch.failed(message.id, peer, now);
  }

  #check(message: SignedMessage, peer: string, askedFor: boolean, now: number): void {
    const token = this.#token;
    const holders = new Set([peer]);
    const [missing, clocks] = [new Set<string>(), new Map<string, number>()];
    if (!this.#pending.add({ message, source: peer, holders, askedFor, token, missing, clocks })) {
      this.counters.overflow++;
      return;
    }
    this.#token++;
    for (const holder of this.#fetch.arrived(message.id, peer, now)) holders.add(holder);
    if (!askedFor) for (const holder of this.#tree.came(message.id, peer, now)) holders.add(holder);
    this.#placing.came(message.id);
    const { header, signature } = message.signed;
    const key = fromHex(message.header.author);
    this.#actions.push({ type: "verify", token, key, tag: TAG_CHAT, data: header, signature });
  }

  #ahead(message: SignedMessage, now: number): boolean {
    const ahead = message.header.clock > this.#history.greatest + this.#limits.clockAhead;
    return ahead && !this.#placing.beginning.lasts(now);
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

  /** Drops a signed message. A pushed one may be asked for later; one that was asked for is out. */
  #refuse(waiting: Waiting, now: number): void {
    const { id } = waiting.message;
    this.#pending.remove(waiting);
    if (waiting.askedFor) {
      this.#passOver(waiting.message, waiting.source, now);
      return;
    }
    for (const follower of this.#pending.awaited(id)) this.#fetch.need(id, follower.source, now);
  }

  /** Nothing is to wait for this message, which `peer` sent. */
  #passOver(message: SignedMessage, peer: string, now: number): void {
    this.#fetch.arrived(message.id, peer, now);
    this.#placing.refuse(message, now);
  }

  // What others have

  #receivedComparison(peer: string, { type, data }: ChatCompare | ChatRanges, now: number): void {
    try {
      if (type === "chatCompare") this.#comparing.compared(peer, data, now);
      else this.#comparing.ranges(peer, data, now);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counters.malformed++;
      this.#breach(peer, error.sentence);
    }
  }

  #receivedHave(peer: string, ids: readonly string[], now: number): void {
    for (const id of ids) this.#telling.unsent.delete(id);
    const unknown = ids.filter((id) => !this.#placing.knows(id));
    this.#telling.unlessKept(peer, unknown, (_, missing, later) => this.#told(peer, missing, later), now);
  }

  #receivedNews(peer: string, ids: readonly string[], now: number): void {
    for (const id of ids) {
      this.#telling.unsent.delete(id);
      const waiting = this.#pending.get(id);
      if (waiting !== undefined) waiting.holders.add(peer);
      else if (this.#placing.knows(id)) this.#tree.knows(id, peer);
      else if (this.#tree.mayTell(peer, now)) this.#tree.told(id, peer, now);
    }
  }

  /** It was told of as new, and nobody who told of it has sent it in time. */
  #lostOnTheWay(id: string, tellers: readonly string[], now: number): void {
    for (const peer of tellers) if (this.#links.has(peer)) this.#claimed(peer, [id], now);
  }

  #told(peer: string, ids: readonly string[], now: number): void {
    for (const id of ids) this.#placing.beginning.tell(id, now);
    this.#claimed(peer, ids, now);
  }

  /** `peer` has these, which are missing here. */
  #claimed(peer: string, ids: readonly string[], now: number): void {
    for (const id of ids) {
      const waiting = this.#pending.get(id);
      if (waiting !== undefined) waiting.holders.add(peer);
      // It may have come while the store was asked.
      else if (!this.#placing.knows(id)) this.#fetch.claimed(id, peer, now);
    }
  }

  #breach(peer: string, sentence: string): void {
    this.#actions.push({ type: "reject", peer, reason: PROTOCOL_ERROR, sentence });
  }

  /** Passes over what nobody has, and sends the questions that are left. */
  #settle(now: number): void {
    for (let givenUp = this.#fetch.pollGivenUp(); givenUp.length > 0; givenUp = this.#fetch.pollGivenUp()) {
      for (const id of givenUp) {
        const bare = this.#bare.get(id);
        this.#bare.delete(id);
        if (bare !== undefined && ![MEASURE, CHECKPOINT].includes(bare.message.header.kind))
          this.#check(bare.message, bare.peer, true, now);
        else if (!this.#history.has(id)) this.#placing.giveUp(id, now);
      }
    }
    for (const [peer, ids] of this.#fetch.pollQuestions())
      this.#telling.send(peer, { type: "chatWant", ids });
    this.#past.settle((id) => this.#pending.has(id));
  }
}
