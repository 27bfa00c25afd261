/** The place of a message in the log: what it follows is looked up, fetched and waited for; then it counts. */

import type { ChatMessage } from "../wire.ts";
import { messageId, parseChatHeader } from "../wire-chat.ts";
import { Beginning } from "./chat-beginning.ts";
import type { Fetch } from "./chat-fetch.ts";
import type { History } from "./chat-history.ts";
import type { ChatCounters, ChatLimits } from "./chat-limits.ts";
import {
  bare,
  comparePlaces,
  type Entry,
  nextClock,
  type Place,
  type SignedMessage,
} from "./chat-message.ts";
import type { Past } from "./chat-past.ts";
import type { Pending, Waiting } from "./chat-pending.ts";
import type { Erase, Keep } from "./chat-recall.ts";
import type { Telling } from "./chat-telling.ts";
import { forgetOldest } from "./forget-oldest.ts";

/** A text was accepted: its place among the others is that of its (clock, author key, id). */
export interface Deliver {
  readonly type: "deliver";
  readonly message: Entry;
}

/** What is shown of the text with this id has changed: null when it is gone. */
export interface Revise {
  readonly type: "revise";
  readonly id: string;
  readonly message: Entry | null;
}

/** The message that an act is done to, and what is shown of it. */
type Target = { message: SignedMessage; before: Entry | null } | null;

/** What counts, given messages that their authors have signed. */
export class Placing {
  readonly beginning: Beginning;
  /** The last place that the store has forgotten. */
  bottom: Place | null = null;
  readonly #limits: ChatLimits;
  readonly #counters: ChatCounters;
  readonly #history: History;
  readonly #pending: Pending;
  readonly #fetch: Fetch;
  readonly #telling: Telling;
  readonly #past: Past;
  readonly #stored: boolean;
  readonly #act: (action: Keep | Erase | Deliver | Revise) => void;
  readonly #refused = new Set<string>();
  readonly #absent = new Set<string>();

  constructor(
    limits: ChatLimits,
    counters: ChatCounters,
    history: History,
    pending: Pending,
    fetch: Fetch,
    telling: Telling,
    past: Past,
    stored: boolean,
    act: (action: Keep | Erase | Deliver | Revise) => void,
  ) {
    this.beginning = new Beginning(limits.settling, limits.waiting);
    this.#limits = limits;
    this.#counters = counters;
    this.#history = history;
    this.#pending = pending;
    this.#fetch = fetch;
    this.#telling = telling;
    this.#past = past;
    this.#stored = stored;
    this.#act = act;
  }

  /** Whether it counts, or is out for good, as far as memory tells. */
  knows(id: string): boolean {
    return (this.#history.has(id) && !this.lacksBody(id)) || this.#refused.has(id);
  }

  /** Whether it is here without its body, which nobody who may has deleted. */
  lacksBody(id: string): boolean {
    const known = this.#history.get(id);
    return known !== undefined && known.signed.body === null && !this.#history.view.isDeleted(known);
  }

  /** Whether it is older than all that is kept. */
  below({ place }: SignedMessage): boolean {
    if (!this.#stored) return this.#history.below(place);
    return this.bottom !== null && comparePlaces(place, this.bottom) <= 0;
  }

  /** Has it kept where there is a store. */
  keep(message: SignedMessage, complete: boolean): void {
    if (!this.#stored || this.below(message)) return;
    this.#act({ type: "keep", place: message.place, message: message.signed, complete });
  }

  deliver(message: SignedMessage): void {
    const entry = this.#history.view.entry(message);
    if (entry !== null) this.#act({ type: "deliver", message: entry });
  }

  /** It, without its body if that was taken back. */
  obeying(message: SignedMessage): SignedMessage {
    return this.#history.view.isDeleted(message) ? bare(message) : message;
  }

  /** Takes an accepted message into memory, and does there what it does. False when it is too old for it. */
  add(message: SignedMessage): boolean {
    const target = this.#target(message);
    if (!this.#history.add(message)) return false;
    this.#done(message, target);
    return true;
  }

  /** The body came of a message that was here without it. */
  fill(message: SignedMessage): void {
    const target = this.#target(message);
    this.#history.replace(message);
    this.keep(message, true);
    this.deliver(message);
    this.#done(message, target);
  }

  #target({ act }: SignedMessage): Target {
    const message = act === null ? undefined : this.#history.get(act.target);
    return message === undefined ? null : { message, before: this.#history.view.entry(message) };
  }

  #done(message: SignedMessage, target: Target): void {
    this.erase(message);
    if (target === null) return;
    const { id } = target.message;
    const after = this.#history.view.entry(this.#history.get(id) ?? target.message);
    if (JSON.stringify(after) !== JSON.stringify(target.before))
      this.#act({ type: "revise", id, message: after });
  }

  /** What a message takes back is gone from memory, and from the store. */
  erase({ act, header }: SignedMessage): void {
    if (act?.type !== "delete") return;
    const { target } = act;
    const { author } = header;
    const known = this.#history.get(target);
    for (const taken of [
      ...this.#history.view.edits(target, author),
      ...(known === undefined ? [] : [known]),
    ]) {
      if (taken.header.author === author && taken.signed.body !== null) this.#history.replace(bare(taken));
    }
    if (this.#stored) this.#act({ type: "erase", target, author });
  }

  /** It is here, whatever becomes of it. */
  came(id: string): void {
    this.#absent.delete(id);
  }

  /** It is out for good: nothing is to wait for it. */
  refuse(id: string, now: number): void {
    remember(this.#refused, id, this.#limits.remembered);
    this.#found(id, now);
  }

  /** Nobody has it: what follows it counts without it. */
  giveUp(id: string, now: number): void {
    this.#counters.absent++;
    remember(this.#absent, id, this.#limits.remembered);
    this.#found(id, now);
  }

  /** Its signature is genuine. First the store is asked for what is not in memory. */
  place(waiting: Waiting, now: number): void {
    const { id, header, place } = waiting.message;
    const store = this.#telling.recalls;
    const unknown = header.follows.filter((followed) => !this.#history.has(followed));
    if (this.#history.below(place)) unknown.push(id);
    if (store === null || unknown.length === 0) this.#place(waiting, now);
    else store.recall(unknown, (found, later) => this.#recalled(waiting, found, later));
  }

  #recalled(waiting: Waiting, found: readonly ChatMessage[], now: number): void {
    for (const { header } of found) {
      const id = messageId(header);
      if (id === waiting.message.id) {
        this.#counters.duplicates++;
        this.#pending.remove(waiting);
        this.#found(id, now);
        return;
      }
      waiting.clocks.set(id, parseChatHeader(header).clock);
    }
    this.#place(waiting, now);
  }

  #place(waiting: Waiting, now: number): void {
    const missing = this.#missing(waiting, now);
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
  #missing({ message, clocks }: Waiting, now: number): string[] {
    const floor = this.#stored ? (this.bottom?.[0] ?? 0) : this.#history.floor;
    if (message.header.clock <= Math.max(floor + 1, this.beginning.clock)) return [];
    const missing = message.header.follows.filter(
      (id) => !this.#history.has(id) && !clocks.has(id) && !this.#refused.has(id) && !this.#absent.has(id),
    );
    if (!this.#past.has(message.id) && !this.beginning.includes(message.id, now)) return missing;
    return missing.filter((followed) => this.#pending.has(followed) || this.#fetch.has(followed));
  }

  #accept(first: Waiting, now: number): void {
    const ready = [first];
    for (const waiting of ready) {
      // grows while it is walked through
      const message = this.obeying(waiting.message);
      this.#pending.remove(waiting);
      if (!this.fits(message, waiting.clocks)) {
        this.#counters.misplaced++;
        remember(this.#refused, message.id, this.#limits.remembered);
      } else if (this.add(message) || this.#past.has(message.id) || !this.below(message)) {
        this.#accepted(message, waiting, now);
      } else {
        this.#counters.tooOld++;
      }
      ready.push(...this.#pending.found(message.id));
    }
  }

  fits({ header }: SignedMessage, clocks: ReadonlyMap<string, number>): boolean {
    const known = header.follows
      .map((id) => this.#history.get(id)?.header.clock ?? clocks.get(id))
      .filter((clock) => clock !== undefined);
    const least = nextClock(known);
    // Nobody can tell the clock of what is not there: then it is only bounded, from both sides.
    return known.length === header.follows.length ? header.clock === least : header.clock >= least;
  }

  #accepted(message: SignedMessage, { holders, askedFor, clocks }: Waiting, now: number): void {
    const { id, header } = message;
    this.#counters.accepted++;
    for (const follower of this.#pending.awaited(id)) follower.clocks.set(id, header.clock);
    const complete = header.follows.every((followed) => this.#history.has(followed) || clocks.has(followed));
    this.keep(message, complete);
    if (!this.#history.has(id)) this.erase(message);
    if (this.#past.has(id)) {
      this.#past.came(message); // others ask for pages of their own
      if (this.#history.has(id)) this.#telling.tellLater(id, holders, now); // but this is not long ago
      return;
    }
    this.beginning.accepted(header.clock, complete, now);
    this.deliver(message);
    // The past is told, not pushed: whoever lacks it asks, and no rate of its author's is in the way.
    if (askedFor) this.#telling.tellLater(id, holders, now);
    else this.#telling.push(message, holders);
  }

  #found(id: string, now: number): void {
    for (const follower of this.#pending.found(id)) this.#accept(follower, now);
  }
}

function remember(ids: Set<string>, id: string, limit: number): void {
  ids.add(id);
  if (ids.size > limit) forgetOldest(ids);
}
