import type { Frame } from "./stalls.ts";

/**
 * Tells of each frame that a video element shows, as far as the browser does: by `requestVideoFrameCallback`, or else by its
 * count of decoded frames.
 */
export class FrameWatcher {
  readonly #video: HTMLVideoElement;
  readonly #onFrame: (frame: Frame, visibleAt: number) => void;
  #handle: number | null = null;
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

  /** To be called about 20 times a second; it is what finds frames where there are no callbacks. */
  tick(now: number): void {
    if ("requestVideoFrameCallback" in this.#video) return;
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
      this.#ask();
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
