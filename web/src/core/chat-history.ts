/** The messages that count, in the order that is the same for everybody, as many as memory is given for. */

import { TEXT } from "../wire-chat.ts";
import { comparePlaces, type Place, type SignedMessage } from "./chat-message.ts";
import { Restraints } from "./chat-restraints.ts";
import { View } from "./chat-view.ts";

/**
 * At most `messages` messages and `size` bytes: the last ones in order.
 *
 * What was left out stays out, whatever comes later: it depends on what was accepted and never on when.
 */
export class History {
  readonly #maxMessages: number;
  readonly #maxSize: number;
  #size = 0;
  readonly #byId = new Map<string, SignedMessage>();
  readonly #order: SignedMessage[] = [];
  readonly #followers = new Map<string, number>();
  /** The last place that was left out. */
  #floor: Place | null = null;
  /** By author. */
  readonly #texts = new Map<string, SignedMessage[]>();
  readonly #pinned = new Map<string, SignedMessage>();
  readonly restraints: Restraints;
  /** What the messages in memory do to each other. */
  readonly view: View;

  constructor(messages: number, size: number, owner: string | null = null) {
    this.restraints = new Restraints(
      owner,
      (id) => this.get(id),
      (message) => this.#previous(message),
    );
    this.view = new View(this.restraints);
    this.#maxMessages = messages;
    this.#maxSize = size;
  }

  has(id: string): boolean {
    return this.#byId.has(id) || this.#pinned.has(id);
  }

  get(id: string): SignedMessage | undefined {
    return this.#byId.get(id) ?? this.#pinned.get(id);
  }

  /** Keeps a measure whatever is left out. */
  pin(message: SignedMessage): void {
    this.#pinned.set(message.id, message);
    this.restraints.added(message);
  }

  /** The measures that are kept, in order. */
  get pinned(): SignedMessage[] {
    return [...this.#pinned.values()].sort((a, b) => comparePlaces(a.place, b.place));
  }

  /** In order. */
  get messages(): readonly SignedMessage[] {
    return this.#order;
  }

  /** The greatest clock; 0 when there is no message. */
  get greatest(): number {
    return this.#order.at(-1)?.header.clock ?? 0;
  }

  /** The greatest clock that was left out; 0 while all was kept. */
  get floor(): number {
    return this.#floor?.[0] ?? 0;
  }

  /** The last place that was left out. */
  get leftOut(): Place | null {
    return this.#floor;
  }

  /** Whether a message there is older than all that is kept. */
  below(place: Place): boolean {
    return this.#floor !== null && comparePlaces(place, this.#floor) <= 0;
  }

  /** What stands there or before it is not here. */
  beginAfter(place: Place): void {
    this.#floor = place;
  }

  /** Leaves out what stands there or before it. */
  forget(place: Place): void {
    for (let first = this.#order[0]; first !== undefined && comparePlaces(first.place, place) <= 0; ) {
      this.#leaveOutOldest();
      first = this.#order[0];
    }
  }

  /** Leaves out what a checkpoint settles. Returns what was left out. */
  settle(place: Place): SignedMessage[] {
    const gone = this.#order.filter((message) => comparePlaces(message.place, place) <= 0);
    this.forget(place);
    if (!this.below(place)) this.#floor = place;
    return gone;
  }

  /** Leaves out measures that are out by a checkpoint. */
  unpin(): void {
    const { moderation } = this.restraints;
    if (moderation === null) return;
    for (const [id, message] of [...this.#pinned]) {
      if (moderation.has(id)) continue;
      this.#pinned.delete(id);
      const kept = this.#byId.get(id);
      if (kept === undefined) continue;
      this.#order.splice(indexIn(this.#order, message.place), 1);
      this.#leaveOut(kept);
    }
  }

  /** Keeps an accepted message. False when it is left out at once, being older than all that is kept. */
  add(message: SignedMessage): boolean {
    if (this.below(message.place)) return false;
    this.#byId.set(message.id, message);
    this.view.add(message);
    this.#order.splice(indexIn(this.#order, message.place), 0, message);
    if (message.header.kind === TEXT) {
      const texts = this.#texts.get(message.header.author) ?? [];
      texts.splice(indexIn(texts, message.place), 0, message);
      this.#texts.set(message.header.author, texts);
    }
    this.#size += message.size;
    for (const followed of message.header.follows) {
      this.#followers.set(followed, (this.#followers.get(followed) ?? 0) + 1);
    }
    while (this.#order.length > this.#maxMessages || this.#size > this.#maxSize) this.#leaveOutOldest();
    return this.#byId.has(message.id);
  }

  /** Holds it in place of the same with, or without, its body. */
  replace(message: SignedMessage): void {
    const at = indexIn(this.#order, message.place);
    this.view.remove(this.#order[at] as SignedMessage);
    this.#order[at] = message;
    this.#byId.set(message.id, message);
    this.view.add(message);
  }

  #leaveOutOldest(): void {
    const message = this.#order.shift();
    if (message === undefined) return;
    this.#floor = message.place;
    this.#leaveOut(message);
  }

  #leaveOut(message: SignedMessage): void {
    this.#byId.delete(message.id);
    this.view.remove(message);
    this.restraints.removed(message);
    if (message.header.kind === TEXT) {
      const texts = this.#texts.get(message.header.author);
      texts?.shift();
      if (texts?.length === 0) this.#texts.delete(message.header.author);
    }
    this.#size -= message.size;
    for (const followed of message.header.follows) {
      const count = (this.#followers.get(followed) ?? 0) - 1;
      if (count > 0) this.#followers.set(followed, count);
      else this.#followers.delete(followed);
    }
  }

  /** The text of its author that stands just before it. */
  #previous({ header, place }: SignedMessage): SignedMessage | undefined {
    const texts = this.#texts.get(header.author) ?? [];
    return texts[indexIn(texts, place) - 1];
  }

  /** The text of its author that stands just behind it. */
  next({ id, header, place }: SignedMessage): SignedMessage | undefined {
    const texts = this.#texts.get(header.author) ?? [];
    const at = indexIn(texts, place);
    return texts[at]?.id === id ? texts[at + 1] : texts[at];
  }

  /** The last `count` messages that none here follows, in order. */
  heads(count: number): SignedMessage[] {
    const found: SignedMessage[] = [];
    for (let at = this.#order.length - 1; at >= 0 && found.length < count; at--) {
      const message = this.#order[at] as SignedMessage;
      if (!this.#followers.has(message.id)) found.push(message);
    }
    return found.reverse();
  }

  /**
   * Ids of the last `count` messages, and before them of those that none follows: `most` in all. Whoever has what all of
   * these follow has everything.
   */
  summary(count: number, most: number): string[] {
    const newest = this.#order.slice(-count);
    const first = newest[0];
    if (first === undefined) return [];
    const heads = this.heads(most).filter((head) => comparePlaces(head.place, first.place) < 0);
    return [...heads.slice(newest.length - most), ...newest].map((message) => message.id);
  }

  /** Ids of the `count` messages just before that place, in order. */
  before(place: Place, count: number): string[] {
    const end = indexIn(this.#order, place);
    return this.#order.slice(Math.max(0, end - count), end).map((found) => found.id);
  }

  /** Those at that place and before it, the last one first. */
  *backFrom(place: Place): Iterable<SignedMessage> {
    for (let at = indexIn(this.#order, place); at >= 0; at--) {
      const message = this.#order[at];
      if (message !== undefined && comparePlaces(message.place, place) <= 0) yield message;
    }
  }

  /** Whether that place is one of the last `count`. */
  amongNewest(place: Place, count: number): boolean {
    const first = this.#order.at(-count);
    return first === undefined || comparePlaces(place, first.place) >= 0;
  }
}

/** How many of these, which are in order, stand before that place. */
function indexIn(messages: readonly SignedMessage[], place: Place): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePlaces((messages[middle] as SignedMessage).place, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
