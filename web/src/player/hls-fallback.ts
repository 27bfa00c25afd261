import type Hls from "hls.js";

export interface HlsHooks {
  /** Bytes that came from the origin since the last call. */
  onBytes(bytes: number): void;
  /** Seconds of the publisher's clock, as an answer said it at `now` (s, of `performance.now`). */
  onClock(time: number, now: number): void;
  onFatal(message: string): void;
}

const RECOVERIES = 3;
/** ms */
const CLOCK_EVERY = 10_000;

/**
 * Plays an origin's LL-HLS playlist: by hls.js, loaded on demand, or by the browser itself where there is no Media Source.
 * The one way to watch where parts cannot reach us.
 */
export class HlsFallback {
  readonly #video: HTMLVideoElement;
  readonly #url: string;
  readonly #hooks: HlsHooks;
  #hls: Hls | null = null;
  #closed = false;
  #recoveries = 0;
  #clockTimer: ReturnType<typeof setInterval> | null = null;
  kind: "hls.js" | "native" = "hls.js";

  constructor(video: HTMLVideoElement, url: string, hooks: HlsHooks) {
    this.#video = video;
    this.#url = url;
    this.#hooks = hooks;
  }

  async start(): Promise<void> {
    let Player: typeof Hls;
    try {
      Player = (await import("hls.js/light")).default;
    } catch {
      if (!this.#closed) this.#native("The HLS player could not be loaded: load the page again.");
      return;
    }
    if (this.#closed) return;
    if (!Player.isSupported()) {
      this.#native("This browser can play neither parts nor HLS. A current browser will.");
      return;
    }
    const hls = new Player({
      lowLatencyMode: true,
      liveSyncDuration: 0.6,
      liveMaxLatencyDuration: 4,
      maxLiveSyncPlaybackRate: 1.06,
      backBufferLength: 10,
    });
    this.#hls = hls;
    hls.on(Player.Events.FRAG_LOADED, (_, { part, frag }) =>
      this.#hooks.onBytes((part ?? frag).stats.loaded || 0),
    );
    hls.on(Player.Events.LEVEL_LOADED, (_, { stats }) => this.#hooks.onBytes(stats.loaded || 0));
    hls.on(Player.Events.ERROR, (_, { fatal, type }) => {
      if (!fatal) return;
      this.#recoveries += 1;
      if (this.#recoveries > RECOVERIES)
        this.#hooks.onFatal(
          "The origin's playlist cannot be played at the moment. Reload the page to try again.",
        );
      else if (type === Player.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
      else setTimeout(() => this.#reload(), 1000 * this.#recoveries);
    });
    hls.loadSource(this.#url);
    hls.attachMedia(this.#video);
    void this.#askClock();
    this.#clockTimer = setInterval(() => void this.#askClock(), CLOCK_EVERY);
  }

  /** Capture time of what is shown (s on the publisher's clock), as the playlist's dates tell it. */
  get capture(): number | null {
    const date = this.#hls?.playingDate;
    return date == null ? null : date.getTime() / 1000;
  }

  goLive(): void {
    const position = this.#hls?.liveSyncPosition;
    if (position != null) this.#video.currentTime = position;
  }

  close(): void {
    this.#closed = true;
    if (this.#clockTimer !== null) clearInterval(this.#clockTimer);
    this.#hls?.destroy();
    this.#hls = null;
    if (this.kind === "native") {
      this.#video.removeAttribute("src");
      this.#video.load();
    }
  }

  /** The origin tells the publisher's clock with its answers; without it the latency stays unknown. */
  async #askClock(): Promise<void> {
    const asked = performance.now();
    try {
      const url = new URL("description", this.#url);
      const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(CLOCK_EVERY) });
      const clock = Number(answer.headers.get("Braidcast-Clock"));
      if (clock > 0 && !this.#closed) this.#hooks.onClock(clock / 1e6, (asked + performance.now()) / 2000);
    } catch {
      // Asked again soon.
    }
  }

  #reload(): void {
    if (this.#closed) return;
    this.#hls?.loadSource(this.#url);
    this.#hls?.startLoad();
  }

  #native(otherwise: string): void {
    if (this.#video.canPlayType("application/vnd.apple.mpegurl") === "") {
      this.#hooks.onFatal(otherwise);
      return;
    }
    this.kind = "native";
    this.#video.src = this.#url;
  }
}
