import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { DEFAULT_SERVER } from "../default-server.ts";
import * as preferences from "../preferences.ts";
import type { P2pMode, Room } from "../room.ts";
import { rooms } from "../rooms.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-player.css?inline";
import type { Controls } from "./controls.ts";
import * as icons from "./icons.ts";
import { PlayerSession } from "./session.ts";
import sharingCss from "./sharing.css?inline";
import { sharingSwitch } from "./sharing.ts";
import { type PlayerState, wordsFor } from "./state.ts";
import { NO_WATCH, type PlayerStats } from "./stats.ts";

const CONTROLS_STAY = 3000;
/** Further than this behind what one could see is not live any more, seconds. */
const LIVE_WITHIN = 2;

/**
 * Plays a stream of a room. Events: `stats` every second (detail: the stats), `stall` (detail: `{duration}`) and `error`
 * (detail: `{message}`, a sentence for a person).
 */
export class BraidcastPlayer extends LitElement {
  static override styles = sheets(sharingCss + css);
  static override properties = {
    server: {},
    room: {},
    stream: {},
    token: {},
    publisherKey: { attribute: "publisher-key" },
    p2p: { reflect: true },
    muted: { type: Boolean },
    autoplay: { type: Boolean },
    controls: { type: Boolean },
  };
  declare server: string;
  declare room: string;
  declare stream: string;
  declare token: string;
  declare publisherKey: string;
  declare p2p: P2pMode;
  declare muted: boolean;
  declare autoplay: boolean;
  declare controls: boolean;

  #joined: Room | null = null;
  #session: PlayerSession | null = null;
  #connectedAt = 0;
  #statsTimer: ReturnType<typeof setInterval> | null = null;
  #hideTimer: ReturnType<typeof setTimeout> | null = null;
  #active = true;
  #noticeOpen = false;
  #joinError: string | null = null;

  constructor() {
    super();
    this.server = DEFAULT_SERVER;
    this.room = "";
    this.stream = "";
    this.token = "";
    this.publisherKey = "";
    this.p2p = "on";
    this.muted = false;
    this.autoplay = false;
    this.controls = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#connectedAt = performance.now() / 1000;
    this.#statsTimer = setInterval(this.#tellStats, 1000);
    if (this.hasUpdated) this.#start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.#statsTimer !== null) clearInterval(this.#statsTimer);
    if (this.#hideTimer !== null) clearTimeout(this.#hideTimer);
    this.#stop();
  }

  /** The room that this player is in; null before and after. */
  get membership(): Room | null {
    return this.#joined;
  }

  get state(): PlayerState {
    return this.#joinError !== null ? "error" : (this.#session?.state ?? "idle");
  }

  get stats(): PlayerStats {
    return (
      this.#session?.stats ?? {
        ...NO_WATCH,
        parents: [],
        children: [],
        liveLatency: null,
        stallTime: 0,
        skippedTime: 0,
        startupTime: null,
        stalls: 0,
        state: this.state,
        p2p: this.p2p,
        source: null,
        buffer: 0,
        playbackRate: 1,
        clockError: null,
      }
    );
  }

  /** Chooses how much is shared with other viewers, and remembers it for this room. */
  choose(mode: P2pMode): void {
    preferences.setSharing(this.server, this.room, mode);
    this.p2p = mode;
  }

  play(): void {
    if (this.#session === null) this.#start(true);
    else void this.video.play().catch(() => undefined);
  }

  /** Handles a key press that was meant for the player; returns whether it was one of its keys. */
  key(event: KeyboardEvent): boolean {
    this.#stir();
    return this.#controls?.key(event) ?? false;
  }

  get video(): HTMLVideoElement {
    return this.renderRoot.querySelector("video") as HTMLVideoElement;
  }

  /** Null until they are loaded. */
  get #controls(): Controls | null {
    return this.renderRoot.querySelector<Controls>("braidcast-controls:defined");
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("room") || changed.has("server")) {
      const stored = preferences.sharing(this.server, this.room);
      if (stored !== null) this.p2p = preferences.lesser(this.p2p, stored);
      this.#noticeOpen = this.p2p !== "off" && !preferences.noticeSeen(this.server, this.room);
    }
    if (changed.has("p2p")) {
      if (!["on", "leaf", "off"].includes(this.p2p)) this.p2p = "off";
      this.#session?.setP2p(this.p2p);
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("muted")) this.video.muted = this.muted;
    const where = ["server", "room", "stream", "token", "publisherKey"] as const;
    const askedNow = changed.has("autoplay") && this.#session === null;
    if (askedNow || where.some((name) => changed.has(name))) this.#start();
  }

  protected override firstUpdated(): void {
    const volume = preferences.volume();
    if (volume !== null) this.video.volume = volume;
    for (const name of ["play", "pause", "volumechange"])
      this.video.addEventListener(name, () => this.requestUpdate());
    this.requestUpdate(); // the controls take the video element
  }

  #start(asked = false): void {
    if (this.#session !== null || asked) this.#connectedAt = performance.now() / 1000;
    this.#stop();
    if (this.room === "" || !this.isConnected || !(asked || this.autoplay)) return;
    try {
      this.#joined = rooms().acquire({
        server: this.server,
        room: this.room,
        p2p: this.p2p,
        role: "viewer",
        ...(this.token !== "" && { token: this.token }),
        ...(this.publisherKey !== "" && { publisherKey: this.publisherKey }),
      });
    } catch (error) {
      this.#joinError = error instanceof Error ? error.message : String(error);
      this.#tellError(this.#joinError);
      this.requestUpdate();
      return;
    }
    this.#session = new PlayerSession(
      {
        room: this.#joined,
        video: this.video,
        stream: this.stream,
        server: new URL(this.server, location.href).href,
        p2p: this.p2p,
        connectedAt: this.#connectedAt,
      },
      {
        onChange: () => this.requestUpdate(),
        onStall: (duration) => this.dispatchEvent(new CustomEvent("stall", { detail: { duration } })),
        onError: (message) => this.#tellError(message),
      },
    );
    this.dispatchEvent(new Event("joined"));
    this.requestUpdate();
  }

  #stop(): void {
    this.#joinError = null;
    this.#session?.stop();
    this.#session = null;
    if (this.#joined !== null) rooms().release(this.#joined);
    this.#joined = null;
  }

  #tellError(message: string): void {
    this.dispatchEvent(new CustomEvent("error", { detail: { message } }));
  }

  readonly #tellStats = (): void => {
    if (this.#session === null) return;
    this.dispatchEvent(new CustomEvent("stats", { detail: this.stats }));
    this.requestUpdate(); // the latency in the controls
  };

  /** Shows the controls, and hides them when nothing moved for 3 s. */
  readonly #stir = (): void => {
    if (this.#hideTimer !== null) clearTimeout(this.#hideTimer);
    this.#hideTimer = setTimeout(() => {
      const focused = this.#controls?.matches(":focus-within") === true && this.matches(":focus-visible");
      this.#active = focused || this.#controls?.matches(":hover") === true;
      if (!focused && this.#active) this.#stir();
      this.requestUpdate();
    }, CONTROLS_STAY);
    if (!this.#active) this.requestUpdate();
    this.#active = true;
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (this.key(event)) event.preventDefault();
  };

  readonly #onFrameClick = (): void => {
    this.#stir();
    if (this.state === "idle") this.play();
    else if (this.video.muted && !this.video.paused) this.#unmute();
  };

  readonly #unmute = (): void => {
    this.video.muted = false;
    if (this.video.volume === 0) this.video.volume = 1;
    this.#stir();
  };

  #dismissNotice(): void {
    preferences.setNoticeSeen(this.server, this.room);
    this.#noticeOpen = false;
    this.requestUpdate();
    this.renderRoot.querySelector<HTMLElement>(".frame")?.focus();
  }

  protected override render(): TemplateResult {
    const { state } = this;
    const session = this.#session;
    const words = wordsFor(state, session?.played ?? false, this.#joinError ?? session?.error ?? null);
    const video = this.hasUpdated ? this.video : null;
    const playing = state === "live" && video !== null && !video.paused;
    const showControls = this.controls && session !== null;
    const hidden = playing && !this.#active;
    return html`
      <div class="frame" part="frame" role="group" aria-label="Live video" tabindex="0" ?data-still=${hidden}
        @pointermove=${this.#stir} @pointerdown=${this.#stir} @focusin=${this.#stir} @keydown=${this.#onKey}>
        <video part="video" playsinline .muted=${this.muted} @click=${this.#onFrameClick}></video>
        <div class="words ${words !== null && session?.played === true ? "over" : ""}" role="status">
          ${state === "connecting" || state === "reconnecting" ? html`<span class="spinner"></span>` : nothing}
          ${words === null ? nothing : html`<strong>${words.title}</strong>${words.hint === "" ? nothing : html`<p>${words.hint}</p>`}`}
        </div>
        ${
          state === "idle" || state === "paused"
            ? html`<button type="button" class="start" aria-label="Play" @click=${this.play}>${icons.play}</button>`
            : nothing
        }
        ${
          playing && video.muted
            ? html`<button type="button" class="unmute" @click=${this.#unmute}>${icons.muted}<span>Tap to unmute</span></button>`
            : nothing
        }
        <braidcast-controls class=${hidden ? "away" : ""} ?hidden=${!showControls} .video=${video}
          .frame=${this.hasUpdated ? this.renderRoot.querySelector(".frame") : null}
          .live=${state === "live" && this.#atEdge()} .latency=${session?.stats.liveLatency ?? null}
          @play-request=${this.play} @live-request=${() => session?.goLive()}>${session?.quality?.render()}</braidcast-controls>
      </div>
      ${this.#noticeOpen && session !== null ? this.#notice() : nothing}`;
  }

  #atEdge(): boolean {
    const stats = this.#session?.stats;
    return stats !== undefined && stats.buffer < LIVE_WITHIN;
  }

  #notice(): TemplateResult {
    return html`
      <section class="notice" part="notice" aria-label="About sharing">
        <div>
          <p><strong>Viewers carry this stream for each other.</strong>
            While you watch, your browser passes parts of it on to other viewers. That uses your upload, and they can see your network address.</p>
          ${sharingSwitch(this.p2p, "notice-sharing", (mode) => this.choose(mode))}
        </div>
        <button type="button" class="button primary" @click=${this.#dismissNotice}>Got it</button>
      </section>`;
  }
}
