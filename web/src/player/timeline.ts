import type { Part } from "../room.ts";

/** Where a part lies on the video element's timeline, in seconds. */
export interface Placement {
  start: number;
  end: number;
  /** What MSE adds to the media times inside the part. */
  offset: number;
  /** The part begins a new stretch of media time: another epoch, or a discontinuity. */
  fresh: boolean;
}

type Placed = Pick<Part, "epoch" | "mediaTime" | "duration" | "captureTime" | "discontinuity">;

/** The first part lies here, not at 0: MSE drops frames before 0, and audio may begin a little before the first picture. */
const LEAD = 1;
/** A media time this far from where it was expected is another stretch, whatever the flags say. */
const LONGEST_HOLE = 10;
/** Another rendition may begin with up to a group of pictures that was shown. */
const OVERLAP = 3;
/** What is missing between two parts may be a rounding; a frame is more. */
const ROUNDING = 0.015;
/** Parts remembered for capture times: about a minute at 100 ms. */
const REMEMBERED = 600;

/**
 * Lays the media times of successive epochs behind one another on one timeline, and knows when what is on it was captured.
 *
 * Within an epoch a missing part leaves a hole, since what follows keeps its distance; between epochs there is none.
 */
export class Timeline {
  #epoch: number | null = null;
  #offset = 0;
  #end = LEAD;
  #placed: { start: number; end: number; capture: number }[] = [];

  /** Nothing is missing between the last part and this one, so it can be decoded without a key frame of its own. */
  continues(part: Placed): boolean {
    return !this.#isFresh(part) && part.mediaTime <= this.#end - this.#offset + ROUNDING;
  }

  place(part: Placed): Placement {
    const fresh = this.#isFresh(part);
    if (fresh) {
      this.#epoch = part.epoch;
      this.#offset = this.#end - part.mediaTime;
    }
    const start = part.mediaTime + this.#offset;
    const end = start + part.duration;
    this.#end = Math.max(this.#end, end);
    this.#placed.push({ start, end, capture: part.captureTime });
    if (this.#placed.length > REMEMBERED) this.#placed.shift();
    return { start, end, offset: this.#offset, fresh };
  }

  #isFresh(part: Placed): boolean {
    const expected = this.#end - this.#offset;
    return (
      this.#epoch !== part.epoch ||
      part.discontinuity ||
      part.mediaTime < expected - OVERLAP ||
      part.mediaTime > expected + LONGEST_HOLE
    );
  }

  /** Capture time on the publisher's clock (s) of the frame that is shown at `time`; null where nothing was placed. */
  captureAt(time: number): number | null {
    let low = 0;
    let high = this.#placed.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const placed = this.#placed[middle];
      if (placed === undefined) return null;
      if (time < placed.start) high = middle - 1;
      else if (time >= placed.end) low = middle + 1;
      else return placed.capture + (time - placed.start);
    }
    // A frame's own time can lie a rounding beside its part's.
    const before = this.#placed[high];
    return before !== undefined && time - before.end < 0.05 ? before.capture + (time - before.start) : null;
  }
}
