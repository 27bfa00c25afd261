import { forwardOf, type Range, rangeAfter } from "./ranges.ts";

/** What the video element looks like at one moment. */
export interface Sample {
  /** `currentTime`, seconds. */
  position: number;
  ranges: readonly Range[];
  /** Not paused. */
  playing: boolean;
  /** A seek is not complete yet. */
  seeking: boolean;
  /** The browser has run dry, and does not go on before it has as much as it wants (`readyState`). */
  waiting: boolean;
}

export type SeekReason = "start" | "behind" | "gap" | "live" | "stuck" | "dry";

export type Action =
  | { type: "rate"; rate: number }
  /** `skipped`: seconds of the programme that the jump leaves out. */
  | { type: "seek"; to: number; skipped: number; reason: SeekReason };

export interface Settings {
  /** Seconds of forward buffer to keep at its lowest. */
  guard: number;
}

export const GUARD = 0.15;
export const SLOW = 0.97;
export const FAST = 1.06;
/** Shortest memory of the buffer's low: it decides to slow down. */
const SHORT = 0.4;
/** Longest memory: whatever jitter came within it keeps us from speeding up into the next. */
const LONG = 15;
/**
 * Where packets are lost one is lost twice only now and then: what was that late within so many seconds, after the first of them,
 * leaves half a guard when it comes again. It does not hold us back by more than a guard: a single long wait is no rule.
 */
const RARE = 90;
const SLOW_BELOW = 0.7;
const FAST_ABOVE = 0.03;
/** Where slowing down and speeding up end, in guards and in seconds above it. */
const SLOW_ENDS = 0.85;
const FAST_ENDS = 0.01;
const SEEK_ABOVE = 1.5;
/** Whoever was so far behind had an uneven time of it: a leap leaves so much (s) above the guard, to be played away. */
const SEEK_LEAVES = 0.3;
/**
 * The backlog of the start is left once so much of it has been watched that its low is known: by one seek when it is long,
 * else by playing faster, for a seek itself can cost a stall on a busy machine.
 */
const START_WATCHED = 2;
const START_ENDS = 4;
const START_SEEK_ABOVE = 1.2;
/**
 * Seconds further behind the edge than needed where playing begins, at least and at most: a page that has just been opened, and
 * those that open beside it, are at their busiest then. What proves to be too much is played away at FAST.
 */
const START_RESERVE = 0.5;
const START_RESERVE_MOST = 1;
const START_FAST_ABOVE = 0.1;
/** What comes together with the beginning tells nothing of how evenly the rest will come, seconds. */
const START_BURST = 0.3;
/**
 * What a browser asks for before it goes on after running dry: 0.4 s of sound, and twice as much each further time, until a
 * seek. So we seek to where it stands once there is so much above the guard, after the least wait (s) that can be one.
 */
const DRY_ENDS = 0.35;
const DRY_WAIT = 0.25;
/** A hole is jumped when the playhead is this near to it, or has stopped this long. */
const AT_HOLE = 0.03;
const STOPPED = 0.1;
const STUCK = 2;
/** A seek that has not come to an end after so long lacks data, if there is a hole soon behind its target. */
const SEEK_LACKS = 0.5;
/** What lies behind a hole may grow so long until it is enough to land on, seconds. */
const HOLE_ENDS = 0.5;

/** The least of the values of the last `span` seconds; null until a whole span was seen. */
class Low {
  #span: number;
  #values: { time: number; value: number }[] = [];
  #since: number | null = null;

  constructor(span: number) {
    this.#span = span;
  }

  span(seconds: number): void {
    this.#span = seconds;
  }

  /** The share of a span that was seen, 0 to 1. */
  seen(now: number): number {
    return this.#since === null ? 0 : Math.min(1, (now - this.#since) / this.#span);
  }

  push(value: number, now: number): void {
    this.#since ??= now;
    // What is older and not lower can never be the least again, so the list rises and its head is the least.
    while ((this.#values.at(-1)?.value ?? Number.NEGATIVE_INFINITY) >= value) this.#values.pop();
    this.#values.push({ time: now, value });
    while ((this.#values[0]?.time ?? now) < now - this.#span) this.#values.shift();
  }

  value(now: number): number | null {
    return this.seen(now) < 1 ? null : this.soFar;
  }

  /** The least of what was seen, however short that is. */
  get soFar(): number | null {
    return this.#values[0]?.value ?? null;
  }

  clear(): void {
    this.#values = [];
    this.#since = null;
  }
}

/**
 * Holds the *lowest* forward buffer at the guard: what arrives evenly is played close behind its arrival, what arrives
 * unevenly only as far behind as its unevenness demands (DESIGN.md section 4).
 *
 * What is remembered is how far what arrived was ahead of the wall clock, not the buffer that there was: so the lowest buffer
 * is always that which the *present* position would have had, and coming nearer to the edge never forgets the jitter that
 * was met further away from it.
 *
 * Samples go in about 20 times a second and just before each part is appended; rates and seeks come out.
 */
export class LatencyController {
  guard: number;
  #part = 0.1;
  #short = new Low(SHORT);
  #start = new Low(START_WATCHED);
  #long = new Low(LONG);
  #rare = new Low(RARE);
  /** The furthest ahead of the wall clock that what arrived ever was. */
  #furthest = Number.NEGATIVE_INFINITY;
  #rate = 1;
  #startedAt: number | null = null;
  #startSeekSpent = false;
  #lastPosition = Number.NaN;
  #movedAt = 0;
  #holeSeenAt: number | null = null;
  /** The present wait was ended by a seek already. */
  #helped = false;
  #played = false;
  #actions: Action[] = [];

  constructor(settings: Settings = { guard: GUARD }) {
    this.guard = settings.guard;
  }

  /** The lowest forward buffer (s) that playing at `position` would have had in the last moments; null until known. */
  low(position: number, now: number): number | null {
    return this.#lowest(this.#short, position, now);
  }

  /** Parts of this length (s) arrive from now on. */
  partLength(seconds: number): void {
    this.#part = seconds;
    this.#short.span(Math.max(SHORT, 2.5 * seconds));
  }

  /**
   * Where to begin when nothing was played yet: near the end of what is there, but not so near that it runs dry at once.
   *
   * @param waited seconds that it took to get so far: where that was long, a busy machine or a slow origin will be so again
   */
  beginAt(ranges: readonly Range[], waited: number): number | null {
    const last = ranges.at(-1);
    if (last === undefined) return null;
    const reserve = Math.min(START_RESERVE_MOST, Math.max(START_RESERVE, waited));
    return Math.max(last.start, last.end - this.guard - reserve);
  }

  /** The viewer asks for the newest picture. */
  goLive(position: number, ranges: readonly Range[], now: number): void {
    const last = ranges.at(-1);
    if (last === undefined) return;
    const to = Math.max(last.start, last.end - this.guard - this.#part);
    if (to - position > 0.05) this.#seek(position, to, "live", now);
  }

  /** What was learned belongs to another stream, or to before a pause. */
  reset(): void {
    this.forget();
    this.#startedAt = null;
    this.#startSeekSpent = false;
  }

  /** Media time is laid out anew from here on: what was learned of its arrival says nothing any more. */
  forget(): void {
    for (const low of [this.#short, this.#start, this.#long, this.#rare]) low.clear();
    this.#furthest = Number.NEGATIVE_INFINITY;
  }

  sample(sample: Sample, now: number): void {
    const { position, ranges } = sample;
    const forward = forwardOf(ranges, position);
    const end = forward > 0 ? position + forward : ranges.at(-1)?.end;
    if (end !== undefined) {
      for (const low of [this.#short, this.#start]) low.push(end - now, now);
      if (this.#startedAt !== null && now - this.#startedAt >= START_BURST) {
        this.#long.push(end - now, now);
        this.#furthest = Math.max(this.#furthest, end - now);
        if (this.#long.seen(now) === 1) this.#rare.push(end - now, now);
      }
    }
    const moved = Math.abs(position - this.#lastPosition) > 0.001;
    if (!sample.playing || moved || Number.isNaN(this.#lastPosition)) {
      this.#played ||= moved && sample.playing;
      this.#lastPosition = position;
      this.#movedAt = now;
      this.#helped = false;
    }
    if (!sample.playing) return;
    const stopped = now - this.#movedAt;
    if (this.#leaveHole(sample, forward, stopped, now) || sample.seeking) return;
    if (this.#goOn(sample, forward, stopped, now)) return;
    this.#startedAt ??= now;
    if (!this.#leaveBacklog(position, now)) this.#chooseRate(position, now);
  }

  pollActions(): Action[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #leaveHole(sample: Sample, forward: number, stopped: number, now: number): boolean {
    const next = rangeAfter(sample.ranges, sample.position);
    const atHole = sample.seeking
      ? stopped > SEEK_LACKS && forward < SEEK_LACKS
      : forward <= AT_HOLE ||
        (forward < this.guard && stopped > STOPPED) ||
        (sample.waiting && stopped > DRY_WAIT); // for more than will ever come before the hole
    if (next === undefined || !atHole) {
      this.#holeSeenAt = null;
      return false;
    }
    // Browsers want about 200 ms of sound before they go on: landing on less would be a second wait.
    this.#holeSeenAt ??= now;
    const length = next.end - next.start;
    if (length < this.guard + this.#part && now - this.#holeSeenAt < HOLE_ENDS) return false;
    const tooMuch = length - this.guard > SEEK_ABOVE;
    const to = tooMuch ? next.end - this.guard - this.#part : next.start + 0.001;
    this.#seek(sample.position, to, "gap", now);
    return true;
  }

  /** A browser that waits though there is enough is helped by a seek: to where it stands, or past what it cannot play. */
  #goOn({ position, waiting }: Sample, forward: number, stopped: number, now: number): boolean {
    const dry = waiting && this.#played && !this.#helped;
    if (dry && stopped > DRY_WAIT && forward > this.guard + DRY_ENDS) {
      this.#seek(position, position, "dry", now);
      this.#helped = true;
      return true;
    }
    if (stopped <= STUCK || forward <= 0.5) return false;
    this.#seek(position, position + 0.05, "stuck", now);
    return true;
  }

  #leaveBacklog(position: number, now: number): boolean {
    const short = this.#lowest(this.#short, position, now);
    if (short !== null && short - this.guard > SEEK_ABOVE) {
      this.#seek(position, position + short - this.guard - SEEK_LEAVES, "behind", now);
      return true;
    }
    if (this.#startSeekSpent || this.#startedAt === null) return false;
    if (now - this.#startedAt > START_ENDS) this.#startSeekSpent = true;
    const start = this.#lowest(this.#start, position, now);
    if (this.#startSeekSpent || start === null || start - this.guard <= START_SEEK_ABOVE) return false;
    this.#startSeekSpent = true;
    this.#seek(position, position + start - this.guard - SEEK_LEAVES, "start", now);
    return true;
  }

  #chooseRate(position: number, now: number): void {
    const short = this.#lowest(this.#short, position, now);
    const slowBelow = (this.#rate === SLOW ? SLOW_ENDS : SLOW_BELOW) * this.guard;
    const margin = this.#rate === FAST ? FAST_ENDS : FAST_ABOVE;
    const known = this.#start.value(now) === null ? null : this.#above(position, now);
    if (short !== null && short < slowBelow) this.#setRate(SLOW);
    else if (known !== null && known > margin) this.#setRate(FAST);
    else this.#setRate(1);
  }

  /**
   * How much the lowest buffer (s) is above what must be kept. As long as less than the longest memory was seen, what comes may
   * be later than anything that came, by as much as that was uneven: whoever opens a page has a busy machine.
   */
  #above(position: number, now: number): number | null {
    const lowest = this.#long.soFar;
    if (lowest === null) return null;
    const uneven = Math.max(0, this.#furthest - lowest - this.#part);
    const seen = this.#long.seen(now);
    const unseen = seen < 1 ? START_FAST_ABOVE - FAST_ABOVE + (1 - seen) * uneven : 0;
    const above = lowest - (position - now) - this.guard - unseen;
    const rare = (this.#rare.soFar ?? lowest) - (position - now) - this.guard / 2;
    return Math.min(above, Math.max(rare, above - this.guard));
  }

  #lowest(low: Low, position: number, now: number): number | null {
    const lead = low.value(now);
    return lead === null ? null : lead - (position - now);
  }

  #setRate(rate: number): void {
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#actions.push({ type: "rate", rate });
  }

  #seek(from: number, to: number, reason: SeekReason, now: number): void {
    this.#actions.push({ type: "seek", to, skipped: Math.max(0, to - from), reason });
    if (reason === "gap") this.forget(); // how far the range before the hole reached is no measure for the one behind it
    this.#setRate(1);
    this.#lastPosition = to;
    this.#movedAt = now;
    this.#holeSeenAt = null;
  }
}
