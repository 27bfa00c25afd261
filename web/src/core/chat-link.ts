/** What one link is told from the log, and how much of it. */

import { MAX_CHAT_IDS } from "../wire-chat.ts";
import { Bucket } from "./bucket.ts";
import type { History } from "./chat-history.ts";
import type { ChatLimits } from "./chat-limits.ts";
import type { SignedMessage } from "./chat-message.ts";
import { AT_ONCE } from "./chat-recall.ts";

/** Bytes that each answer counts for at least, so that short ones are not too many for the link. */
const LEAST = 768;
/** Questions to the store that one peer's messages may have open. */
const MAX_LOOKUPS = 4;

/** Answers that a peer waits for, and messages of the past that it is still to be told of. */
export class ChatLink {
  /** What the peer may send without having been asked. */
  readonly unasked: Bucket;
  /** What it was told of last because it lacks that, and not what is before it. */
  compared: ReadonlySet<string> = new Set();
  readonly #answers: Bucket;
  readonly #maxOwed: number;
  readonly #owed = new Set<string>();
  /** Owed, and to be read from the store first. */
  readonly #sought = new Set<string>();
  #reading = false;
  #page: readonly string[] | null = null;
  #lookups = 0;
  readonly #lookupRate: Bucket;
  #untold = new Set<string>();

  constructor(limits: ChatLimits, now: number) {
    this.unasked = new Bucket(limits.link, now);
    this.#answers = new Bucket(limits.answers, now);
    this.#lookupRate = new Bucket(limits.lookups, now);
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
        if (!this.#answers.take(now, Math.max(message.size, LEAST))) break;
        found.push(message);
      }
      this.#owed.delete(id);
    }
    return found;
  }

  /** The peer asked for a message that may be in the store. */
  seek(id: string): void {
    if (this.#sought.size < this.#maxOwed) this.#sought.add(id);
  }

  /** What to read from the store now; nothing more before `read`. */
  reads(now: number): string[] {
    if (this.#reading || this.#sought.size === 0 || !this.#answers.take(now, 0)) return [];
    const ids = [...this.#sought].slice(0, AT_ONCE);
    for (const id of ids) this.#sought.delete(id);
    this.#reading = true;
    return ids;
  }

  /** Messages of these sizes came from the store. False if too early: then they are to be sought. */
  read(sizes: readonly number[], now: number): boolean {
    this.#reading = false;
    return this.#answers.take(
      now,
      sizes.reduce((sum, size) => sum + Math.max(size, LEAST), 0),
    );
  }

  /** The peer asked what comes before a message: the last question counts. */
  owePage(ids: readonly string[]): void {
    this.#page = ids;
  }

  /** The page that can be sent now. */
  page(now: number): readonly string[] | null {
    const page = this.#page;
    if (page === null || !this.#answers.take(now, 32 * page.length)) return null;
    this.#page = null;
    return page;
  }

  /** Whether what the peer says may lead to one more question to the store, which is then open. */
  looksUp(now: number): boolean {
    if (this.#lookups === MAX_LOOKUPS || !this.#lookupRate.take(now)) return false;
    this.#lookups++;
    return true;
  }

  lookedUp(): void {
    this.#lookups--;
  }

  /** Whether the peer can be sent so many bytes more, which then count. */
  affords(size: number, now: number): boolean {
    return this.#answers.take(now, size);
  }

  /** When more of what is owed can be sent. */
  nextTimer(): number | null {
    const waits = this.#owed.size > 0 || this.#page !== null || (this.#sought.size > 0 && !this.#reading);
    return waits ? this.#answers.ready() : null;
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
