/** Writing one's own messages: no faster than others accept, and never two that are the same. */

import { MAX_FOLLOWS } from "../wire-chat.ts";
import { Bucket, type Rate } from "./bucket.ts";
import type { History } from "./chat-history.ts";
import { ChatRateError, type Draft, nextClock, writeDraft } from "./chat-message.ts";

/** Writes for the author with public key `key` in the room with that hash. */
export class Pen {
  readonly #room: string;
  readonly #key: string;
  readonly #rate: Rate;
  #bucket: Bucket | null = null;
  #time = 0;

  constructor(room: string, key: string, rate: Rate) {
    this.#room = room;
    this.#key = key;
    this.#rate = rate;
  }

  /** A message that follows the last ones. Throws a ChatRateError when it is too early. */
  write(kind: number, body: Uint8Array, history: History, wallMs: number, now: number): Draft {
    this.#bucket ??= new Bucket(this.#rate, now);
    if (!this.#bucket.take(now)) throw new ChatRateError(this.#bucket.ready() - now);
    const heads = history.heads(MAX_FOLLOWS);
    // The same words twice in a millisecond are still two messages.
    this.#time = Math.max(wallMs, this.#time + 1);
    const clock = nextClock(heads.map((head) => head.header.clock));
    const follows = heads.map((head) => head.id);
    return writeDraft(this.#room, this.#key, clock, this.#time, follows, body, kind);
  }
}
