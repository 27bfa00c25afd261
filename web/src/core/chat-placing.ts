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
import type { Places } from "./chat-places.ts";
import type { Erase, Forget, Keep, KeepMeasure } from "./chat-recall.ts";
import type { Restraints } from "./chat-restraints.ts";
import type { Telling } from "./chat-telling.ts";
import { isCheckpoint } from "./checkpoint.ts";
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

/** A measure is in force; `live` when it came as news, and not as part of the past. */
export interface Ruled {
  readonly type: "ruled";
  readonly id: string;
  readonly live: boolean;
}

type PlacingAction = Keep | KeepMeasure | Erase | Forget | Deliver | Revise | Ruled;

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
  readonly #places: Places;
  readonly #stored: boolean;
  readonly #act: (action: PlacingAction) => void;
  readonly #restraints: Restraints;
  readonly #shown = new Map<string, Entry>();
  readonly #refused = new Set<string>();
  readonly #absent = new Set<string>();
  /** What a checkpoint settles was dropped up to there. */
  #settled: Place | null = null;
  /** What came although it is settled; a measure that comes after one of these cannot be judged. */
  readonly #settledOut = new Set<string>();

  constructor(
    limits: ChatLimits,
    counters: ChatCounters,
    history: History,
    pending: Pending,
    fetch: Fetch,
    telling: Telling,
    past: Past,
    places: Places,
    stored: boolean,
    act: (action: PlacingAction) => void,
  ) {
    this.beginning = new Beginning(limits.settling, limits.waiting);
    this.#limits = limits;
    this.#counters = counters;
    this.#history = history;
    this.#restraints = history.restraints;
    this.#pending = pending;
    this.#fetch = fetch;
    this.#telling = telling;
    this.#past = past;
    this.#places = places;
    this.#stored = stored;
    this.#act = act;
  }

  /** Whether it counts, or is out for good, as far as memory tells. */
  knows(id: string): boolean {
    const here = this.#history.has(id) && !this.lacksBody(id);
    return here || this.#refused.has(id) || this.#settledOut.has(id);
  }

  /** Whether it is here without its body, which nobody who may has deleted. */
  lacksBody(id: string): boolean {
    const known = this.#history.get(id);
    return known !== undefined && known.signed.body === null && !this.#history.view.isDeleted(known);
  }

  /** Whether it is older than all that is kept, and out for that. */
  below(message: SignedMessage): boolean {
    if (this.#restraints.isMeasure(message)) return false;
    const { place } = message;
    if (!this.#stored) return this.#history.below(place);
    return this.bottom !== null && comparePlaces(place, this.bottom) <= 0;
  }

  /** Has it kept where there is a store. */
  keep(message: SignedMessage, complete: boolean): void {
    if (!this.#stored || this.below(message)) return;
    this.#act({ type: "keep", place: message.place, message: message.signed, complete });
    this.#compare(message);
  }

  /** It is one of those that are compared with what others have; measures are compared by themselves. */
  #compare(message: SignedMessage): void {
    if (!this.#restraints.isMeasure(message)) this.#places.add(message.place);
  }

  /** Shows it, if it is to be shown. */
  deliver(message: SignedMessage): void {
    const known = this.#history.get(message.id);
    if (known !== undefined) this.#show([known]);
  }

  /** It, without its body if that was taken back. */
  obeying(message: SignedMessage): SignedMessage {
    return this.#history.view.isDeleted(message) ? bare(message) : message;
  }

  /** Takes an accepted message into memory, and does what it does. False when it is too old for that. */
  add(message: SignedMessage): boolean {
    if (!this.#history.add(message)) return false;
    if (!this.#stored) {
      this.#compare(message);
      this.#leaveOut();
    }
    this.#done(message);
    const following = this.#history.next(message);
    if (following !== undefined) this.#show([following]); // it may have come too soon after this
    return true;
  }

  /** Without a store, what is not in memory is gone. */
  #leaveOut(): void {
    const { leftOut } = this.#history;
    if (leftOut !== null) this.#places.forget(leftOut);
  }

  /** The body came of a message that was here without it. */
  fill(message: SignedMessage): void {
    this.#history.replace(message);
    this.keep(message, true);
    this.deliver(message);
    this.#done(message);
  }

  /** What a message makes of others. */
  #done(message: SignedMessage): void {
    this.erase(message);
    const target = message.act === null ? undefined : this.#history.get(message.act.target);
    if (this.#restraints.added(message)) this.#show(this.#history.messages);
    else if (target !== undefined) this.#show([target]);
  }

  /** Lets a measure be in force. Returns why it is not. */
  rule(message: SignedMessage, live: boolean): string | null {
    const sentence = this.#restraints.take(message);
    if (sentence !== null) return sentence;
    this.#history.pin(message);
    if (this.#stored) this.#act({ type: "keepMeasure", message: message.signed });
    this.erase(message);
    if (this.#restraints.settled !== null) {
      this.#history.unpin();
      this.settle();
    }
    this.#act({ type: "ruled", id: message.id, live });
    this.#show(this.#history.messages);
    return null;
  }

  /** Drops what a checkpoint settles, and asks again for what was refused, for it may count by now. */
  settle(): void {
    const place = this.#restraints.settled;
    if (place === null || (this.#settled !== null && comparePlaces(place, this.#settled) === 0)) return;
    this.#settled = place;
    for (const { id } of this.#history.settle(place)) this.#telling.unsent.delete(id);
    this.#places.forget(place);
    for (const [id, { clock, key }] of [...this.#shown]) {
      if (comparePlaces([clock, key, id], place) > 0) continue;
      this.#shown.delete(id);
      this.#act({ type: "revise", id, message: null });
    }
    this.#refused.clear();
    if (this.#stored && (this.bottom === null || comparePlaces(this.bottom, place) < 0)) {
      this.bottom = place;
      this.#act({ type: "forget", place });
    }
  }

  /** Lets nothing wait for what a checkpoint tells of, and asks for what it comes after. */
  settled({ id, measure }: SignedMessage, peer: string | null, now: number): void {
    if (!isCheckpoint(measure)) return;
    for (const known of measure.known) this.#found(known, now);
    if (peer === null) return;
    for (const unknown of this.#restraints.moderation?.unknown([id]) ?? [])
      if (!this.#pending.has(unknown)) this.#fetch.need(unknown, peer, now);
  }

  /** What is shown now needs no telling. */
  restored(): void {
    this.#shown.clear();
    for (const message of this.#history.messages) this.#note(message);
  }

  #note(message: SignedMessage): void {
    const entry = this.#history.view.entry(message);
    if (entry !== null) this.#shown.set(message.id, entry);
  }

  /** Tells what is shown of these now, if that is new. */
  #show(messages: readonly SignedMessage[]): void {
    for (const message of [...messages]) {
      const before = this.#shown.get(message.id) ?? null;
      const now = this.#history.view.entry(message);
      if (JSON.stringify(before) === JSON.stringify(now)) continue;
      if (now === null) this.#shown.delete(message.id);
      else this.#shown.set(message.id, now);
      if (before === null && now !== null) this.#act({ type: "deliver", message: now });
      else this.#act({ type: "revise", id: message.id, message: now });
    }
    if (this.#shown.size <= 2 * this.#limits.messages) return;
    for (const id of this.#shown.keys()) if (!this.#history.has(id)) this.#shown.delete(id);
  }

  /** What a message takes back is gone from memory, and from the store. */
  erase(message: SignedMessage): void {
    const taken = this.#restraints.deletes(message);
    if (taken === null) return;
    const { author, target } = taken;
    const known = this.#history.get(target);
    for (const gone of [
      ...this.#history.view.edits(target, author),
      ...(known === undefined ? [] : [known]),
    ]) {
      if (gone.header.author === author && gone.signed.body !== null) this.#history.replace(bare(gone));
    }
    if (this.#stored) this.#act({ type: "erase", target, author });
  }

  /** It is here, whatever becomes of it. */
  came(id: string): void {
    this.#absent.delete(id);
  }

  /** It is out for good: nothing is to wait for it. */
  refuse(message: SignedMessage, now: number): void {
    const out = this.#restraints.settles(message) ? this.#settledOut : this.#refused;
    remember(out, message.id, this.#limits.remembered);
    this.#found(message.id, now);
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
    if (missing.length > 0) this.#wait(waiting, missing, now);
    else this.#accept(waiting, now);
  }

  #wait(waiting: Waiting, missing: readonly string[], now: number): void {
    this.#pending.waitFor(waiting, missing);
    for (const followed of missing) {
      if (!this.#pending.has(followed)) this.#fetch.need(followed, waiting.source, now);
    }
  }

  /**
   * What it has to wait for: measures that its author knew, and messages that it follows. A checkpoint waits for nothing, for
   * others wait for what only it tells.
   */
  #missing(waiting: Waiting, now: number): string[] {
    const { message } = waiting;
    if (isCheckpoint(message.measure) && this.#restraints.isMeasure(message)) return [];
    return [...new Set([...this.#missingMeasures(message), ...this.#missingBefore(waiting, now)])];
  }

  #missingMeasures(message: SignedMessage): string[] {
    return this.#unknown(message).filter(
      (id) => (!this.#absent.has(id) && !this.#settledOut.has(id)) || this.#comes(id),
    );
  }

  /** Whether somebody who has it was asked for it, or it waits itself. */
  #comes(id: string): boolean {
    return this.#fetch.has(id) || this.#pending.has(id);
  }

  /** The measures that its author knew, and that may still come. */
  #unknown(message: SignedMessage): string[] {
    return this.#restraints.unknown(message).filter((id) => !this.#refused.has(id));
  }

  #missingBefore({ message, clocks }: Waiting, now: number): string[] {
    const floor = this.#stored ? (this.bottom?.[0] ?? 0) : this.#history.floor;
    if (message.header.clock <= Math.max(floor + 1, this.beginning.clock)) return [];
    const missing = message.header.follows.filter(
      (id) =>
        !this.#history.has(id) &&
        !clocks.has(id) &&
        !this.#refused.has(id) &&
        !this.#settledOut.has(id) &&
        !this.#absent.has(id) &&
        !this.#restraints.isSettled(id),
    );
    const told = this.#past.has(message.id) || this.beginning.includes(message.id, now);
    if (!told && !this.#restraints.isMeasure(message)) return missing;
    return missing.filter((followed) => this.#comes(followed));
  }

  #accept(first: Waiting, now: number): void {
    const ready = [first];
    for (const waiting of ready) {
      // grows while it is walked through
      const late = this.#missingMeasures(waiting.message);
      if (late.length > 0) {
        this.#wait(waiting, late, now); // what a checkpoint comes after that has come meanwhile
        continue;
      }
      const message = this.obeying(waiting.message);
      this.#pending.remove(waiting);
      if (this.#restraints.settles(message)) {
        this.#counters.tooOld++;
        remember(this.#settledOut, message.id, this.#limits.remembered);
      } else if (this.#restraints.isMeasure(message) && this.#unknown(message).length > 0) {
        // Nobody can tell what its author may do: it is taken when what it comes after is here.
        remember(this.#absent, message.id, this.#limits.remembered);
      } else if (this.#objects(waiting)) {
        this.#counters.unauthorised++;
        remember(this.#refused, message.id, this.#limits.remembered);
      } else if (this.#restraints.isMeasure(message)) {
        this.#accepted(message, waiting, now);
        this.settled(message, waiting.source, now);
      } else if (!this.fits(message, waiting.clocks)) {
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

  /** Whether its author may not do or say that, by the measures that it knew. */
  #objects({ message, askedFor }: Waiting): boolean {
    if (!this.#restraints.isMeasure(message)) return this.#restraints.isInvalid(message);
    // What somebody sends unasked of long ago is no news.
    const recent = message.header.clock + this.#limits.newest > this.#history.greatest;
    return this.rule(message, recent && !askedFor) !== null;
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
    let complete = header.follows.every((followed) => this.#history.has(followed) || clocks.has(followed));
    const isMeasure = this.#restraints.isMeasure(message);
    // Where what it follows is not here, it would stand alone before all the rest.
    if (isMeasure) complete = complete && this.fits(message, clocks) && this.add(message);
    this.keep(message, complete);
    if (!this.#history.has(id)) this.erase(message);
    if (this.#past.has(id)) {
      this.#past.came(message); // others ask for pages of their own
      if (this.#history.has(id)) {
        // But this is not long ago.
        this.#note(this.#history.get(id) ?? message);
        this.#telling.tellLater(id, holders, now);
      }
      return;
    }
    if (!isMeasure) this.beginning.accepted(header.clock, complete, now);
    this.deliver(message);
    // The past is told, not pushed: whoever lacks it asks, and no rate of its author's is in the way.
    if (askedFor) this.#telling.tellLater(id, holders, now);
    else this.#telling.push(message, holders, now);
  }

  #found(id: string, now: number): void {
    for (const follower of this.#pending.found(id)) this.#accept(follower, now);
  }
}

function remember(ids: Set<string>, id: string, limit: number): void {
  ids.add(id);
  if (ids.size > limit) forgetOldest(ids);
}
