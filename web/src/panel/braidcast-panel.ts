import { html, LitElement, nothing, type PropertyValues, svg, type TemplateResult } from "lit";
import { shownName } from "../chat/names.ts";
import type { BraidcastPlayer } from "../player/braidcast-player.ts";
import sharingCss from "../player/sharing.css?inline";
import { sharingSwitch } from "../player/sharing.ts";
import { formatBytes, formatSeconds, type PlayerStats, shares } from "../player/stats.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-panel.css?inline";
import { type Node, strandsView } from "./strands.ts";

const SOURCES = {
  parts: "in parts, straight into the player",
  "hls.js": "over HTTP (hls.js)",
  native: "over HTTP (the browser's own player)",
} as const;

/** Shows where a player's picture comes from. `for` is the player's id; without it, the page's first player is meant. */
export class BraidcastPanel extends LitElement {
  static override styles = sheets(sharingCss + css);
  static override properties = { for: {} };
  declare for: string;
  #player: BraidcastPlayer | null = null;
  #stats: PlayerStats | null = null;

  constructor() {
    super();
    this.for = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#attach();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#player?.removeEventListener("stats", this.#onStats);
    this.#player = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("for")) this.#attach();
  }

  #attach(): void {
    this.#player?.removeEventListener("stats", this.#onStats);
    const found =
      this.for === "" ? document.querySelector("braidcast-player") : document.getElementById(this.for);
    this.#player = found as BraidcastPlayer | null;
    this.#player?.addEventListener("stats", this.#onStats);
  }

  readonly #onStats = (event: Event): void => {
    this.#stats = (event as CustomEvent<PlayerStats>).detail;
    this.requestUpdate();
  };

  readonly #nodeOf = (peer: string): Node => {
    const room = this.#player?.membership;
    const entry = room?.roster.find((known) => known.peer === peer);
    const isPublisher = [...(room?.streams.values() ?? [])].some((stream) => stream.publisher === peer);
    const role = isPublisher ? "publisher" : (entry?.role ?? "viewer");
    const name =
      entry?.name === "" && isPublisher ? "Publisher" : shownName({ author: peer, name: entry?.name ?? "" });
    return { peer, name, role };
  };

  protected override render(): TemplateResult {
    const stats = this.#stats;
    const player = this.#player;
    return html`
      <section aria-labelledby="where">
        <h2 id="where">Where your picture comes from</h2>
        ${
          stats === null
            ? html`<p class="muted">Figures appear here once the player is in the room.</p>`
            : html`${this.#sources(stats)}${this.#figures(stats)}`
        }
      </section>
      ${
        stats !== null && stats.parents.length > 0
          ? html`<section aria-labelledby="who"><h2 id="who">Who feeds whom</h2>${strandsView(stats, this.#nodeOf)}</section>`
          : nothing
      }
      ${
        player === null
          ? nothing
          : html`<section aria-labelledby="share"><h2 id="share">Sharing</h2>
              ${sharingSwitch(stats?.p2p ?? player.p2p, "panel-sharing", (mode) => player.choose(mode))}</section>`
      }`;
  }

  #sources(stats: PlayerStats): TemplateResult {
    const share = shares(stats);
    const rows = [
      {
        name: "Viewers",
        kind: "viewers",
        percent: share.viewers,
        bytes: stats.bytesFromPeers - stats.bytesFromRelays,
      },
      { name: "Relays", kind: "relays", percent: share.relays, bytes: stats.bytesFromRelays },
      { name: "Origin", kind: "origin", percent: share.origin, bytes: stats.bytesFromOrigin },
    ];
    let x = 0;
    return html`
      <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="empty" width="100" height="10"></rect>
        ${rows.map((row) => {
          const at = x;
          x += row.percent;
          return svg`<rect class=${row.kind} x=${at} width=${row.percent} height="10"></rect>`;
        })}
      </svg>
      <ul class="sources">
        ${rows.map(
          (row) => html`<li><span class="key ${row.kind}"></span>${row.name}
            <b>${row.percent} %</b> <span class="muted">${formatBytes(row.bytes)}</span></li>`,
        )}
      </ul>`;
  }

  #figures(stats: PlayerStats): TemplateResult {
    const stalls = stats.stalls === 0 ? "none" : `${stats.stalls} (${formatSeconds(stats.stallTime)})`;
    const figures: [string, string][] = [
      ["Behind the camera", formatSeconds(stats.liveLatency)],
      ["Stalls", stalls],
      ["You passed on", formatBytes(stats.bytesToPeers)],
      ["Links", String(stats.peers)],
      ["Quality", stats.rendition ?? "–"],
      ["Started in", formatSeconds(stats.startupTime)],
    ];
    if (stats.skippedTime > 0.05) figures.push(["Left out", formatSeconds(stats.skippedTime)]);
    if (stats.blocksRejected > 0) figures.push(["Blocks refused", String(stats.blocksRejected)]);
    return html`
      <dl>${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      ${
        stats.equivocations === 0
          ? nothing
          : html`<p role="alert">The publisher has signed two versions of ${stats.equivocations} part(s): others may be
            shown something else than you.</p>`
      }
      ${stats.source === null ? nothing : html`<p class="muted">Comes ${SOURCES[stats.source]}.</p>`}`;
  }
}
