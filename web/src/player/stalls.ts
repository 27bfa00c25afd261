/** More than this without a new frame is a stall (DESIGN.md section 4), seconds. */
const STALL = 0.2;

/** Media time (s) between frames that is no rhythm but a jump. */
const LONGEST_INTERVAL = 1;

/** A frame as `requestVideoFrameCallback` tells of it; times in seconds. */
export interface Frame {
  /** When it was handed to the screen. */
  shownAt: number;
  mediaTime: number;
  /** Count of frames that were presented so far, this one included. */
  presented: number;
}

/**
 * Counts stalls from some of the frames that were shown and from how many there were: between two of which a page hears are others,
 * more of them while it is busy.
 */
export class StallMeter {
  #last: Frame | null = null;
  #expecting = false;
  /** Smoothed media time between frames, seconds. */
  #interval = 0;
  #openSince: number | null = null;
  #stalls = 0;
  #time = 0;
  #decoded = 0;
  #decodedAt: number | null = null;
  #events: number[] = [];

  get stalls(): number {
    return this.#stalls;
  }

  /** Seconds spent in stalls, the present one included. */
  time(now: number): number {
    return this.#time + (this.#openSince === null ? 0 : Math.max(0, now - this.#openSince));
  }

  get stalled(): boolean {
    return this.#openSince !== null;
  }

  /** Durations (s) of stalls that ended since the last call. */
  pollStalls(): number[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /**
   * Whether new frames are due: playing, visible, and the publisher is there.
   *
   * @param withdraw the source itself paused: a stall that had begun was none
   */
  expect(expecting: boolean, now: number, withdraw = false): void {
    if (expecting === this.#expecting) return;
    this.#expecting = expecting;
    if (!expecting && this.#openSince !== null) {
      if (withdraw) this.#stalls -= 1;
      else this.#close(now - this.#openSince);
      this.#openSince = null;
    }
    this.#last = null; // the first frame after a pause starts the count, not the pause's end
    this.#decodedAt = now;
  }

  frame(frame: Frame): void {
    const last = this.#last;
    this.#last = frame;
    if (!this.#expecting || last === null) return;
    const elapsed = frame.shownAt - last.shownAt;
    const frames = frame.presented - last.presented;
    const step = (frame.mediaTime - last.mediaTime) / frames;
    if (step > 0 && step < LONGEST_INTERVAL) {
      this.#interval = this.#interval === 0 ? step : this.#interval + 0.1 * (step - this.#interval);
    }
    // Those in between did move the picture.
    const waited = elapsed - (frames - 1) * this.#interval;
    if (waited > this.#threshold()) {
      if (this.#openSince === null) this.#stalls += 1;
      this.#close(waited);
    } else if (this.#openSince !== null) {
      this.#stalls -= 1; // the frame had been shown in time; its callback was late
    }
    this.#openSince = null;
  }

  /**
   * Notices a stall while it lasts.
   *
   * @param decoded frames decoded so far: it rises although a busy page has not heard of them
   */
  tick(decoded: number, now: number): void {
    if (decoded !== this.#decoded) {
      this.#decoded = decoded;
      this.#decodedAt = now;
    }
    if (!this.#expecting || this.#last === null || this.#openSince !== null) return;
    const quiet = now - Math.max(this.#last.shownAt, this.#decodedAt ?? 0);
    if (quiet <= this.#threshold()) return;
    this.#openSince = now - quiet;
    this.#stalls += 1;
  }

  /** A stream of few frames a second has no stall between two of them. */
  #threshold(): number {
    return Math.max(STALL, 2.5 * this.#interval);
  }

  #close(waited: number): void {
    this.#time += waited;
    this.#events.push(waited);
  }
}
