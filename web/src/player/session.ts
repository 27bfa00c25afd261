import { NOT_LOADED } from "../membership.ts";
import { read } from "../preferences.ts";
import type { P2pMode, Room, StreamState, Watch } from "../room.ts";
import { FrameWatcher } from "./frames.ts";
import type { HlsFallback } from "./hls-fallback.ts";
import { mediaSourceClass } from "./media-buffer.ts";
import { PartsPlayback } from "./parts-playback.ts";
import type { Quality } from "./quality.ts";
import { forwardOf, rangesOf } from "./ranges.ts";
import { type Frame, StallMeter } from "./stalls.ts";
import { type PlayerState, playerState } from "./state.ts";
import { addWatches, NO_WATCH, type PlayerStats } from "./stats.ts";

export interface SessionOptions {
  room: Room;
  video: HTMLVideoElement;
  /** Empty: the room's `main` stream, or else its first. */
  stream: string;
  /** Base of origins that are given as a path. */
  server: string;
  p2p: P2pMode;
  /** When the element was connected, seconds of `performance.now`. */
  connectedAt: number;
}

export interface SessionHooks {
  /** State, stream or error changed. */
  onChange(): void;
  /** A stall ended after so many seconds. */
  onStall(seconds: number): void;
  onError(message: string): void;
}

type Hls = Pick<HlsFallback, "kind" | "capture" | "goLive" | "close">;

const TICK = 50;
const BUFFER_EVERY = 0.2;
/** Seconds without a first part, although the stream is live, before the origin's playlist is tried. */
const NO_PARTS = 8;
/** A frame older than this no longer tells the latency while the picture stands. */
const FRESH = 0.25;

/** One stream of a room in one video element: watches it, plays it by the best way that works, and measures. */
export class PlayerSession {
  readonly #options: SessionOptions;
  readonly #hooks: SessionHooks;
  readonly #stalls = new StallMeter();
  readonly #frames: FrameWatcher;
  readonly #timer: ReturnType<typeof setInterval>;
  #p2p: P2pMode;
  #watch: Watch | null = null;
  #before = NO_WATCH;
  #parts: PartsPlayback | null = null;
  #hls: Hls | null = null;
  #hlsBytes = 0;
  /** What chooses a rendition, once it is loaded; streams that have but one need none. */
  quality: Quality | null = null;
  #clock: { time: number; at: number } | null = null;
  #waitingSince: number | null = null;
  #gotData = false;
  /** Plays again after a start, a pause of the viewer or one of the source: from then on a wait is a stall. */
  #resumed = false;
  #startupTime: number | null = null;
  #skipped = 0;
  #lastFrame: Frame | null = null;
  #latency: number | null = null;
  #toldBufferAt = 0;
  #error: string | null = null;
  /** What the room said before anything was played; it may yet come right. */
  #trouble: string | null = null;
  #state: PlayerState = "connecting";
  #stopped = false;

  constructor(options: SessionOptions, hooks: SessionHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#p2p = options.p2p;
    this.#frames = new FrameWatcher(options.video, this.#onFrame);
    options.room.addEventListener("streams", this.#follow);
    options.room.addEventListener("state", this.#follow);
    options.room.addEventListener("error", this.#onRoomError);
    this.#timer = setInterval(this.#tick, TICK);
    this.#follow();
  }

  get state(): PlayerState {
    return this.#state;
  }

  get error(): string | null {
    return this.#error ?? this.#trouble;
  }

  get played(): boolean {
    return this.#startupTime !== null;
  }

  get stream(): StreamState | null {
    const { room, stream } = this.#options;
    if (stream !== "") return room.streams.get(stream) ?? null;
    return room.streams.get("main") ?? room.streams.values().next().value ?? null;
  }

  get stats(): PlayerStats {
    const watched = addWatches(this.#before, this.#watch?.stats ?? NO_WATCH);
    const now = seconds();
    const rendition = watched.rendition ?? this.stream?.renditions[0]?.id ?? null;
    return {
      ...watched,
      bytesFromOrigin: watched.bytesFromOrigin + this.#hlsBytes,
      rendition: this.#source() === null ? null : rendition,
      liveLatency: this.#currentLatency(now),
      stallTime: this.#stalls.time(now),
      skippedTime: this.#skipped,
      startupTime: this.#startupTime,
      stalls: this.#stalls.stalls,
      state: this.#state,
      p2p: this.#p2p,
      source: this.#source(),
      buffer: this.#forward,
      playbackRate: this.#options.video.playbackRate,
      clockError: this.#watch?.publisherNow()?.error ?? null,
    };
  }

  get #forward(): number {
    const { buffered, currentTime } = this.#options.video;
    return this.#parts?.forward ?? forwardOf(rangesOf(buffered), currentTime);
  }

  setP2p(mode: P2pMode): void {
    this.#p2p = mode;
    this.#watch?.setP2p(mode);
  }

  choose(rendition: string, proof: number | null): void {
    this.#watch?.choose(rendition, proof);
  }

  get heard(): Watch["heard"] {
    return this.#watch?.heard ?? null;
  }

  /** @param guard seconds of buffer to keep at its lowest */
  keep(guard: number): void {
    if (this.#parts !== null) this.#parts.controller.guard = guard;
  }

  goLive(): void {
    this.#parts?.goLive();
    this.#hls?.goLive();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.quality?.close();
    this.#frames.stop();
    const { room } = this.#options;
    room.removeEventListener("streams", this.#follow);
    room.removeEventListener("state", this.#follow);
    room.removeEventListener("error", this.#onRoomError);
    this.#endWatch();
    this.#hls?.close();
    this.#hls = null;
    this.#parts?.close();
    this.#parts = null;
  }

  /** Watches the stream once it is there; goes on watching through its pauses, and lets go when it has ended. */
  readonly #follow = (): void => {
    if (this.#stopped) return;
    const stream = this.stream;
    if (stream?.state === "live") {
      this.#waitingSince ??= seconds();
      if (this.#watch === null && this.#hls === null) this.#begin(stream);
      if (stream.renditions.length > 1 && this.quality === null) void this.#openQuality();
    } else {
      this.#waitingSince = null;
    }
    this.#update();
  };

  #begin(stream: StreamState): void {
    this.#error = null;
    if (mediaSourceClass() === null || typeof RTCPeerConnection === "undefined") {
      this.#startHls(stream);
      return;
    }
    this.#gotData = false;
    this.#parts ??= this.#openParts();
    this.#watch = this.#options.room.watch(stream.name, this.#parts, read("rendition"));
    this.#watch.setP2p(this.#p2p);
    this.#play();
  }

  async #openQuality(): Promise<void> {
    const loaded = await import("./quality.ts").catch(() => null);
    if (this.#stopped || loaded === null) return;
    this.quality ??= new loaded.Quality(this, this.#options.video);
    this.#hooks.onChange();
  }

  #openParts(): PartsPlayback {
    return new PartsPlayback(
      this.#options.video,
      {
        onData: () => {
          this.#gotData = true;
        },
        onFatal: (message) => this.#fail(message),
        onSkip: (skipped) => {
          this.#skipped += skipped;
        },
      },
      seconds,
    );
  }

  #startHls(stream: StreamState): void {
    const origin = stream.origins[0];
    if (origin === undefined) {
      if (typeof RTCPeerConnection === "undefined")
        this.#fail(
          "This browser blocks WebRTC, and the stream has no web server to fall back on. Allow WebRTC.",
        );
      return;
    }
    this.#endWatch();
    this.#parts?.close();
    this.#parts = null;
    const url = `${new URL(origin, this.#options.server).href.replace(/\/$/, "")}/index.m3u8`;
    const loading: Hls = { kind: "hls.js", capture: null, goLive() {}, close() {} };
    this.#hls = loading;
    void this.#openHls(loading, url);
  }

  async #openHls(loading: Hls, url: string): Promise<void> {
    const loaded = await import("./hls-fallback.ts").catch(() => null);
    if (this.#hls !== loading) return;
    if (loaded === null) {
      this.#leaveHls(NOT_LOADED);
      return;
    }
    const hls = new loaded.HlsFallback(this.#options.video, url, {
      onBytes: (bytes) => {
        this.#hlsBytes += bytes;
      },
      onClock: (time, at) => {
        this.#clock = { time, at };
      },
      onFatal: (message) => this.#leaveHls(message),
    });
    this.#hls = hls;
    await hls.start();
    this.#play();
  }

  /** The playlist failed too: try parts again, or say so until the stream changes. */
  #leaveHls(message: string): void {
    this.#hls?.close();
    this.#hls = null;
    this.#waitingSince = null;
    if (typeof RTCPeerConnection === "undefined" || mediaSourceClass() === null) this.#fail(message);
    else this.#follow();
  }

  /** A browser that forbids sound without a click still lets a muted picture play. */
  #play(): void {
    const { video } = this.#options;
    void video.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || video.muted) return;
      video.muted = true;
      return video.play().catch(() => undefined);
    });
  }

  #endWatch(): void {
    if (this.#watch === null) return;
    this.#before = { ...addWatches(this.#before, this.#watch.stats), parents: [], children: [], peers: 0 };
    this.#watch.stop();
    this.#watch = null;
  }

  readonly #tick = (): void => {
    const now = seconds();
    this.#frames.tick(now);
    const stream = this.stream;
    const { video } = this.#options;
    const live = stream?.state === "live";
    if (!live || video.paused || !this.played) this.#resumed = false;
    else if (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) this.#resumed = true;
    const due = this.#resumed && !document.hidden && this.#error === null;
    this.#stalls.expect(due && live, now, !live);
    this.#stalls.tick(this.#frames.decoded, now);
    for (const stall of this.#stalls.pollStalls()) this.#hooks.onStall(stall);
    this.#parts?.sample();
    if (this.#watch !== null && this.#parts !== null && now - this.#toldBufferAt >= BUFFER_EVERY) {
      this.#toldBufferAt = now;
      this.#watch.buffer(this.#parts.forward);
    }
    if (live && !this.#gotData && this.#hls === null && now - (this.#waitingSince ?? now) > NO_PARTS)
      this.#startHls(stream);
    if (stream?.state === "ended" && (this.#parts?.forward ?? 0) < 0.1) this.#endWatch();
    this.#update();
  };

  readonly #onFrame = (frame: Frame, visibleAt: number): void => {
    if (this.#stopped) return;
    this.#stalls.frame(frame);
    this.#lastFrame = frame;
    this.#trouble = null;
    this.#startupTime ??= frame.shownAt - this.#options.connectedAt;
    const capture = this.#parts?.captureAt(frame.mediaTime) ?? this.#hls?.capture ?? null;
    const publisher = this.#publisherAt(visibleAt);
    this.#latency = capture === null || publisher === null ? null : publisher - capture;
    this.#update();
  };

  readonly #onRoomError = (event: Event): void => {
    const message = (event as CustomEvent<{ message: string }>).detail.message;
    if (this.#options.room.state === "closed") this.#fail(message);
    else {
      if (!this.played) this.#trouble = message;
      this.#hooks.onError(message);
      this.#hooks.onChange();
    }
  };

  #publisherAt(now: number): number | null {
    const known = this.#watch?.publisherNow();
    if (known) return known.time + (now - seconds());
    return this.#clock === null || this.#hls === null ? null : this.#clock.time + (now - this.#clock.at);
  }

  #currentLatency(now: number): number | null {
    if (this.#latency === null || this.#lastFrame === null) return null;
    const age = now - this.#lastFrame.shownAt;
    return age > FRESH && !document.hidden ? this.#latency + age : this.#latency;
  }

  #source(): PlayerStats["source"] {
    if (this.#hls !== null) return this.#hls.kind;
    return this.#gotData ? "parts" : null;
  }

  #fail(message: string): void {
    this.#error = message;
    this.#hooks.onError(message);
    this.#update();
    this.#hooks.onChange();
  }

  #update(): void {
    const { room, video } = this.#options;
    const quiet = this.#lastFrame === null ? Number.POSITIVE_INFINITY : seconds() - this.#lastFrame.shownAt;
    const state = playerState({
      error: this.#error,
      idle: false,
      paused: video.paused && this.played,
      room: room.state,
      stream: this.stream?.state ?? null,
      played: this.played,
      quiet: document.hidden && this.played && !video.paused ? 0 : quiet,
    });
    if (state === this.#state) return;
    this.#state = state;
    this.#hooks.onChange();
  }
}

function seconds(): number {
  return performance.now() / 1000;
}
