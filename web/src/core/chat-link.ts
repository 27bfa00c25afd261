/** What one link is told from the log, and how much of it. */

import { MAX_CHAT_IDS } from "../wire.ts";
import { Bucket } from "./bucket.ts";
import type { History } from "./chat-history.ts";
import type { ChatLimits } from "./chat-limits.ts";
import type { SignedMessage } from "./chat-message.ts";

/** Answers that a peer waits for, and messages of the past that it is still to be told of. */
export class ChatLink {
  /** What the peer may send without having been asked. */
  readonly unasked: Bucket;
  readonly #answers: Bucket;
  readonly #maxOwed: number;
  readonly #owed = new Set<string>();
  #untold = new Set<string>();

  constructor(limits: ChatLimits, now: number) {
    this.unasked = new Bucket(limits.link, now);
    this.#answers = new Bucket(limits.answers, now);
    this.#maxOwed = limits.owed;
  }

  /** The peer asked for a message that is in the log. */
  owe(id: string): void {
    if (this.#owed.size < this.#maxOwed) this.#owed.add(id);
  }

  /** What can be sent now of what is owed. */
  answers(history: History, now: number): SignedMessage[] {
    const found: SignedMessage[] = [];
    for (const id of this.#owed) {
      const message = history.get(id);
      if (message !== undefined) {
        // else it was left out since
        if (!this.#answers.take(now, message.size)) break;
        found.push(message);
      }
      this.#owed.delete(id);
    }
    return found;
  }

  /** Whether the peer can be sent so many bytes more, which then count. */
  affords(size: number, now: number): boolean {
    return this.#answers.take(now, size);
  }

  /** When more of what is owed can be sent. */
  nextTimer(): number | null {
    return this.#owed.size > 0 ? this.#answers.ready() : null;
  }

  tellLater(id: string): void {
    this.#untold.add(id);
  }

  /** Ids to tell the peer, each list small enough for one message. */
  pollUntold(): string[][] {
    const ids = [...this.#untold];
    this.#untold = new Set();
    return inMessages(ids);
  }
}

/** Lists that fit one message each. */
export function inMessages(ids: readonly string[]): string[][] {
  const lists: string[][] = [];
  for (let start = 0; start < ids.length; start += MAX_CHAT_IDS) {
    lists.push(ids.slice(start, start + MAX_CHAT_IDS));
  }
  return lists;
}
