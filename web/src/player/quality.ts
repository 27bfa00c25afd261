import { html, LitElement, type TemplateResult } from "lit";
import { RenditionChooser } from "../core/rendition-chooser.ts";
import { read, write } from "../preferences.ts";
import type { Rendition } from "../room.ts";
import { sheets } from "../styles/sheet.ts";
import { GUARD } from "./controller.ts";
import css from "./quality.css?inline";
import { forwardOf, rangesOf } from "./ranges.ts";
import type { PlayerSession } from "./session.ts";
import type { PlayerStats } from "./stats.ts";

/** ms */
const TICK = 25;
/** What changes slowly is looked at every so many ticks. */
const SELDOM = 4;
/** Seconds between two attempts to bring about what was chosen. */
const AGAIN = 3;
/** What is watched for so long (s) is what the next visit begins with. */
const KEPT_AFTER = 10;
const AUTO = "auto";
/** Seconds of buffer to keep: what noticing that less comes, leaving, and beginning with less take. */
const GUARD_AUTO = 0.5;
/** With less of it (s) the picture moves more slowly, down to this rate; with less than that already while a lower one is awaited. */
const SHORT = 0.4;
const SHORT_OF = 0.8;
const SLOWEST = 0.6;
/** As in quality.css: there is no room to say what is watched. */
const NARROW = "(max-width: 30rem)";

/** Chooses among the renditions of a session's stream: by itself, or as the viewer says. Loaded where there are several. */
export class Quality {
  /** Id of the rendition that the viewer wants, or null to leave it to us. */
  chosen: string | null;
  readonly #session: PlayerSession;
  readonly #video: HTMLVideoElement;
  readonly #timer: ReturnType<typeof setInterval>;
  #ticks = 0;
  #stats: PlayerStats;
  #chooser: RenditionChooser | null = null;
  #asked: { id: string; at: number } | null = null;
  #watched: { id: string; since: number } | null = null;
  #slowed = false;

  constructor(session: PlayerSession, video: HTMLVideoElement) {
    this.#session = session;
    this.#video = video;
    this.#stats = session.stats;
    const stored = read("quality");
    this.chosen = stored === null || stored === AUTO ? null : stored;
    this.#timer = setInterval(this.#tick, TICK);
    // When it is needed, the way may be too narrow to load it in time.
    void import("../rendition-change.ts").catch(() => null);
  }

  /** The renditions, the best first. */
  get renditions(): readonly Rendition[] {
    return this.#session.stream?.renditions ?? [];
  }

  /** @param id of a rendition, or null for whichever comes in time */
  choose(id: string | null): void {
    this.chosen = id;
    this.#chooser = null;
    this.#asked = null;
    write("quality", id ?? AUTO);
    this.#tick();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#pace(1);
  }

  render(): TemplateResult {
    const { rendition, source } = this.#session.stats;
    return html`<braidcast-quality .quality=${this} .rendition=${rendition} ?hidden=${source !== "parts"}></braidcast-quality>`;
  }

  readonly #tick = (): void => {
    const { renditions } = this;
    if (this.#ticks++ % SELDOM === 0) this.#stats = this.#session.stats;
    const stats = this.#stats;
    const at = renditions.findIndex(({ id }) => id === stats.rendition);
    const now = performance.now() / 1000;
    const watched = renditions[at];
    if (watched === undefined || stats.source !== "parts") return;
    this.#session.keep(this.chosen === null ? GUARD_AUTO : GUARD);
    this.#keep(watched.id, now);
    if (this.chosen !== null && renditions.some(({ id }) => id === this.chosen)) {
      if (this.chosen !== watched.id) this.#ask(this.chosen, 0, now);
      this.#pace(1);
      return;
    }
    this.#chooser ??= new RenditionChooser(at);
    if (stats.state !== "live" || document.hidden || this.#video.seeking) {
      this.#chooser.reset();
      return;
    }
    const { heard } = this.#session;
    const { stalls, skippedTime, parents } = stats;
    const { buffered, currentTime } = this.#video;
    const forward = forwardOf(rangesOf(buffered), currentTime);
    this.#chooser.sample(
      {
        lag: heard === null ? null : heard.at - heard.mediaTime,
        edge: currentTime + forward,
        forward,
        bytes: stats.bytesFromPeers + stats.bytesFromOrigin,
        troubles: stalls + Math.ceil(10 * skippedTime),
        linked: parents.length > 0 && !parents.includes(null),
      },
      at,
      renditions.map(({ bandwidth }) => bandwidth),
      now,
    );
    this.#pace(forward / (this.#chooser.wanted > at ? SHORT_OF : SHORT));
    const wanted = renditions[this.#chooser.wanted];
    if (wanted !== undefined && (wanted !== watched || this.#asked !== null))
      this.#ask(wanted.id, this.#chooser.proof, now);
  };

  /** @param enough how much of what is needed there is to be played */
  #pace(enough: number): void {
    if (enough < 1) this.#video.playbackRate = Math.max(SLOWEST, enough);
    else if (this.#slowed) this.#video.playbackRate = 1;
    this.#slowed = enough < 1;
  }

  #ask(id: string, proof: number | null, now: number): void {
    // What was asked for comes about by itself; should it not, because the mesh was left meanwhile, it is asked for again.
    const patience = AGAIN + (proof ? 2 * proof + AGAIN : 0);
    if (this.#asked?.id === id && now - this.#asked.at < patience) return;
    this.#asked = { id, at: now };
    this.#session.choose(id, proof);
  }

  #keep(id: string, now: number): void {
    if (this.#watched?.id !== id) this.#watched = { id, since: now };
    if (this.#asked?.id === id) this.#asked = null;
    if (now - this.#watched.since < KEPT_AFTER) return;
    this.#watched.since = Number.POSITIVE_INFINITY;
    write("rendition", id);
  }
}

/** The menu among the player's controls. */
class QualityMenu extends LitElement {
  static override styles = sheets(css);
  static override properties = { quality: { attribute: false }, rendition: {} };
  declare quality: Quality | null;
  /** Id of the one that is watched. */
  declare rendition: string | null;

  constructor() {
    super();
    this.quality = null;
    this.rendition = null;
  }

  protected override render(): TemplateResult | null {
    const { quality, rendition } = this;
    if (quality === null) return null;
    const { chosen, renditions } = quality;
    const told = chosen === null && rendition !== null && !matchMedia(NARROW).matches;
    const auto = told ? `Auto (${rendition})` : "Auto";
    // Its keys are its own, not the player's.
    return html`
      <select aria-label="Quality" title="Quality" @change=${this.#onChange} @keydown=${(event: Event) => event.stopPropagation()}>
        <option value="" .selected=${chosen === null}>${auto}</option>
        ${renditions.map(({ id }) => html`<option value=${id} .selected=${chosen === id}>${id}</option>`)}
      </select>`;
  }

  #onChange({ target }: Event): void {
    const { value } = target as HTMLSelectElement;
    this.quality?.choose(value === "" ? null : value);
    this.requestUpdate();
  }
}

if (!customElements.get("braidcast-quality")) customElements.define("braidcast-quality", QualityMenu);
