import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { DEFAULT_SERVER } from "../default-server.ts";
import * as preferences from "../preferences.ts";
import type { ChatMessage, Room } from "../room.ts";
import { rooms } from "../rooms.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-chat.css?inline";
import { formatTime, hueOf, initialsOf, shownName } from "./names.ts";

/** Characters of one message, as the protocol has it. */
const LONGEST = 8000;
const LONGEST_NAME = 64;
/** Messages kept in the page; older ones scroll away. */
const SHOWN = 500;
/** Scrolled up further than this (px), new messages no longer move the list. */
const AT_END = 48;
const GROUP_WITHIN = 5 * 60_000;

/** The chat of a room. `.messages` holds what was said, in the same order for everybody; `.send(text)` says something. */
export class BraidcastChat extends LitElement {
  static override styles = sheets(css);
  static override properties = { server: {}, room: {}, token: {}, name: {} };
  declare server: string;
  declare room: string;
  declare token: string;
  declare name: string;

  #joined: Room | null = null;
  #joining = 0;
  #unread = 0;
  #atEnd = true;
  #leftAt = 0;
  #problem: string | null = null;
  #announced = "";

  constructor() {
    super();
    this.server = DEFAULT_SERVER;
    this.room = "";
    this.token = "";
    this.name = preferences.nickname();
  }

  get messages(): Pick<ChatMessage, "id" | "author" | "name" | "text" | "time">[] {
    return (this.#joined?.messages ?? []).map(({ id, author, name, text, time }) => ({
      id,
      author,
      name,
      text,
      time,
    }));
  }

  /** Rejects with one sentence when the message cannot be sent. */
  async send(text: string): Promise<void> {
    if (this.#joined === null || !canSend(this.#joined))
      throw new Error("Not connected to the room, so nothing can be sent at the moment.");
    const trimmed = text.trim();
    if (trimmed === "") throw new Error("An empty message cannot be sent.");
    if (trimmed.length > LONGEST)
      throw new Error(`A message has at most ${LONGEST} characters; this one has ${trimmed.length}.`);
    await this.#joined.send(trimmed);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leave();
  }

  protected override willUpdate(): void {
    this.#look();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("server") || changed.has("room") || changed.has("token")) this.#join();
    if (changed.has("name")) this.#joined?.setName(this.name);
    if (this.#atEnd) this.#toEnd();
  }

  /** Joins a moment later: a player on the same page comes first, for it says how much is shared. */
  #join(): void {
    this.#leave();
    if (this.room === "") return;
    this.#joining = window.setTimeout(() => {
      try {
        this.#joined = rooms().acquire({
          server: this.server,
          room: this.room,
          name: this.name,
          p2p: preferences.sharing(this.server, this.room) ?? "on",
          role: "member",
          ...(this.token !== "" && { token: this.token }),
        });
      } catch (error) {
        this.#problem = sentence(error);
        this.requestUpdate();
        return;
      }
      if (this.name !== "") this.#joined.setName(this.name);
      for (const event of ["state", "roster"]) this.#joined.addEventListener(event, this.#onRoom);
      this.#joined.addEventListener("chat", this.#onChat);
      this.#joined.addEventListener("error", this.#onError);
      this.requestUpdate();
    });
  }

  #leave(): void {
    clearTimeout(this.#joining);
    if (this.#joined === null) return;
    for (const event of ["state", "roster"]) this.#joined.removeEventListener(event, this.#onRoom);
    this.#joined.removeEventListener("chat", this.#onChat);
    this.#joined.removeEventListener("error", this.#onError);
    rooms().release(this.#joined);
    this.#joined = null;
  }

  readonly #onRoom = (): void => this.requestUpdate();

  readonly #onError = (event: Event): void => {
    if (this.#joined?.state === "closed")
      this.#problem = (event as CustomEvent<{ message: string }>).detail.message;
    this.requestUpdate();
  };

  #known = new Set<string>();
  readonly #onChat = (): void => {
    const messages = this.#joined?.messages ?? [];
    const fresh = messages.filter((message) => !this.#known.has(message.id));
    this.#known = new Set(messages.map((message) => message.id));
    const others = fresh.filter((message) => message.author !== this.#joined?.id);
    this.#look();
    if (others.length < fresh.length) this.#follow(); // what one says oneself is always shown
    if (!this.#atEnd) this.#unread += others.length;
    const last = others.at(-1);
    // A newcomer's history is there to be read, not to be read out.
    if (last !== undefined && others.length <= 3) this.#announced = `${shownName(last)}: ${last.text}`;
    this.requestUpdate();
  };

  get #list(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>(".scroll");
  }

  /** A browser tells of scrolling only with its next frame: whoever reads above may have gone there since. */
  #look(): void {
    const list = this.#list;
    // A list that has only become lower or longer since it was left at its end was moved by nobody.
    if (list !== null && list.scrollTop < this.#leftAt && !isAtEnd(list)) this.#atEnd = false;
  }

  #follow(): void {
    this.#atEnd = true;
    this.#leftAt = 0;
  }

  readonly #onScroll = (event: Event): void => {
    const atEnd = isAtEnd(event.currentTarget as HTMLElement);
    if (atEnd === this.#atEnd) return;
    this.#atEnd = atEnd;
    if (atEnd) this.#unread = 0;
    this.requestUpdate();
  };

  readonly #toEnd = (): void => {
    const list = this.#list;
    if (list === null) return;
    list.scrollTop = list.scrollHeight;
    this.#leftAt = list.scrollTop;
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#submit();
  };

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    void this.#submit();
  };

  async #submit(): Promise<void> {
    const field = this.renderRoot.querySelector("textarea");
    if (field === null || field.value.trim() === "") return;
    try {
      await this.send(field.value);
      field.value = "";
      this.#problem = null;
    } catch (error) {
      this.#problem = sentence(error); // the text stays, to be sent again
    }
    this.requestUpdate();
  }

  readonly #onName = (event: Event): void => {
    this.name = (event.target as HTMLInputElement).value.trim().slice(0, LONGEST_NAME);
    preferences.setNickname(this.name);
  };

  protected override render(): TemplateResult {
    const room = this.#joined;
    const messages = (room?.messages ?? []).slice(-SHOWN);
    const ready = room !== null && canSend(room);
    return html`
      <section aria-label="Chat">
        <div class="list">
        <div class="scroll" tabindex="0" role="log" aria-live="off" aria-label="Messages" @scroll=${this.#onScroll}>
          ${messages.length === 0 ? html`<p class="empty">${ready ? "Nothing has been said yet. Say hello." : "The chat appears here."}</p>` : nothing}
          <ol>${repeat(
            messages,
            (message) => message.id,
            (message, index) => this.#message(message, messages[index - 1]),
          )}</ol>
        </div>
        ${
          this.#unread > 0
            ? html`<button type="button" class="button new" @click=${this.#jump}>${this.#unread === 1 ? "1 new message" : `${this.#unread} new messages`} ↓</button>`
            : nothing
        }
        </div>
        <div class="unseen" role="status">${this.#announced}</div>
        <form @submit=${this.#onSubmit}>
          ${this.#status(room)}
          <label class="name">Your name
            <input type="text" .value=${this.name} maxlength=${LONGEST_NAME} autocomplete="nickname" placeholder="Guest" @change=${this.#onName} /></label>
          <div class="line">
            <textarea rows="1" maxlength=${LONGEST} aria-label="Message" placeholder="Message" enterkeyhint="send" @keydown=${this.#onKey}></textarea>
            <button type="submit" class="button primary" ?disabled=${!ready}>Send</button>
          </div>
        </form>
      </section>`;
  }

  #status(room: Room | null): TemplateResult | typeof nothing {
    const problem = this.#problem ?? waitingFor(room);
    return problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`;
  }

  #message(message: ChatMessage, before: ChatMessage | undefined): TemplateResult {
    const own = message.author === this.#joined?.id;
    const follows =
      before?.author === message.author &&
      before.name === message.name &&
      Math.abs(message.time - before.time) < GROUP_WITHIN;
    const time = new Date(message.time);
    return html`
      <li class="hue-${hueOf(message.author)} ${own ? "own" : ""} ${follows ? "follows" : ""}">
        ${
          follows
            ? nothing
            : html`<span class="face" aria-hidden="true">${initialsOf(message)}</span>
              <p class="who"><strong>${shownName(message)}</strong>${own ? html` <span class="you">you</span>` : nothing}
                <time datetime=${Number.isNaN(time.getTime()) ? "" : time.toISOString()}>${formatTime(message.time)}</time></p>`
        }
        <p class="text">${message.text}</p>
      </li>`;
  }

  readonly #jump = (): void => {
    this.#unread = 0;
    this.#follow();
    this.requestUpdate();
  };
}

function isAtEnd(list: HTMLElement): boolean {
  return list.scrollHeight - list.scrollTop - list.clientHeight < AT_END;
}

/** The mesh carries chat on while the introducer is away. */
function canSend(room: Room): boolean {
  return room.state === "joined" || room.state === "reconnecting";
}

function waitingFor(room: Room | null): string | null {
  if (room === null || room.state === "connecting")
    return "Joining the room; sending is possible in a moment.";
  return room.state === "closed"
    ? "You are not in the room any more, so nothing can be sent. Reload the page to join again."
    : null;
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
