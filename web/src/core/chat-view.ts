/** What is seen of the messages: a function of those that are there, whatever the order in which they came. */

import { peerIdOf } from "./chat-author.ts";
import { comparePlaces, type Entry, type SignedMessage } from "./chat-message.ts";
import type { Restraints } from "./chat-restraints.ts";

/** What has been done to messages, by the message that it was done to. */
export class View {
  readonly #restraints: Restraints;
  readonly #acts = new Map<string, Map<string, SignedMessage>>();

  constructor(restraints: Restraints) {
    this.#restraints = restraints;
  }

  /** An act that counts, or any other message. */
  add(message: SignedMessage): void {
    if (message.act === null) return;
    const { target } = message.act;
    const acts = this.#acts.get(target) ?? new Map<string, SignedMessage>();
    this.#acts.set(target, acts.set(message.id, message));
  }

  /** It is not in memory any more. */
  remove(message: SignedMessage): void {
    if (message.act === null) return;
    const acts = this.#acts.get(message.act.target);
    acts?.delete(message.id);
    if (acts?.size === 0) this.#acts.delete(message.act.target);
  }

  /** Whether its author has taken it, or the text that it edits, back, or the owner did. */
  isDeleted(message: SignedMessage): boolean {
    if (this.#restraints.isErased(message)) return true;
    const { id, act, header } = message;
    const targets = act?.type === "edit" ? [id, act.target] : [id];
    return targets.some((target) =>
      this.on(target).some((done) => done.act?.type === "delete" && done.header.author === header.author),
    );
  }

  /** What was done to `target`. */
  on(target: string): SignedMessage[] {
    return [...(this.#acts.get(target)?.values() ?? [])];
  }

  /** The edits of `target` by that author (a key), in order. */
  edits(target: string, author: string): SignedMessage[] {
    const found = this.on(target).filter(
      ({ act, header }) => act?.type === "edit" && header.author === author,
    );
    return found.sort((a, b) => comparePlaces(a.place, b.place));
  }

  /** What is to be shown of it now; null for nothing. */
  entry(message: SignedMessage): Entry | null {
    const { id, entry, header } = message;
    if (entry === null || this.#restraints.hides(message)) return null;
    if (!this.#acts.has(id)) return entry;
    if (this.isDeleted(message)) return null;
    const edit = this.edits(id, header.author)
      .filter((found) => !this.#restraints.hides(found))
      .at(-1)?.act;
    const edited = edit?.type === "edit" ? { text: edit.text, edited: true } : {};
    return { ...entry, ...edited, reactions: this.#reactions(id) };
  }

  #reactions(target: string): [emoji: string, authors: string[]][] {
    const last = new Map<string, { emoji: string; author: string; on: boolean; message: SignedMessage }>();
    for (const message of this.on(target).sort((a, b) => comparePlaces(a.place, b.place))) {
      if (message.act?.type !== "reaction" || this.#restraints.hides(message)) continue;
      const { emoji, on } = message.act;
      const { author } = message.header;
      const key = `${author} ${emoji}`;
      if (last.get(key)?.on !== on) last.set(key, { emoji, author, on, message });
    }
    const given = new Map<string, string[]>();
    for (const { emoji, author, on } of [...last.values()].sort((a, b) =>
      comparePlaces(a.message.place, b.message.place),
    )) {
      if (on) given.set(emoji, [...(given.get(emoji) ?? []), peerIdOf(author)]);
    }
    return [...given];
  }
}

/** What is to be shown of those, in their order, where these and `acts` are all that was done to them. */
export function visible(
  messages: readonly SignedMessage[],
  acts: Iterable<SignedMessage>,
  restraints: Restraints,
): Entry[] {
  const view = new View(restraints);
  for (const message of [...messages, ...acts]) view.add(message);
  return messages.map((message) => view.entry(message)).filter((entry) => entry !== null);
}
