/**
 * How another rendition begins over links, without more at once than a narrow way holds. Without I/O.
 *
 * Renditions are cut alike, so what came of ours tells which parts the other has.
 */

/** What is asked of a part of ours. */
export interface Heard {
  number: number;
  independent: boolean;
  /** When the first of it came, seconds. */
  firstSeen: number;
}

/** Seconds in which some of what is on its way comes: what is asked for before only stands behind it. */
const ON_ITS_WAY = 0.1;
/** Parts that are asked for at a time. */
const AT_ONCE = 2;
/** Of the time since the present group began, its parts take about so much to come: waiting no longer is better. */
const CATCH_UP = 0.5;
/** Seconds without an answer after which the braid is left to find what it needs. */
const UNANSWERED = 0.5;
/** So many parts of a better one are asked for to see how they come; how often (s) one looks. */
const TRIED = 3;
const LOOK = 0.01;
/** One that from its first block on takes so much of its duration, while ours are so late (s), does not fit beside ours. */
const TOO_LONG = 0.9;
const LATE = 0.03;

/** When parts would have come, had nothing been late, and where groups of pictures begin. */
class Cut {
  readonly #zero: number;
  readonly #last: number;
  /** Parts in a group; NaN where no whole group was seen. */
  readonly group: number;

  /** @param heard parts of ours, the oldest first */
  constructor(
    heard: readonly Heard[],
    readonly part: number,
  ) {
    const [before = Number.NaN, last = Number.NaN] = heard
      .filter(({ independent }) => independent)
      .map(({ number }) => number)
      .slice(-2);
    this.#last = last;
    this.group = last - before;
    this.#zero = Math.min(...heard.map(({ number, firstSeen }) => firstSeen - number * part));
  }

  due(number: number): number {
    return this.#zero + number * this.part;
  }

  /** The part with which the present group begins, whether we have heard of it or not. */
  key(now: number): number {
    const since = (now - this.due(this.#last)) / (this.group * this.part);
    return this.#last + this.group * Math.max(0, Math.floor(since));
  }

  /** How late the newest part is, or the one that should follow it. */
  late({ number, firstSeen }: Heard, now: number): number {
    return Math.max(firstSeen - this.due(number), now - this.due(number + 1));
  }
}

/** Downwards: with the next group of pictures, which has no past, or with the present one, asked for part by part. */
export class RenditionBeginning {
  /** The braid is to be followed from now on, as any other. */
  follows = false;
  /** When to look again. */
  nextTimer: number;
  readonly #cut: Cut;
  /** The part that is asked for next; null when the next group is awaited. */
  #number: number | null = null;
  #pulls = false;
  /** The newest part that there is was asked for. */
  #caughtUp = false;
  readonly #asked = new Set<number>();

  /** @param heard parts of ours, the oldest first, which is left */
  constructor(heard: readonly Heard[], partDuration: number, now: number) {
    const cut = new Cut(heard, partDuration);
    this.#cut = cut;
    this.nextTimer = now;
    if (Number.isNaN(cut.group)) return;
    const key = cut.key(now);
    const next = cut.due(key + cut.group);
    if (next - now < CATCH_UP * (now - cut.due(key))) {
      this.nextTimer = next;
    } else {
      this.#number = key;
      this.nextTimer = now + ON_ITS_WAY;
    }
  }

  /** A part of the other rendition came. */
  came(number: number, now: number): void {
    if (this.#asked.delete(number)) this.nextTimer = now + UNANSWERED;
  }

  /** The parts to ask for now; to be called when something came, and at `nextTimer`. */
  poll(now: number): number[] {
    const out: number[] = [];
    const due = now >= this.nextTimer;
    if (this.follows || (!due && !this.#pulls)) return out;
    if (this.#number === null || (due && this.#pulls)) {
      this.follows = true;
      return out;
    }
    if (!this.#pulls) this.nextTimer = now + UNANSWERED;
    this.#pulls = true;
    for (; this.#asked.size < AT_ONCE && !this.#caughtUp; this.#number++) {
      this.#asked.add(this.#number);
      out.push(this.#number);
      this.#caughtUp = this.#cut.due(this.#number + 1) > now;
    }
    this.follows = this.#asked.size === 0;
    return out;
  }
}

/** Upwards: the last parts before a group, as they are made; if they come beside ours, the braid is followed from there on. */
export class RenditionTrial {
  /** The braid is to be followed from now on, as any other. */
  follows = false;
  /** When to look again; null when the way has proved too narrow. */
  nextTimer: number | null;
  readonly #cut: Cut;
  readonly #end: number;
  #next: number;
  /** When `asked` was asked for. */
  #askedAt = 0;
  /** The part that is waited for. */
  asked: number | null = null;

  /** @param heard parts of ours, the oldest first */
  constructor(heard: readonly Heard[], partDuration: number, now: number) {
    const cut = new Cut(heard, partDuration);
    this.#cut = cut;
    this.follows = Number.isNaN(cut.group);
    const end = cut.key(now) + cut.group;
    this.#end = cut.due(end - TRIED) < now ? end + cut.group : end;
    this.#next = this.#end - TRIED;
    this.nextTimer = cut.due(this.#next);
  }

  /**
   * The part to ask for now, if any; to be called at `nextTimer`.
   *
   * @param other the part that is waited for, as far as it is here
   * @param ours the newest part of ours
   */
  poll(other: { firstSeen: number; complete: boolean } | null, ours: Heard, now: number): number | null {
    const cut = this.#cut;
    if (this.follows || this.nextTimer === null) return null;
    this.nextTimer = now + LOOK;
    if (this.asked !== null && !other?.complete) {
      const takes = now - (other?.firstSeen ?? now);
      if (takes > TOO_LONG * cut.part && cut.late(ours, now) > LATE) this.nextTimer = null;
      this.follows = now - this.#askedAt > UNANSWERED;
      return null;
    }
    this.asked = null;
    const due = cut.due(this.#next);
    if (now < due) this.nextTimer = due;
    else if (this.#next === this.#end) this.follows = true;
    else {
      this.asked = this.#next++;
      this.#askedAt = now;
    }
    return this.asked;
  }
}
