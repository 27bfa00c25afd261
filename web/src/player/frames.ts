import type { Frame } from "./stalls.ts";

/**
 * Seconds between two questions. Each makes the page go through a whole turn of rendering, which a picture by itself does not
 * need: asked of each frame of 30 a second that is a sixth of all that a page takes.
 */
const ASK_EVERY = 0.1;

/**
 * Tells now and then of the frame that a video element shows and of how many there were: by `requestVideoFrameCallback`, or else
 * by its count of decoded frames.
 */
export class FrameWatcher {
  readonly #video: HTMLVideoElement;
  readonly #onFrame: (frame: Frame, visibleAt: number) => void;
  #handle: number | null = null;
  #askAt = 0;
  #presented = 0;
  #stopped = false;

  /** @param onFrame takes the frame and when it becomes visible (s on the clock of `performance.now`) */
  constructor(video: HTMLVideoElement, onFrame: (frame: Frame, visibleAt: number) => void) {
    this.#video = video;
    this.#onFrame = onFrame;
    this.#ask();
  }

  /** Frames decoded so far. */
  get decoded(): number {
    return this.#video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
  }

  /** To be called about 20 times a second. */
  tick(now: number): void {
    if ("requestVideoFrameCallback" in this.#video) {
      if (this.#handle === null && now >= this.#askAt) this.#ask();
      return;
    }
    const decoded = this.decoded;
    if (decoded === this.#presented) return;
    this.#presented = decoded;
    const { currentTime } = this.#video as HTMLVideoElement;
    this.#onFrame({ shownAt: now, mediaTime: currentTime, presented: decoded }, now);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#handle !== null) this.#video.cancelVideoFrameCallback(this.#handle);
    this.#handle = null;
  }

  #ask(): void {
    if (this.#stopped || !("requestVideoFrameCallback" in this.#video)) return;
    this.#handle = this.#video.requestVideoFrameCallback((_, frame) => {
      this.#handle = null;
      this.#askAt = frame.presentationTime / 1000 + ASK_EVERY;
      this.#onFrame(
        {
          shownAt: frame.presentationTime / 1000,
          mediaTime: frame.mediaTime,
          presented: frame.presentedFrames,
        },
        frame.expectedDisplayTime / 1000,
      );
    });
  }
}
