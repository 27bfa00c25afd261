/** Which messages the measures of a room hold back: a function of both, in whatever order they came. */

import { MAX_FOLLOWS, TEXT } from "../wire-chat.ts";
import type { Place, SignedMessage } from "./chat-message.ts";
import { isCheckpoint } from "./checkpoint.ts";
import type { Measure } from "./measures.ts";
import { BANNED, type Force, lockedFor, MODERATOR, Moderation, type Rule } from "./moderation.ts";

type Get = (id: string) => SignedMessage | undefined;

/** The messages in memory that stand before a rule: those that it names, and all that these follow. */
class Reach {
  readonly ids = new Set<string>();
  /** The greatest that what is not in memory may have. */
  readonly clock: number;
  readonly #missing: Set<string>;

  constructor(ends: readonly string[], clock: number) {
    this.#missing = new Set(ends);
    this.clock = clock;
  }

  /** A message is in memory now. Returns whether it stands before the rule. */
  extend(message: SignedMessage, get: Get): boolean {
    if (!this.#missing.delete(message.id)) return false;
    this.ids.add(message.id);
    const waiting = [message];
    for (const { header } of waiting) {
      // grows while it is walked through
      for (const id of header.follows) {
        const known = get(id);
        if (known === undefined) {
          this.#missing.add(id);
        } else if (!this.ids.has(id)) {
          this.ids.add(id);
          waiting.push(known);
        }
      }
    }
    return true;
  }

  /** Finds what is in memory. */
  walk(get: Get): void {
    for (const id of [...this.#missing]) {
      const known = get(id);
      if (known !== undefined) this.extend(known, get);
    }
  }
}

/** What is held back in a room with that owner (a key); nothing where nobody knows who owns it. */
export class Restraints {
  readonly moderation: Moderation | null;
  readonly #get: Get;
  readonly #previous: (message: SignedMessage) => SignedMessage | undefined;
  readonly #reaches = new Map<string, Reach>();

  constructor(
    owner: string | null,
    get: Get,
    previous: (message: SignedMessage) => SignedMessage | undefined,
  ) {
    this.moderation = owner === null ? null : new Moderation(owner);
    this.#get = get;
    this.#previous = previous;
  }

  /** The measures that its author knew and that are not here; a checkpoint counts without them. */
  unknown({ after, measure }: SignedMessage): string[] {
    return isCheckpoint(measure) ? [] : (this.moderation?.unknown(after) ?? []);
  }

  /** Up to where a checkpoint settles the log, if one does. */
  get settled(): Place | null {
    return this.moderation?.settled ?? null;
  }

  /** Whether a message is out, being before the checkpoint that is in force. */
  settles({ place }: SignedMessage): boolean {
    return this.moderation?.settles(place) ?? false;
  }

  /** Whether nobody waits for that message, as a checkpoint tells of it. */
  isSettled(id: string): boolean {
    return this.moderation?.isSettled(id) ?? false;
  }

  /** Whether it counts by its own standing, and not by that of what it follows. */
  isMeasure({ measure }: SignedMessage): boolean {
    return this.moderation !== null && measure !== null;
  }

  /** Lets a measure be in force. Returns why it is not. */
  take({ id, header, measure }: SignedMessage): string | null {
    if (this.moderation === null || measure === null) return null;
    const sentence = this.moderation.take(id, header.author, header.clock, header.time, measure);
    if (sentence !== null) return sentence;
    this.#begin(id, header.clock, header.follows, measure);
    for (const known of [...this.#reaches.keys()])
      if (!this.moderation.has(known)) this.#reaches.delete(known);
    return null;
  }

  #begin(id: string, clock: number, follows: readonly string[], { verb, last }: Measure): void {
    let reach: Reach;
    if (verb === "ban" || verb === "mute")
      reach = new Reach(
        last.map(([, named]) => named),
        Math.max(0, ...last.map(([at]) => at)),
      );
    else if (verb === "lock" || verb === "slow") reach = new Reach(follows, clock - 1);
    // What stands before what it says is out.
    else if (verb === "checkpoint") reach = new Reach([], 0);
    else return;
    this.#reaches.set(id, reach);
    reach.walk(this.#get);
  }

  /** A message is in memory. Returns whether others may be seen in another light because of it. */
  added(message: SignedMessage): boolean {
    let grown = false;
    for (const reach of this.#reaches.values()) grown = reach.extend(message, this.#get) || grown;
    return grown;
  }

  /** It is not in memory any more. */
  removed({ id }: SignedMessage): void {
    for (const reach of this.#reaches.values()) reach.ids.delete(id);
  }

  /**
   * Whether its author knew of a ban on itself: then it does not count at all.
   *
   * That is computed from what the message names, and from nothing that came later. Where some of that is not here, nobody
   * can tell: then it is hidden by the ban.
   */
  isInvalid(message: SignedMessage): boolean {
    const { moderation } = this;
    if (moderation === null || message.after.length === 0 || this.unknown(message).length > 0) return false;
    return moderation.state(moderation.past(message.after)).isBanned(message.header.author);
  }

  /** Whether that author is banned by all that is known. */
  isBanned(key: string): boolean {
    return this.moderation?.state().isBanned(key) ?? false;
  }

  /** Whether the owner has deleted it: nobody keeps its words. */
  isErased(message: SignedMessage): boolean {
    return this.#deletes(message).some(({ author }) => author === this.moderation?.owner);
  }

  /** Whose words (a key) a message takes away for good, and in which message; null where it does not. */
  deletes({ header: { author }, act, measure }: SignedMessage): { author: string; target: string } | null {
    if (act?.type === "delete") return { author, target: act.target };
    if (measure?.verb !== "delete" || author !== this.moderation?.owner) return null;
    return { author: measure.subject ?? "", target: measure.target ?? "" };
  }

  /** Whether it is held back: it stays in the log, and is not shown. */
  hides(message: SignedMessage): boolean {
    const { moderation } = this;
    const { author, kind } = message.header;
    if (moderation === null || moderation.size === 0 || author === moderation.owner) return false;
    if (this.#deletes(message).length > 0) return true;
    const [state, known] = [moderation.state(), moderation.past(message.after)];
    const forces = [...(state.bans.get(author) ?? []), ...(state.mutes.get(author) ?? [])];
    const standing = moderation.standing(author);
    if (standing < MODERATOR) forces.push(...state.locks.filter(({ rule }) => standing < lockedFor(rule)));
    if (forces.some((force) => this.#holds(force, message, known))) return true;
    if (standing >= MODERATOR || kind !== TEXT) return false;
    const slows = state.slows.filter((force) => this.#holds(force, message, known));
    return this.#tooSoon(message, Math.max(0, ...slows.map(({ rule }) => rule.measure.seconds)));
  }

  #deletes({ id, header }: SignedMessage): Rule[] {
    const deletes = this.moderation?.state().deletes.get(id) ?? [];
    return deletes.filter(({ measure }) => measure.subject === header.author);
  }

  /** Whether a rule is about a message: neither did it stand before, nor know that it was ended. */
  #holds({ rule, ends }: Force, { id, header }: SignedMessage, known: bigint): boolean {
    const reach = this.#reaches.get(rule.id);
    if (reach === undefined || (ends & known) !== 0n) return false;
    // What is not in memory is shown on a page of the past.
    return this.#get(id) === undefined ? header.clock > reach.clock : !reach.ids.has(id);
  }

  #tooSoon(message: SignedMessage, seconds: number): boolean {
    const previous = seconds > 0 ? this.#previous(message) : undefined;
    return previous !== undefined && message.header.time < previous.header.time + 1000 * seconds;
  }

  /** Why that author cannot say anything now. */
  silenced(key: string): string | null {
    const { moderation } = this;
    if (moderation === null || key === moderation.owner) return null;
    const state = moderation.state();
    if (state.isBanned(key)) return BANNED;
    if (state.isMuted(key)) return "You are muted in this room: nobody would see what you write.";
    if (moderation.standing(key) >= state.least) return null;
    const who = state.least === MODERATOR ? "moderators" : "members and moderators";
    return `The room is locked: only ${who} may write.`;
  }

  /** Seconds between two messages of that author. */
  slowness(key: string): number {
    if (this.moderation === null || this.moderation.standing(key) >= MODERATOR) return 0;
    return this.moderation.state().seconds;
  }
}

/** The last messages of that author among these (in order), one of each branch, at most 8. */
export function lastOf(key: string, messages: readonly SignedMessage[], get: Get): [number, string][] {
  const covered = new Set<string>();
  const found: [number, string][] = [];
  for (const { id, header } of [...messages].reverse()) {
    if (header.author !== key || covered.has(id) || found.length >= MAX_FOLLOWS) continue;
    found.push([header.clock, id]);
    const reach = new Reach([id], 0);
    reach.walk(get);
    for (const reached of reach.ids) covered.add(reached);
  }
  return found;
}
