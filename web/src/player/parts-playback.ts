import type { Part, PartSink, Rendition } from "../room.ts";
import { LatencyController, type SeekReason } from "./controller.ts";
import { canPlay, MediaBuffer } from "./media-buffer.ts";
import { forwardOf } from "./ranges.ts";
import { Timeline } from "./timeline.ts";

export interface PartsHooks {
  /** The first bytes that a viewer could see came in. */
  onData(): void;
  /** Nothing more can be played; one sentence. */
  onFatal(message: string): void;
  onSkip(seconds: number, reason: SeekReason | "discontinuity"): void;
}

/** A failed media source is made anew this often within a minute before we give up. */
const REBUILDS = 5;
const REBUILDS_WITHIN = 60;
const TRIM_EVERY = 2;
const RAN_DRY = 0.1;
/** What lies so near (s) before the playhead may have gone to the decoder; less than so much is a rounding; appending takes so long. */
const DECODED = 0.5;
const OVERLAPS = 0.05;
const APPENDED = 0.05;
/** The backlog of the start comes in one burst; playing begins when it pauses for so long (s), and at the latest then. */
const BURST_PAUSE = 0.03;
const BURST_ENDS = 0.25;

/** Plays verified parts through Media Source Extensions at the least latency that their arrival allows. */
export class PartsPlayback implements PartSink {
  readonly #video: HTMLVideoElement;
  readonly #hooks: PartsHooks;
  readonly #now: () => number;
  readonly controller = new LatencyController();
  #timeline = new Timeline();
  #buffer: MediaBuffer;
  #init: { data: Uint8Array; codecs: string } | null = null;
  #needsKeyFrame = true;
  /** When to seek to where we stand, for the decoder does not see what was laid over what it had. */
  #lookAgain = Number.POSITIVE_INFINITY;
  #left = 0;
  #begun = false;
  #openedAt: number;
  #firstAt: number | null = null;
  #lastAt = 0;
  #rebuilds: number[] = [];
  #trimmedAt = 0;
  #closed = false;

  /** @param now seconds, monotonic */
  constructor(video: HTMLVideoElement, hooks: PartsHooks, now: () => number) {
    this.#video = video;
    this.#hooks = hooks;
    this.#now = now;
    this.#openedAt = now();
    this.#buffer = this.#open();
    video.addEventListener("error", this.#onElementError);
  }

  /** Forward buffer, seconds. */
  get forward(): number {
    return forwardOf(this.#buffer.ranges, this.#video.currentTime);
  }

  captureAt(mediaTime: number): number | null {
    return this.#timeline.captureAt(mediaTime);
  }

  init(data: Uint8Array, codecs: string, _rendition: Rendition): void {
    if (this.#closed) return;
    if (!canPlay(codecs)) {
      this.close();
      this.#hooks.onFatal(`This browser cannot play ${codecs}; another browser may.`);
      return;
    }
    this.#init = { data, codecs };
    this.#needsKeyFrame = true;
    this.#buffer.init(data, codecs);
  }

  part(part: Part): void {
    if (this.#closed || this.#init === null) return;
    // Without its key frame a part could not be decoded, yet browsers would call it buffered: better a hole, to be jumped.
    if (!part.independent && (this.#needsKeyFrame || !this.#timeline.continues(part))) return;
    const placement = this.#timeline.place(part);
    const { currentTime } = this.#video;
    if (this.#needsKeyFrame && placement.start < currentTime + Math.min(DECODED, this.forward - OVERLAPS))
      this.#lookAgain = this.#now() + APPENDED;
    this.#needsKeyFrame = false;
    if (placement.fresh) this.controller.forget();
    if (placement.fresh && this.forward < RAN_DRY) this.controller.reset(); // as good as a start
    if (placement.fresh && this.#left > 0) this.#hooks.onSkip(this.#left, "discontinuity");
    this.#left = 0;
    this.controller.partLength(part.duration);
    this.#lastAt = this.#now();
    this.#firstAt ??= this.#lastAt;
    this.sample(); // just before an append the buffer is at its lowest
    this.#buffer.part(part.data, placement.offset, part.independent);
    this.#hooks.onData();
  }

  gap(seconds: number): void {
    this.#needsKeyFrame = true;
    this.#left += seconds;
  }

  goLive(): void {
    this.controller.goLive(this.#video.currentTime, this.#buffer.ranges, this.#now());
    this.#act();
  }

  /** Looks at the element and acts; to be called about 20 times a second. */
  sample(): void {
    if (this.#closed) return;
    const now = this.#now();
    const ranges = this.#buffer.ranges;
    if (!this.#begun) {
      const start = this.controller.beginAt(ranges, now - this.#openedAt);
      const waited = this.#firstAt === null ? 0 : now - this.#firstAt;
      if (start === null || (now - this.#lastAt < BURST_PAUSE && waited < BURST_ENDS)) return;
      this.#begun = true;
      this.#video.currentTime = start;
      return;
    }
    const { currentTime: position, paused, seeking, readyState } = this.#video;
    if (now > this.#lookAgain) {
      this.#lookAgain = Number.POSITIVE_INFINITY;
      this.#video.currentTime = position;
    }
    const waiting = readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    this.controller.sample({ position, ranges, playing: !paused, seeking, waiting }, now);
    this.#act();
    if (now - this.#trimmedAt > TRIM_EVERY) {
      this.#trimmedAt = now;
      this.#buffer.trim(position);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#video.removeEventListener("error", this.#onElementError);
    this.#video.playbackRate = 1;
    this.#buffer.close();
  }

  readonly #onElementError = (): void => this.#rebuild("The browser could not decode the stream.");

  #open(): MediaBuffer {
    return new MediaBuffer(this.#video, (message) => this.#rebuild(message));
  }

  #act(): void {
    for (const action of this.controller.pollActions()) {
      if (action.type === "rate") {
        this.#video.playbackRate = action.rate;
      } else {
        this.#video.currentTime = action.to;
        if (action.skipped > 0) this.#hooks.onSkip(action.skipped, action.reason);
      }
    }
  }

  /** Starts over with a new media source at the next key frame; what made the old one fail may have been one bad frame. */
  #rebuild(message: string): void {
    if (this.#closed) return;
    const now = this.#now();
    this.#rebuilds = [...this.#rebuilds.filter((time) => now - time < REBUILDS_WITHIN), now];
    if (this.#rebuilds.length > REBUILDS) {
      this.close();
      this.#hooks.onFatal(message);
      return;
    }
    const paused = this.#video.paused;
    this.#buffer.close();
    this.#timeline = new Timeline();
    this.controller.reset();
    this.#needsKeyFrame = true;
    this.#begun = false;
    this.#openedAt = now;
    this.#firstAt = null;
    this.#buffer = this.#open();
    if (this.#init !== null) this.#buffer.init(this.#init.data, this.#init.codecs);
    if (!paused) void this.#video.play().catch(() => undefined);
  }
}
