/** Chat messages on their way in: their signature is being checked, or they wait for what they follow. */

import type { SignedMessage } from "./chat-message.ts";

/** A message that is not accepted yet. */
export interface Waiting {
  readonly message: SignedMessage;
  /** Who sent it first. */
  readonly source: string;
  /** The peers that have it, so that it is not sent to them. */
  readonly holders: Set<string>;
  /** It came as an answer, not unasked. */
  readonly askedFor: boolean;
  /** Of the check of its signature. */
  readonly token: number;
  readonly missing: Set<string>;
  /** Of followed messages that are not in memory, by id. */
  readonly clocks: Map<string, number>;
}

interface Load {
  readonly messages: number;
  readonly size: number;
}

const NOTHING: Load = { messages: 0, size: 0 };

/** Waiting messages, bounded by count and bytes in all and for each peer that sent them. */
export class Pending {
  readonly #limit: Load;
  readonly #peerLimit: Load;
  #load = NOTHING;
  readonly #loads = new Map<string, Load>();
  readonly #byId = new Map<string, Waiting>();
  readonly #byToken = new Map<number, string>();
  readonly #followers = new Map<string, Set<string>>();

  constructor(messages: number, size: number, peerMessages: number, peerSize: number) {
    this.#limit = { messages, size };
    this.#peerLimit = { messages: peerMessages, size: peerSize };
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): Waiting | undefined {
    return this.#byId.get(id);
  }

  /** The message whose signature is checked under this number. */
  byToken(token: number): Waiting | undefined {
    const id = this.#byToken.get(token);
    this.#byToken.delete(token);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** False when there is no room for it. */
  add(waiting: Waiting): boolean {
    const { id, size } = waiting.message;
    const load = plus(this.#load, 1, size);
    const peerLoad = plus(this.#loads.get(waiting.source) ?? NOTHING, 1, size);
    if (over(load, this.#limit) || over(peerLoad, this.#peerLimit)) return false;
    this.#load = load;
    this.#loads.set(waiting.source, peerLoad);
    this.#byId.set(id, waiting);
    this.#byToken.set(waiting.token, id);
    return true;
  }

  /** It waits for nothing any more: it is accepted, or out. */
  remove(waiting: Waiting): void {
    const { id, size } = waiting.message;
    this.#byId.delete(id);
    this.#byToken.delete(waiting.token);
    this.#load = plus(this.#load, -1, -size);
    const load = plus(this.#loads.get(waiting.source) ?? NOTHING, -1, -size);
    if (load.messages > 0) this.#loads.set(waiting.source, load);
    else this.#loads.delete(waiting.source);
  }

  /** What `peer` has by now is not known: it may have started again without anything. */
  linkClosed(peer: string): void {
    for (const waiting of this.#byId.values()) waiting.holders.delete(peer);
  }

  /** Lets it wait until `found` was called for each of `missing`. */
  waitFor(waiting: Waiting, missing: readonly string[]): void {
    for (const followed of missing) {
      waiting.missing.add(followed);
      const followers = this.#followers.get(followed) ?? new Set();
      this.#followers.set(followed, followers.add(waiting.message.id));
    }
  }

  /** What waits for this message. */
  awaited(id: string): Waiting[] {
    return this.#all(this.#followers.get(id));
  }

  /** This message need not be waited for any longer: returns what now waits for nothing. */
  found(id: string): Waiting[] {
    const followers = this.#all(this.#followers.get(id));
    this.#followers.delete(id);
    for (const waiting of followers) waiting.missing.delete(id);
    return followers.filter((waiting) => waiting.missing.size === 0);
  }

  #all(ids: Iterable<string> = []): Waiting[] {
    return [...ids].map((id) => this.#byId.get(id)).filter((waiting) => waiting !== undefined);
  }
}

function plus(load: Load, messages: number, size: number): Load {
  return { messages: load.messages + messages, size: load.size + size };
}

function over(load: Load, limit: Load): boolean {
  return load.messages > limit.messages || load.size > limit.size;
}
