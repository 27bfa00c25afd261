/** A stretch of the element's timeline that is buffered, in seconds. */
export interface Range {
  start: number;
  end: number;
}

/** A playhead this little before a range will be taken into it by the browser. */
const TOLERANCE = 0.03;

export function rangesOf(buffered: TimeRanges): Range[] {
  return Array.from({ length: buffered.length }, (_, i) => ({
    start: buffered.start(i),
    end: buffered.end(i),
  }));
}

/** Seconds that can be played from `position` without a hole. */
export function forwardOf(ranges: readonly Range[], position: number): number {
  const around = ranges.find((range) => position >= range.start - TOLERANCE && position < range.end);
  return around === undefined ? 0 : around.end - position;
}

/** The first range that begins behind a hole after `position`. */
export function rangeAfter(ranges: readonly Range[], position: number): Range | undefined {
  return ranges.find((range) => range.start - TOLERANCE > position);
}
