/** What a log asks of the store in which its messages are kept, and who waits for the answer. */

import type { ChatMessage } from "../wire.ts";
import type { Place } from "./chat-message.ts";

/** Messages that are read at a time to be sent: each may have 16 KiB. */
export const AT_ONCE = 16;

/**
 * Keep an accepted message at `place`. `complete` is false where something that it follows is not there: what is missing
 * may still be fetched.
 */
export interface Keep {
  readonly type: "keep";
  readonly place: Place;
  readonly message: ChatMessage;
  readonly complete: boolean;
}

/** Drop the bodies of the message `target` (an id) and of its edits, if that author (a key) wrote them. */
export interface Erase {
  readonly type: "erase";
  readonly target: string;
  readonly author: string;
}

/** Keep a measure for good: it is given to `restore` with all others of the room. */
export interface KeepMeasure {
  readonly type: "keepMeasure";
  readonly message: ChatMessage;
}

/** Drop all messages and measures that stand at that place or before it: a checkpoint settles them. */
export interface Forget {
  readonly type: "forget";
  readonly place: Place;
}

/** Read these messages, checking their signatures; answer with `recalled(token, …)`. */
export interface Recall {
  readonly type: "recall";
  readonly token: number;
  readonly ids: readonly string[];
}

/** Which of these are kept? Answer with `lookedUp(token, …)`. */
export interface Lookup {
  readonly type: "lookup";
  readonly token: number;
  readonly ids: readonly string[];
}

/** The last `count` that are kept up to the last of those, in order: answer with `lookedUp(token, …)`. */
export interface LookupBefore {
  readonly type: "lookupBefore";
  readonly token: number;
  readonly ids: readonly string[];
  readonly count: number;
}

export type StoreAction = Keep | KeepMeasure | Erase | Forget | Recall | Lookup | LookupBefore;
type Looked = (ids: readonly string[], now: number) => void;
type Recalled = (messages: readonly ChatMessage[], now: number) => void;

/** Questions to the store. How many are open is bounded by who asks: links and waiting messages. */
export class Recalls {
  readonly #act: (action: StoreAction) => void;
  #token = 0;
  readonly #looking = new Map<number, Looked>();
  readonly #recalling = new Map<number, Recalled>();

  constructor(act: (action: StoreAction) => void) {
    this.#act = act;
  }

  recall(ids: readonly string[], then: Recalled): void {
    this.#token++;
    this.#recalling.set(this.#token, then);
    this.#act({ type: "recall", token: this.#token, ids });
  }

  lookUp(ids: readonly string[], then: Looked): void {
    this.#token++;
    this.#looking.set(this.#token, then);
    this.#act({ type: "lookup", token: this.#token, ids });
  }

  lookBefore(ids: readonly string[], count: number, then: Looked): void {
    this.#token++;
    this.#looking.set(this.#token, then);
    this.#act({ type: "lookupBefore", token: this.#token, ids, count });
  }

  recalled(token: number, messages: readonly ChatMessage[], now: number): void {
    const then = this.#recalling.get(token);
    this.#recalling.delete(token);
    then?.(messages, now);
  }

  lookedUp(token: number, ids: readonly string[], now: number): void {
    const then = this.#looking.get(token);
    this.#looking.delete(token);
    then?.(ids, now);
  }
}
