import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { hueOf, initialsOf, shownName } from "../chat/names.ts";
import { DEFAULT_SERVER } from "../default-server.ts";
import * as preferences from "../preferences.ts";
import type { Role, Room, RosterEntry } from "../room.ts";
import { rooms } from "../rooms.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-people.css?inline";
import { inOrder } from "./people-order.ts";

const WORDS: Record<Role, string> = {
  publisher: "publishing",
  relay: "relay",
  viewer: "watching",
  member: "in the chat",
};
const SHOWN = 100;

export class BraidcastPeople extends LitElement {
  static override styles = sheets(css);
  static override properties = { server: {}, room: {}, token: {}, owner: {} };
  declare server: string;
  declare room: string;
  declare token: string;
  declare owner: string;
  #joined: Room | null = null;
  #joining = 0;

  constructor() {
    super();
    this.server = DEFAULT_SERVER;
    this.room = "";
    this.token = "";
    this.owner = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leave();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("server") || changed.has("room") || changed.has("token")) this.#join();
  }

  /** After the player and the chat, whose options decide. */
  #join(): void {
    this.#leave();
    if (this.room === "") return;
    this.#joining = window.setTimeout(() => {
      try {
        this.#joined = rooms().acquire({
          server: this.server,
          room: this.room,
          p2p: preferences.sharing(this.server, this.room) ?? "on",
          role: "member",
          ...(this.token !== "" && { token: this.token }),
          ...(this.owner !== "" && { owner: this.owner }),
        });
      } catch {
        return; // the player or the chat says why
      }
      for (const event of ["state", "roster"]) this.#joined.addEventListener(event, this.#onRoom);
      this.requestUpdate();
    }, 20);
  }

  #leave(): void {
    clearTimeout(this.#joining);
    if (this.#joined === null) return;
    for (const event of ["state", "roster"]) this.#joined.removeEventListener(event, this.#onRoom);
    rooms().release(this.#joined);
    this.#joined = null;
  }

  readonly #onRoom = (): void => this.requestUpdate();

  protected override render(): TemplateResult {
    const room = this.#joined;
    const people = inOrder(room?.roster ?? [], room?.id ?? "");
    const count = Math.max(room?.count ?? 0, people.length);
    const shown = people.slice(0, SHOWN);
    return html`
      <section aria-labelledby="here">
        <h2 id="here">Who is here <span class="count">${count}</span></h2>
        ${people.length === 0 ? html`<p class="muted">${room?.state === "joined" ? "Nobody else yet." : "Joining the room…"}</p>` : nothing}
        <ul>${repeat(
          shown,
          (entry) => entry.peer,
          (entry) => this.#entry(entry, room?.id ?? ""),
        )}</ul>
        ${count > shown.length ? html`<p class="muted">and ${count - shown.length} more</p>` : nothing}
      </section>`;
  }

  #entry(entry: RosterEntry, own: string): TemplateResult {
    const author = { author: entry.peer, name: entry.name };
    return html`<li class="hue-${hueOf(entry.peer)}">
      <span class="face" aria-hidden="true">${initialsOf(author)}</span>
      <span class="name">${shownName(author)}${entry.peer === own ? html` <span class="muted">(you)</span>` : nothing}</span>
      <span class="role ${entry.role}">${WORDS[entry.role]}</span></li>`;
  }
}
