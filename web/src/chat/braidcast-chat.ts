import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Act } from "../core/chat-acts.ts";
import { mentioned } from "../core/chat-mentions.ts";
import { replies, roots } from "../core/chat-threads.ts";
import { DEFAULT_SERVER } from "../default-server.ts";
import * as preferences from "../preferences.ts";
import type { ChatMessage, Room, Talk } from "../room.ts";
import { rooms } from "../rooms.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-chat.css?inline";
import type { BraidcastFile } from "./braidcast-file.ts";
import { choicesFor } from "./choices.ts";
import { Composer, canSend, isReady, LONGEST } from "./composer.ts";
import { Following } from "./following.ts";
import marked from "./marked.css?inline";
import { messageItem, type Surroundings } from "./message-item.ts";
import { type Choice, MessageMenu } from "./message-menu.ts";
import { MessageText } from "./message-text.ts";
import { anotherKey, Called, shownName } from "./names.ts";
import { Reading, type Shown } from "./reading.ts";
import { sentence } from "./sentence.ts";
import { Tools } from "./tools.ts";

/** Nearer to the beginning than this (px), older messages are fetched; to the end, newer ones that have scrolled away. */
const NEAR = 100;
/** What says which room it is, and as whom. */
const JOINING = ["server", "room", "token", "owner"] as const;

/** The chat of a room. `.messages` holds what was said, in the same order for everybody; `.send(text)` says something. */
export class BraidcastChat extends LitElement {
  static override styles = sheets(css + marked);
  static override properties = {
    server: {},
    room: {},
    token: {},
    name: {},
    owner: {},
    onOwn: { attribute: false },
  };
  declare server: string;
  declare room: string;
  declare token: string;
  declare name: string;
  /** The key of the room's owner, base64url. */
  declare owner: string;
  /** Makes a link of which the one with this key (hex digits) is the owner, where the page can. */
  declare onOwn: ((key: string) => void) | null;

  #joined: Room | null = null;
  #joining = 0;
  #unread = 0;
  #announced = "";
  /** The message whose thread is shown in place of all. */
  #thread: string | null = null;
  readonly #menu = new MessageMenu(this);
  readonly #texts = new MessageText(this);
  readonly #reading = new Reading(this);
  readonly #following = new Following(() => this.renderRoot.querySelector<HTMLElement>(".scroll"));
  readonly #composer = new Composer(this);
  readonly #tools = new Tools(this, {
    found: (message) => void this.#goTo(message),
    rule: (verb, fields) => this.#do((talk) => talk.rule(verb, fields)),
    checkpoint: (keep) => this.#do((talk) => talk.checkpoint(keep)),
    problem: (problem) => this.#composer.say(problem),
  });
  #calledNow: Called | null = null;

  constructor() {
    super();
    this.server = DEFAULT_SERVER;
    this.room = "";
    this.token = "";
    this.owner = "";
    this.onOwn = null;
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

  /** Says something, perhaps as the answer to a message (its id). Rejects with one sentence when it cannot be sent. */
  async send(text: string, reply?: string): Promise<void> {
    if (this.#joined === null || !canSend(this.#joined))
      throw new Error("Not connected to the room, so nothing can be sent at the moment.");
    const trimmed = text.trim();
    if (trimmed === "") throw new Error("An empty message cannot be sent.");
    if (trimmed.length > LONGEST)
      throw new Error(`A message has at most ${LONGEST} characters; this one has ${trimmed.length}.`);
    await this.#joined.send(trimmed, reply);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leave();
  }

  protected override firstUpdated(): void {
    this.#following.watch();
  }

  protected override willUpdate(): void {
    this.#following.look();
  }

  protected override updated(changed: PropertyValues<this>): void {
    for (const file of this.renderRoot.querySelectorAll<BraidcastFile>("braidcast-file")) file.look();
    if (JOINING.some((name) => changed.has(name))) this.#join();
    if (changed.has("name")) this.#joined?.setName(this.name);
    this.#following.drawn();
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
          ...(this.owner !== "" && { owner: this.owner }),
        });
      } catch (error) {
        this.#composer.say(sentence(error));
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
    this.#joined = this.#calledNow = this.#thread = null;
    this.#reading.back();
    this.#reading.joined();
  }

  /** The room that one is in. */
  get joined(): Room | null {
    return this.#joined;
  }

  get thread(): string | null {
    return this.#thread;
  }

  get called(): Called {
    this.#calledNow ??= new Called(this.#joined?.roster ?? [], this.#joined?.messages ?? []);
    return this.#calledNow;
  }

  readonly #onRoom = (): void => {
    this.#reading.joined();
    this.#calledNow = null;
    this.requestUpdate();
  };

  readonly #onError = (event: Event): void => {
    if (this.#joined?.state === "closed")
      this.#composer.say((event as CustomEvent<{ message: string }>).detail.message);
    this.requestUpdate();
  };

  #known = new Set<string>();
  readonly #onChat = (): void => {
    const messages = this.#joined?.messages ?? [];
    // What stands before all that was there is not new: somebody reads on into the past.
    const first = Math.max(
      0,
      messages.findIndex(({ id }) => this.#known.has(id)),
    );
    const fresh = messages.slice(first).filter(({ id }) => !this.#known.has(id));
    this.#known = new Set(messages.map((message) => message.id));
    this.#calledNow = null;
    this.#reading.changed(messages);
    this.#composer.forget((id) => !this.#known.has(id));
    this.#tools.learn(fresh);
    const others = fresh.filter((message) => message.author !== this.#joined?.id);
    this.#following.look();
    if (others.length < fresh.length) this.#following.begin(); // what one says oneself is always shown
    if (!this.#following.atEnd || this.#thread !== null) this.#unread += others.length;
    const last = others.at(-1);
    // A newcomer's history is there to be read, not to be read out.
    if (last !== undefined && others.length <= 3) {
      const other = this.called.before(last);
      const warned = other === null ? "" : `${anotherKey(last, other)} `;
      this.#announced = `${warned}${shownName(last)}: ${this.called.readable(last.text)}`;
    }
    for (const message of others) this.#ring(message);
    this.requestUpdate();
  };

  #ring(message: ChatMessage): void {
    const { id, time, text } = message;
    if (!mentioned(text).includes(this.#joined?.id ?? "")) return;
    const title = `${shownName(message)} in ${this.room}`;
    this.#composer.bell.ring({ id, time, title, text: this.called.readable(text) });
  }

  /** What stands in the list: all, or a thread. */
  #shown(): Shown {
    const shown = this.#reading.shown(this.#joined?.messages ?? []);
    if (this.#thread === null) return shown;
    const rootOf = roots(shown.messages);
    const root = rootOf.get(this.#thread);
    const messages = shown.messages.filter(({ id }) => rootOf.get(id) === root);
    return { messages, cut: false };
  }

  readonly #older = async (): Promise<void> => {
    const room = this.#joined;
    if (room === null || !this.#reading.canAsk(room)) return;
    this.#following.end();
    await this.#reading.older(room);
    await this.updateComplete;
  };

  readonly #onScroll = (event: Event): void => {
    const list = event.currentTarget as HTMLElement;
    const { scrollTop, scrollHeight, clientHeight } = list;
    const { cut } = this.#shown();
    if (this.#joined !== null && this.#thread === null && scrollHeight > clientHeight) {
      if (scrollTop < NEAR) void this.#older();
      else if (cut && scrollHeight - scrollTop - clientHeight < NEAR) void this.#reading.newer(this.#joined);
    }
    if (!this.#following.scrolled(cut)) return;
    if (this.#following.atEnd && this.#thread === null) {
      this.#unread = 0;
      this.#reading.back();
    }
    this.requestUpdate();
  };

  protected override render(): TemplateResult {
    const room = this.#joined;
    const { files } = this.#composer;
    const { messages, cut } = this.#shown();
    const first = messages[0];
    const byId = new Map(messages.map((message) => [message.id, message]));
    const stop = this.#menu.stop([...byId.keys()]);
    const answers = this.#thread === null ? replies(roots(messages)) : new Map<string, number>();
    return html`
      <section aria-label="Chat" class=${files.dropping ? "dropping" : ""} @dragover=${files.onDrag} @dragleave=${files.onDrag} @drop=${files.onDrop}>
        ${this.#thread === null ? nothing : this.#threadBar(messages)}
        <div class="list">
        <div class="scroll" tabindex="0" role="log" aria-live="off" aria-label="Messages" @scroll=${this.#onScroll}>
          ${messages.length === 0 ? html`<p class="empty">${isReady(room) ? "Nothing has been said yet. Say hello." : "The chat appears here."}</p>` : nothing}
          ${first === undefined || first.clock <= 1 || this.#thread !== null ? nothing : this.#beginning()}
          <ol>${repeat(
            messages,
            (message) => message.id,
            (message, index) =>
              this.#item(message, {
                before: messages[index - 1],
                answered: byId.get(message.reply ?? ""),
                replies: answers.get(message.id) ?? 0,
                stop: message.id === stop,
              }),
          )}</ol>
        </div>
        ${
          this.#thread !== null
            ? nothing
            : this.#unread > 0
              ? html`<button type="button" class="button new" @click=${this.#jump}>${this.#unread === 1 ? "1 new message" : `${this.#unread} new messages`} ↓</button>`
              : cut
                ? html`<button type="button" class="button new" @click=${this.#jump}>Newest messages ↓</button>`
                : nothing
        }
        </div>
        <div class="unseen" role="status">${this.#composer.told === "" ? this.#announced : this.#composer.told}</div>
        ${room?.chat == null ? nothing : this.#tools.render(room, room.chat, this.room)}
        ${this.#composer.render()}
      </section>`;
  }

  #beginning(): TemplateResult {
    if (this.#reading.begins) return html`<p class="begins">Nobody who is here has older messages.</p>`;
    return html`<button type="button" class="button older" ?disabled=${this.#reading.fetching} @click=${this.#older}>${this.#reading.fetching ? "Loading older messages…" : "Older messages"}</button>`;
  }

  #item(
    message: ChatMessage,
    { stop, ...around }: Pick<Surroundings, "before" | "answered" | "replies"> & { stop: boolean },
  ): TemplateResult {
    return messageItem(message, {
      ...around,
      own: this.#joined?.id,
      called: this.called,
      texts: this.#texts,
      menu: this.#menu.render(message.id, shownName(message), stop, () => this.#choices(message)),
      files: this.#joined?.chat?.files ?? null,
      onQuote: (id) => this.#showMessage(id),
      onThread: (id) => this.#openThread(id),
      onReaction: (emoji, on) => this.#act({ type: "reaction", target: message.id, emoji, on }),
    });
  }

  #threadBar(messages: readonly ChatMessage[]): TemplateResult {
    const root = messages[0];
    const about =
      root === undefined ? "Thread" : `Thread of ${shownName(root)}: ${this.called.readable(root.text)}`;
    const back = this.#unread === 0 ? "All messages" : `All messages (${this.#unread} new)`;
    return html`<div class="thread"><button type="button" class="button quiet back" @click=${() => this.#openThread(null)}>← ${back}</button><h2>${about}</h2></div>`;
  }

  /** Shows the thread of a message in place of all, or all again, at the beginning of that thread. */
  #openThread(id: string | null): void {
    const left = this.#thread;
    this.#thread = id;
    this.#composer.forget(() => true);
    this.#following.begin();
    this.requestUpdate();
    void this.updateComplete.then(() => {
      if (id !== null) {
        this.renderRoot.querySelector<HTMLElement>(".back")?.focus();
        return;
      }
      const item = this.renderRoot.querySelector<HTMLElement>(`#m-${CSS.escape(left ?? "")}`);
      item?.scrollIntoView({ block: "center" });
      item?.querySelector<HTMLElement>(".thread-link, .more")?.focus();
    });
  }

  closeThread(): void {
    if (this.#thread !== null) this.#openThread(null);
  }

  #choices(message: ChatMessage): Choice[] {
    return choicesFor(message, this.#joined?.id ?? "", this.#joined?.chat ?? null, {
      do: (work) => this.#do(work),
      reply: () => this.#composer.begin({ message, edits: false }),
      edit: () => this.#composer.begin({ message, edits: true }),
      thread: () => this.#openThread(message.id),
    });
  }

  /** Goes to a message; where it is not among those in the page, it and what was before it take their place. */
  async #goTo(message: ChatMessage): Promise<void> {
    const isShown = (): boolean => this.#shown().messages.some(({ id }) => id === message.id);
    if (!isShown()) this.#thread = null;
    if (!isShown()) {
      this.#reading.goTo(message);
      this.#following.end();
      this.requestUpdate();
      await this.updateComplete;
      await this.#older();
    }
    this.#following.end();
    this.requestUpdate();
    await this.updateComplete;
    this.#showMessage(message.id);
  }

  #showMessage(id: string): void {
    const item = this.renderRoot.querySelector(`#m-${CSS.escape(id)}`);
    item?.scrollIntoView({ block: "center" });
    item?.querySelector<HTMLElement>(".more")?.focus();
  }

  #act(act: Act): void {
    this.#do((chat) => chat.do(act));
  }

  #do(work: (chat: Talk) => Promise<void>): void {
    const chat = this.#joined?.chat ?? null;
    const done = chat === null ? Promise.reject(new Error("Not connected to the room.")) : work(chat);
    done.then(
      () => this.#composer.say(null),
      (error: unknown) => this.#composer.say(sentence(error)),
    );
  }

  readonly #jump = (): void => {
    this.#unread = 0;
    this.#reading.back();
    this.#following.begin();
    this.requestUpdate();
  };
}
