import { html, LitElement, nothing, type TemplateResult } from "lit";
import { setVolume } from "../preferences.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./controls.css?inline";
import * as icons from "./icons.ts";

const VOLUME_STEP = 0.1;

/** The player's own controls; they act on the video element and ask the player for what only it can do. */
export class Controls extends LitElement {
  static override styles = sheets(css);
  static override properties = {
    video: { attribute: false },
    frame: { attribute: false },
    live: { type: Boolean },
    latency: { type: Number },
  };
  declare video: HTMLVideoElement | null;
  /** What goes full screen. */
  declare frame: HTMLElement | null;
  /** Plays at the live edge. */
  declare live: boolean;
  /** Seconds, or null while unknown. */
  declare latency: number | null;
  readonly #events = new AbortController();

  constructor() {
    super();
    this.video = null;
    this.frame = null;
    this.live = false;
    this.latency = null;
  }

  override firstUpdated(): void {
    const signal = this.#events.signal;
    for (const name of ["play", "pause", "volumechange", "enterpictureinpicture", "leavepictureinpicture"])
      this.video?.addEventListener(name, () => this.requestUpdate(), { signal });
  }

  togglePlay(): void {
    const { video } = this;
    if (video === null) return;
    if (video.paused) this.dispatchEvent(new Event("play-request"));
    else video.pause();
  }

  toggleMuted(): void {
    if (this.video === null) return;
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.#setVolume(0.5);
  }

  async toggleFullscreen(): Promise<void> {
    const video = this.video as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null;
    try {
      if (document.fullscreenElement !== null) await document.exitFullscreen();
      else if (this.frame?.requestFullscreen) await this.frame.requestFullscreen();
      else video?.webkitEnterFullscreen?.();
    } catch {
      // The embedding page may forbid it; there is nothing to undo.
    }
  }

  async togglePictureInPicture(): Promise<void> {
    try {
      if (document.pictureInPictureElement !== null) await document.exitPictureInPicture();
      else await this.video?.requestPictureInPicture();
    } catch {
      // As above; or there is no picture yet.
    }
  }

  /** Handles a key of the player; returns whether it was one. */
  key(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey || this.video === null) return false;
    const onButton = event.composedPath()[0] instanceof HTMLButtonElement;
    switch (event.key) {
      case " ":
        if (onButton) return false; // it presses that button
        this.togglePlay();
        return true;
      case "k":
        this.togglePlay();
        return true;
      case "m":
        this.toggleMuted();
        return true;
      case "f":
        void this.toggleFullscreen();
        return true;
      case "ArrowUp":
      case "ArrowDown":
        this.video.muted = false;
        this.#setVolume(this.video.volume + (event.key === "ArrowUp" ? VOLUME_STEP : -VOLUME_STEP));
        return true;
      case "ArrowRight":
        this.#goLive();
        return true;
      default:
        return false;
    }
  }

  #setVolume(value: number): void {
    if (this.video === null) return;
    this.video.volume = Math.min(1, Math.max(0, value));
    setVolume(this.video.volume);
  }

  #goLive(): void {
    this.dispatchEvent(new Event("live-request"));
  }

  protected override render(): TemplateResult {
    const video = this.video;
    const paused = video?.paused ?? true;
    const silent = video === null || video.muted || video.volume === 0;
    return html`
      <div class="bar">
        <button type="button" aria-label=${paused ? "Play" : "Pause"} title=${paused ? "Play (space)" : "Pause (space)"}
          @click=${this.togglePlay}>${paused ? icons.play : icons.pause}</button>
        <button type="button" aria-label=${silent ? "Unmute" : "Mute"} title=${silent ? "Unmute (m)" : "Mute (m)"}
          @click=${this.toggleMuted}>${silent ? icons.muted : icons.sound}</button>
        <input class="volume" type="range" min="0" max="1" step="0.05" aria-label="Volume" .value=${String(silent ? 0 : video.volume)}
          @input=${this.#onVolume} />
        <button type="button" class="live" ?data-on=${this.live} @click=${this.#goLive}
          title=${this.live ? "You are watching live" : "Go to the newest picture (right arrow)"}>
          <span class="dot"></span>${this.live ? "Live" : "Go live"}</button>
        ${
          this.live && this.latency !== null
            ? html`<span class="latency" title="From the camera to your screen">${this.latency.toFixed(1)} s behind</span>`
            : nothing
        }
        <span class="space"></span>
        <slot></slot>
        ${
          document.pictureInPictureEnabled
            ? html`<button type="button" aria-label="Picture in picture" title="Picture in picture"
                @click=${this.togglePictureInPicture}>${icons.pictureInPicture}</button>`
            : nothing
        }
        <button type="button" aria-label="Full screen" title="Full screen (f)" @click=${this.toggleFullscreen}>${icons.fullscreen}</button>
      </div>`;
  }

  #onVolume(event: Event): void {
    if (this.video === null) return;
    this.#setVolume(Number((event.target as HTMLInputElement).value));
    this.video.muted = this.video.volume === 0;
  }
}
