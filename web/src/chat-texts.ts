/** The texts that a browser's database keeps of a room, in memory: to read all of them at each search would take too long. */

import { comparePlaces, type Place } from "./core/chat-message.ts";

/** A text, or what an edit makes of one: the id of that text, and what it says, folded. */
export interface Said {
  readonly id: string;
  readonly folded: string;
}

/** At most so many characters; with more it is not whole. */
export class ChatTexts {
  readonly #most: number;
  readonly #texts = new Map<string, Said & { readonly place: Place }>();
  #size = 0;
  #sorted = true;
  #whole = true;

  constructor(most: number) {
    this.#most = most;
  }

  get isWhole(): boolean {
    return this.#whole;
  }

  /** What a message there says. */
  add(place: Place, { id, folded }: Said): void {
    const key = place[2];
    if (!this.#whole || this.#texts.has(key)) return;
    this.#texts.set(key, { id, folded, place });
    this.#size += folded.length;
    this.#sorted = false;
    if (this.#size <= this.#most) return;
    this.#whole = false;
    this.#texts.clear();
  }

  /** They are gone that stand there or before it. */
  forget(place: Place): void {
    this.#drop((text) => comparePlaces(text.place, place) <= 0);
  }

  /** That text was taken back, with what its author made of it. */
  erase(id: string): void {
    this.#drop((text) => text.id === id);
  }

  #drop(isGone: (text: Said & { readonly place: Place }) => boolean): void {
    for (const [key, text] of [...this.#texts]) {
      if (!isGone(text)) continue;
      this.#texts.delete(key);
      this.#size -= text.folded.length;
    }
  }

  /** In the order of the messages. */
  all(): Iterable<Said> {
    if (!this.#sorted) {
      const inOrder = [...this.#texts].sort(([, a], [, b]) => comparePlaces(a.place, b.place));
      this.#texts.clear();
      for (const [key, text] of inOrder) this.#texts.set(key, text);
      this.#sorted = true;
    }
    return this.#texts.values();
  }
}
