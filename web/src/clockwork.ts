/** The page's clock, and the one timer that serves all cores of a node. */

/** Seconds, monotonic. */
export function seconds(): number {
  return performance.now() / 1000;
}

const SHORTEST = 0.005;
/** Cores may move their timers at any event; none of them minds this much. */
const LONGEST = 0.25;

/** Calls `tick` when the earliest timer is due, with how late that is in seconds; it returns when the next one is. */
export class Clockwork {
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running = false;

  constructor(private readonly tick: (now: number, late: number) => number) {}

  start(): void {
    this.#running = true;
    this.#run();
  }

  /** Something happened. Timers of hidden tabs are late by up to a second, messages are not. */
  poke(): void {
    if (this.#running && seconds() >= this.#due) this.#run();
  }

  stop(): void {
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  readonly #run = (): void => {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const now = seconds();
    const late = this.#due > 0 ? Math.max(0, now - this.#due) : 0;
    // A tick that fails must not be the last one.
    this.#due = now + LONGEST;
    this.#timer = setTimeout(this.#run, LONGEST * 1000);
    const due = this.tick(now, late);
    if (!this.#running) return;
    clearTimeout(this.#timer);
    const after = seconds();
    const wait = Math.min(LONGEST, Math.max(SHORTEST, due - after));
    this.#due = after + wait;
    this.#timer = setTimeout(this.#run, wait * 1000);
  };
}
