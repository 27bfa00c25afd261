/** Who is writing just now: told on links, signed by nobody, kept nowhere (docs/protocol.md section 8). */

/** Seconds between two times that others are told. */
const TELL_EVERY = 3;
/** Seconds after which somebody who was said to write is taken to have stopped. */
const LASTS = 6;

/** What oneself tells, and what peers at the other ends of links have told. */
export class Typing {
  /** When others were told last that one writes; null when they think that one does not. */
  #told: number | null = null;
  readonly #until = new Map<string, number>();

  /** Oneself writes, or has stopped. Whether others are to be told so. */
  writes(on: boolean, now: number): boolean {
    if (!on) {
      const told = this.#told;
      this.#told = null;
      return told !== null;
    }
    if (this.#told !== null && now - this.#told < TELL_EVERY) return false;
    this.#told = now;
    return true;
  }

  /** What was written is said: those who hear that know that one has stopped. */
  sent(): void {
    this.#told = null;
  }

  /** A peer to whom there is a link writes, or has stopped. Whether that changes who is writing. */
  heard(peer: string, on: boolean, now: number): boolean {
    const before = this.#until.has(peer);
    if (on) this.#until.set(peer, now + LASTS);
    else this.#until.delete(peer);
    return before !== on;
  }

  /** It has said something, or its link is gone. Whether that changes who is writing. */
  stopped(peer: string): boolean {
    return this.#until.delete(peer);
  }

  /** Who is writing, first those who began to first. */
  peers(now: number): string[] {
    return [...this.#until].filter(([, until]) => until > now).map(([peer]) => peer);
  }

  /** When somebody may be taken to have stopped. */
  nextTimer(): number | null {
    return this.#until.size === 0 ? null : Math.min(...this.#until.values());
  }

  /** Whether somebody is taken to have stopped by now. */
  handleTimer(now: number): boolean {
    const over = [...this.#until].filter(([, until]) => until <= now);
    for (const [peer] of over) this.#until.delete(peer);
    return over.length > 0;
  }
}
