/** The messages that count, in the order that is the same for everybody, as many as memory is given for. */

import { comparePlaces, type SignedMessage } from "./chat-message.ts";

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
  /** The last message that was left out. */
  #floor: SignedMessage | null = null;

  constructor(messages: number, size: number) {
    this.#maxMessages = messages;
    this.#maxSize = size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): SignedMessage | undefined {
    return this.#byId.get(id);
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
    return this.#floor?.header.clock ?? 0;
  }

  /** Whether a message is older than all that is kept. */
  below(message: SignedMessage): boolean {
    return this.#floor !== null && comparePlaces(message, this.#floor) <= 0;
  }

  /** Keeps an accepted message. False when it was left out at once, being the oldest of too many. */
  add(message: SignedMessage): boolean {
    this.#byId.set(message.id, message);
    this.#order.splice(this.#place(message), 0, message);
    this.#size += message.size;
    for (const followed of message.header.follows) {
      this.#followers.set(followed, (this.#followers.get(followed) ?? 0) + 1);
    }
    while (this.#order.length > this.#maxMessages || this.#size > this.#maxSize) this.#leaveOutOldest();
    return this.#byId.has(message.id);
  }

  #leaveOutOldest(): void {
    const message = this.#order.shift();
    if (message === undefined) return;
    this.#floor = message;
    this.#byId.delete(message.id);
    this.#size -= message.size;
    for (const followed of message.header.follows) {
      const count = (this.#followers.get(followed) ?? 0) - 1;
      if (count > 0) this.#followers.set(followed, count);
      else this.#followers.delete(followed);
    }
  }

  /** How many messages stand before this one. */
  #place(message: SignedMessage): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePlaces(this.#order[middle] as SignedMessage, message) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
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

  /** Ids of the last `count` messages, in order. */
  newest(count: number): string[] {
    return this.#order.slice(-count).map((message) => message.id);
  }

  /** Ids of the `count` messages just before this one, in order. */
  before(message: SignedMessage, count: number): string[] {
    const end = this.#place(message);
    return this.#order.slice(Math.max(0, end - count), end).map((found) => found.id);
  }

  /** Whether this one is among the last `count`. */
  amongNewest(message: SignedMessage, count: number): boolean {
    const first = this.#order.at(-count);
    return first === undefined || comparePlaces(message, first) >= 0;
  }
}
