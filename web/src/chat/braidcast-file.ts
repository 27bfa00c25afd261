import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { SharedFile } from "../core/shared-file.ts";
import type { FileState, Files } from "../room.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-file.css?inline";

/** Types whose bytes a page can show without running anything of theirs; all others are saved, never opened. */
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);
const VIDEOS = new Set(["video/mp4", "video/webm"]);
const SOUNDS = new Set(["audio/mpeg", "audio/mp4", "audio/ogg", "audio/webm", "audio/wav"]);
/** Of bytes that nothing is known about. */
const ANY_TYPE = "application/octet-stream";
/** Bytes of the largest image, and of the largest recording, that is shown. */
const LARGEST_IMAGE = 20_000_000;
const LARGEST_RECORDING = 500_000_000;

/** A file that a message tells of: got when somebody asks for it, then shown, if it can be, and saved. */
export class BraidcastFile extends LitElement {
  static override styles = sheets(css);
  static override properties = {
    file: { attribute: false },
    files: { attribute: false },
    state: { state: true },
  };
  declare file: SharedFile;
  declare files: Files | null;
  declare state: FileState;
  #url: string | null = null;

  constructor() {
    super();
    this.files = null;
    this.state = { state: "away" };
  }

  /** Looks how far the file is. */
  look(): void {
    const state = this.files?.stateOf(this.file);
    if (state !== undefined && JSON.stringify(state) !== JSON.stringify(this.state)) this.state = state;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#forget();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated && this.state.state === "here") void this.#open();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("files") || changed.has("file")) this.look();
    if (!changed.has("state")) return;
    if (this.state.state === "here") void this.#open();
    else this.#forget();
  }

  async #open(): Promise<void> {
    const data = await this.files?.data(this.file).catch(() => null);
    if (data == null || !this.isConnected || this.#url !== null) return;
    // What it is taken for is decided here: a page of somebody else's must never open as one of this site's.
    this.#url = URL.createObjectURL(data.slice(0, data.size, safeType(this.file.type)));
    this.requestUpdate();
  }

  #forget(): void {
    if (this.#url !== null) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }

  protected override render(): TemplateResult {
    const { name, size, type } = this.file;
    return html`
      <div class="card">
        <span class="what"><strong>${name}</strong><span class="about">${amount(size)}${type === ANY_TYPE ? "" : `, ${type}`}</span></span>
        ${this.#controls()}
      </div>
      ${this.#url === null ? nothing : this.#preview(this.#url)}`;
  }

  #controls(): TemplateResult | typeof nothing {
    const { files, file, state } = this;
    if (files === null) return nothing;
    const { name, size } = file;
    switch (state.state) {
      case "away":
        return this.#button("Get", name, () => files.begin(file));
      case "failed":
        return html`${this.#button("Try again", name, () => files.begin(file))}<span class="failed" role="alert">${state.sentence}</span>`;
      case "coming":
        return html`${this.#button("Stop", name, () => files.stop(file))}
          <progress max=${size} .value=${state.received} aria-label="${name}"></progress>
          <span class="about">${waiting(state.received, size, state.sources)}</span>`;
      case "here":
        return this.#url === null
          ? nothing
          : html`<a class="button" href=${this.#url} download=${name} aria-label="Save ${name}">Save</a>`;
    }
  }

  #button(label: string, name: string, act: () => void): TemplateResult {
    return html`<button type="button" class="button" aria-label="${label} ${name}" @click=${act}>${label}</button>`;
  }

  #preview(url: string): TemplateResult | typeof nothing {
    const { name, size, type } = this.file;
    if (IMAGES.has(type) && size <= LARGEST_IMAGE) return html`<img src=${url} alt=${name} />`;
    if (size > LARGEST_RECORDING) return nothing;
    if (VIDEOS.has(type))
      return html`<video src=${url} controls preload="metadata" aria-label=${name}></video>`;
    if (SOUNDS.has(type))
      return html`<audio src=${url} controls preload="metadata" aria-label=${name}></audio>`;
    return nothing;
  }
}

function safeType(type: string): string {
  return IMAGES.has(type) || VIDEOS.has(type) || SOUNDS.has(type) ? type : ANY_TYPE;
}

function waiting(received: number, size: number, sources: number): string {
  if (sources === 0) return "Nobody who is here has it yet.";
  return `${amount(received)} of ${amount(size)}, from ${sources === 1 ? "one" : sources}`;
}

/** Bytes as a person reads them: `1.2 MB`. */
export function amount(size: number): string {
  let [scaled, unit] = [size, "bytes"];
  for (const greater of ["kB", "MB", "GB"]) {
    if (scaled >= 1000) [scaled, unit] = [scaled / 1000, greater];
  }
  return unit === "bytes" ? `${size} bytes` : `${scaled.toFixed(1)} ${unit}`;
}

if (customElements.get("braidcast-file") === undefined)
  customElements.define("braidcast-file", BraidcastFile);
