/** More than this without a new frame is a stall (DESIGN.md section 4), seconds. */
const STALL = 0.2;

/** A frame as `requestVideoFrameCallback` tells of it; times in seconds. */
export interface Frame {
  /** When it was handed to the screen. */
  shownAt: number;
  mediaTime: number;
  /** Count of frames that were presented so far, this one included. */
  presented: number;
}

/**
 * Counts stalls from the frames that were shown. Callbacks come late or not at all while the page is busy although the
 * pictures go on, so a missing callback alone is no stall.
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
    const missed = frame.presented - last.presented > 1;
    const step = frame.mediaTime - last.mediaTime;
    if (!missed && step > 0 && step < 1) this.#interval += 0.1 * (step - this.#interval);
    // Frames whose callbacks were missed did move the picture: then only what the media time lacks was a wait.
    const advanced = Math.min(elapsed, Math.max(0, step));
    const waited = missed && this.#openSince === null ? elapsed - advanced : elapsed;
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
    this.#openSince = this.#last.shownAt;
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
