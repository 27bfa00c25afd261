import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { Act } from "../core/chat-acts.ts";
import { DEFAULT_SERVER } from "../default-server.ts";
import * as preferences from "../preferences.ts";
import type { ChatMessage, Room, Talk } from "../room.ts";
import { rooms } from "../rooms.ts";
import { sheets } from "../styles/sheet.ts";
import css from "./braidcast-chat.css?inline";
import type { BraidcastFile } from "./braidcast-file.ts";
import { choicesFor } from "./choices.ts";
import { messageItem } from "./message-item.ts";
import { type Choice, MessageMenu } from "./message-menu.ts";
import { moderationPanel } from "./moderation-panel.ts";
import { shownName } from "./names.ts";

/** Characters of one message, as the protocol has it. */
const LONGEST = 8000;
const LONGEST_NAME = 64;
/** Messages in the page while new ones come; older ones scroll away. */
const SHOWN = 500;
/** Messages in the page of one who reads what is older; newer ones scroll away. */
const READ = 1000;
/** Nearer to the beginning than this (px), older messages are fetched. */
const AT_BEGINNING = 100;
/** Scrolled up further than this (px), new messages no longer move the list. */
const AT_END = 48;
/** What says which room it is, and as whom. */
const JOINING = ["server", "room", "token", "owner"] as const;

/** The message that what is written answers, or replaces. */
interface About {
  message: ChatMessage;
  edits: boolean;
}

/** The chat of a room. `.messages` holds what was said, in the same order for everybody; `.send(text)` says something. */
export class BraidcastChat extends LitElement {
  static override styles = sheets(css);
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
  #atEnd = true;
  #leftAt = 0;
  #problem: string | null = null;
  #announced = "";
  #about: About | null = null;
  /** Files are held over the chat. */
  #dropping = false;
  /** The name of a file that is being read. */
  #sending: string | null = null;
  /** Of those who have said something, by key: they may be gone, and their words hidden. */
  readonly #names = new Map<string, string>();
  readonly #menu = new MessageMenu(this);
  /** What is shown to one who reads what is older: it begins with that. */
  #past: ChatMessage[] = [];
  /** Newer messages than those of `#past` have scrolled away. */
  #cut = false;
  #fetching = false;
  /** Nobody who is here has anything older. */
  #begins = false;

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

  protected override willUpdate(): void {
    this.#look();
  }

  protected override updated(changed: PropertyValues<this>): void {
    for (const file of this.renderRoot.querySelectorAll<BraidcastFile>("braidcast-file")) file.look();
    if (JOINING.some((name) => changed.has(name))) this.#join();
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
          ...(this.owner !== "" && { owner: this.owner }),
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
    this.#past = [];
    this.#begins = this.#cut = false;
  }

  readonly #onRoom = (): void => {
    this.#begins = false; // who has come may have more
    this.requestUpdate();
  };

  readonly #onError = (event: Event): void => {
    if (this.#joined?.state === "closed")
      this.#problem = (event as CustomEvent<{ message: string }>).detail.message;
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
    this.#past = this.#past.length === 0 ? this.#past : stillSaid(this.#past, messages);
    if (this.#about !== null && !this.#known.has(this.#about.message.id)) this.#about = null;
    for (const message of fresh) this.#names.set(message.key, shownName(message));
    const others = fresh.filter((message) => message.author !== this.#joined?.id);
    this.#look();
    if (others.length < fresh.length) this.#follow(); // what one says oneself is always shown
    if (!this.#atEnd) this.#unread += others.length;
    const last = others.at(-1);
    // A newcomer's history is there to be read, not to be read out.
    if (last !== undefined && others.length <= 3) this.#announced = `${shownName(last)}: ${last.text}`;
    this.requestUpdate();
  };

  #shown(): { messages: ChatMessage[]; cut: boolean } {
    const live = this.#joined?.messages ?? [];
    const last = this.#past.at(-1);
    if (last === undefined) return { messages: live.slice(-SHOWN), cut: false };
    if (this.#cut) return { messages: this.#past, cut: true };
    const messages = [...this.#past, ...live.slice(live.findIndex(({ id }) => id === last.id) + 1)];
    return { messages: messages.slice(0, READ), cut: messages.length > READ };
  }

  readonly #older = async (): Promise<void> => {
    const room = this.#joined;
    const first = this.#shown().messages[0];
    if (room === null || first === undefined || this.#fetching || this.#begins || first.clock <= 1) return;
    this.#fetching = true;
    this.#atEnd = false;
    this.requestUpdate();
    const page = await room.older(first).catch(() => []);
    this.#fetching = false;
    this.requestUpdate();
    if (room !== this.#joined) return;
    this.#begins = page.length === 0;
    if (this.#begins) return;
    const { messages, cut } = this.#shown();
    // What came may be among the live ones as well.
    const all = [...page, ...messages.slice(messages.findIndex(({ id }) => id === first.id))];
    this.#cut = cut || all.length > READ;
    this.#past = all.slice(0, READ);
    // What was read stays where it was.
    const read = this.renderRoot.querySelector("li");
    const top = read?.getBoundingClientRect().top ?? 0;
    await this.updateComplete;
    const list = this.#list;
    if (list !== null && read !== null) list.scrollTop += read.getBoundingClientRect().top - top;
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
    const list = event.currentTarget as HTMLElement;
    if (list.scrollTop < AT_BEGINNING && list.scrollHeight > list.clientHeight) void this.#older();
    const atEnd = isAtEnd(list) && !this.#shown().cut;
    if (atEnd === this.#atEnd) return;
    this.#atEnd = atEnd;
    if (atEnd) {
      this.#unread = 0;
      this.#past = [];
    }
    this.requestUpdate();
  };

  readonly #toEnd = (): void => {
    const list = this.#list;
    if (list === null) return;
    list.scrollTop = list.scrollHeight;
    this.#leftAt = list.scrollTop;
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && this.#about !== null) this.#begin(null);
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
      await this.#sendAbout(field.value, this.#about);
      field.value = "";
      this.#about = this.#problem = null;
    } catch (error) {
      this.#problem = sentence(error); // the text stays, to be sent again
    }
    this.requestUpdate();
  }

  async #sendAbout(text: string, about: About | null): Promise<void> {
    if (about === null) await this.send(text);
    else if (!about.edits) await this.send(text, about.message.id);
    else await this.#joined?.chat?.do({ type: "edit", target: about.message.id, text: text.trim() });
  }

  readonly #onFiles = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = "";
    void this.#sendFiles(files);
  };

  readonly #onDrag = (event: DragEvent): void => {
    if (!(event.dataTransfer?.types.includes("Files") ?? false)) return;
    event.preventDefault();
    this.#setDropping(event.type === "dragover");
  };

  readonly #onDrop = (event: DragEvent): void => {
    this.#setDropping(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.#sendFiles(files);
  };

  readonly #onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.#sendFiles(files);
  };

  #setDropping(dropping: boolean): void {
    if (dropping === this.#dropping) return;
    this.#dropping = dropping;
    this.requestUpdate();
  }

  async #sendFiles(files: readonly File[]): Promise<void> {
    for (const file of files) {
      this.#sending = file.name;
      this.requestUpdate();
      try {
        if (this.#joined === null)
          throw new Error("Not connected to the room, so nothing can be sent at the moment.");
        await this.#joined.sendFile(file);
        this.#problem = null;
      } catch (error) {
        this.#problem = sentence(error);
      }
      this.#sending = null;
      this.requestUpdate();
    }
  }

  readonly #onName = (event: Event): void => {
    this.name = (event.target as HTMLInputElement).value.trim().slice(0, LONGEST_NAME);
    preferences.setNickname(this.name);
  };

  protected override render(): TemplateResult {
    const room = this.#joined;
    const { messages, cut } = this.#shown();
    const first = messages[0];
    const ready = room !== null && canSend(room) && (room.chat?.silenced ?? null) === null;
    const byId = new Map(messages.map((message) => [message.id, message]));
    const stop = this.#menu.stop([...byId.keys()]);
    return html`
      <section aria-label="Chat" class=${this.#dropping ? "dropping" : ""} @dragover=${this.#onDrag} @dragleave=${this.#onDrag} @drop=${this.#onDrop}>
        <div class="list">
        <div class="scroll" tabindex="0" role="log" aria-live="off" aria-label="Messages" @scroll=${this.#onScroll}>
          ${messages.length === 0 ? html`<p class="empty">${ready ? "Nothing has been said yet. Say hello." : "The chat appears here."}</p>` : nothing}
          ${first === undefined || first.clock <= 1 ? nothing : this.#beginning()}
          <ol>${repeat(
            messages,
            (message) => message.id,
            (message, index) => this.#item(message, messages[index - 1], byId, message.id === stop),
          )}</ol>
        </div>
        ${
          this.#unread > 0
            ? html`<button type="button" class="button new" @click=${this.#jump}>${this.#unread === 1 ? "1 new message" : `${this.#unread} new messages`} ↓</button>`
            : cut
              ? html`<button type="button" class="button new" @click=${this.#jump}>Newest messages ↓</button>`
              : nothing
        }
        </div>
        <div class="unseen" role="status">${this.#announced}</div>
        ${room?.chat == null ? nothing : [this.#search(room.chat), this.#panel(room.chat)]}
        <form @submit=${this.#onSubmit}>
          ${this.#status(room)}
          ${this.#about === null ? nothing : this.#aboutLine(this.#about)}
          <label class="name">Your name
            <input type="text" .value=${this.name} maxlength=${LONGEST_NAME} autocomplete="nickname" placeholder="Guest" @change=${this.#onName} /></label>
          <div class="line">
            <input type="file" class="choose" multiple hidden @change=${this.#onFiles} />
            <button type="button" class="button attach" aria-label="Attach a file" title="Attach a file" ?disabled=${!ready || room.chat?.files == null} @click=${this.#choose}>+</button>
            <textarea rows="1" maxlength=${LONGEST} aria-label="Message" placeholder="Message" enterkeyhint="send" @keydown=${this.#onKey} @paste=${this.#onPaste}></textarea>
            <button type="submit" class="button primary" ?disabled=${!ready}>${this.#about?.edits === true ? "Save" : "Send"}</button>
          </div>
        </form>
      </section>`;
  }

  #aboutLine({ message, edits }: About): TemplateResult {
    const what = edits
      ? "You are changing your message."
      : `You answer ${shownName(message)}: ${message.text}`;
    return html`<p class="about"><span>${what}</span><button type="button" class="button quiet" @click=${() => this.#begin(null)}>Cancel</button></p>`;
  }

  #beginning(): TemplateResult {
    if (this.#begins) return html`<p class="begins">Nobody who is here has older messages.</p>`;
    return html`<button type="button" class="button older" ?disabled=${this.#fetching} @click=${this.#older}>${this.#fetching ? "Loading older messages…" : "Older messages"}</button>`;
  }

  readonly #choose = (): void => this.renderRoot.querySelector<HTMLInputElement>(".choose")?.click();

  #status(room: Room | null): TemplateResult | typeof nothing {
    if (this.#sending !== null) return html`<p class="problem" role="status">Reading ${this.#sending} …</p>`;
    const problem = this.#problem ?? waitingFor(room) ?? room?.chat?.silenced ?? null;
    return problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`;
  }

  #item(
    message: ChatMessage,
    before: ChatMessage | undefined,
    byId: ReadonlyMap<string, ChatMessage>,
    stop: boolean,
  ): TemplateResult {
    const own = this.#joined?.id;
    return messageItem(message, {
      own,
      before,
      answered: byId.get(message.reply ?? ""),
      menu: this.#menu.render(message.id, shownName(message), stop, () => this.#choices(message)),
      files: this.#joined?.chat?.files ?? null,
      onQuote: (id) => this.#showMessage(id),
      onReaction: (emoji, on) => this.#act({ type: "reaction", target: message.id, emoji, on }),
    });
  }

  #choices(message: ChatMessage): Choice[] {
    return choicesFor(message, this.#joined?.id ?? "", this.#joined?.chat ?? null, {
      do: (work) => this.#do(work),
      reply: () => this.#begin({ message, edits: false }),
      edit: () => this.#begin({ message, edits: true }),
    });
  }

  #search(chat: Talk): TemplateResult {
    return html`<details class="moderation search" @toggle=${this.#onSearch}>
      <summary>Search</summary>
      <braidcast-chat-search class="within" .talk=${chat} @chosen=${this.#onFound}></braidcast-chat-search>
    </details>`;
  }

  /** What searches comes when somebody wants to. */
  readonly #onSearch = (event: Event): void => {
    const details = event.currentTarget as HTMLDetailsElement;
    if (!details.open) return;
    import("./search.ts")
      .then(async () => {
        await this.updateComplete;
        details.querySelector("input")?.focus();
      })
      .catch(() => this.#say("The search could not be loaded: reload the page and try again."));
  };

  /** Goes to a message; where it is not among those in the page, it and what was before it take their place. */
  readonly #onFound = async (event: Event): Promise<void> => {
    const message = (event as CustomEvent<ChatMessage>).detail;
    if (!this.#shown().messages.some(({ id }) => id === message.id)) {
      this.#past = [message];
      this.#cut = true;
      this.#begins = this.#atEnd = false;
      this.requestUpdate();
      await this.updateComplete;
      await this.#older();
    }
    this.#atEnd = false;
    await this.updateComplete;
    this.#showMessage(message.id);
  };

  #panel(chat: Talk): TemplateResult {
    const { onOwn } = this;
    return moderationPanel(chat, this.#named, {
      rule: (verb, fields) => this.#do((talk) => talk.rule(verb, fields)),
      own: onOwn === null ? null : () => onOwn(chat.key),
    });
  }

  /** How somebody with that key was called last. */
  readonly #named = (key: string): string => {
    const chat = this.#joined?.chat;
    if (key === chat?.key) return "You";
    const said = [...(this.#joined?.messages ?? [])].reverse().find((message) => message.key === key);
    if (said !== undefined) this.#names.set(key, shownName(said));
    const standing = key === chat?.moderation?.owner ? "The owner" : `Somebody (${key.slice(0, 4)})`;
    return this.#names.get(key) ?? standing;
  };

  #showMessage(id: string): void {
    const item = this.renderRoot.querySelector(`#m-${CSS.escape(id)}`);
    item?.scrollIntoView({ block: "center" });
    item?.querySelector<HTMLElement>(".more")?.focus();
  }

  /** What is written next answers that message, or replaces it. */
  #begin(about: About | null): void {
    const field = this.renderRoot.querySelector("textarea");
    if (field !== null && (about?.edits === true || this.#about?.edits === true))
      field.value = about?.edits === true ? about.message.text : "";
    this.#about = about;
    this.requestUpdate();
    field?.focus();
  }

  #act(act: Act): void {
    this.#do((chat) => chat.do(act));
  }

  #do(work: (chat: Talk) => Promise<void>): void {
    const chat = this.#joined?.chat ?? null;
    const done = chat === null ? Promise.reject(new Error("Not connected to the room.")) : work(chat);
    done.then(
      () => this.#say(null),
      (error: unknown) => this.#say(sentence(error)),
    );
  }

  #say(problem: string | null): void {
    this.#problem = problem;
    this.requestUpdate();
  }

  readonly #jump = (): void => {
    this.#unread = 0;
    this.#past = [];
    this.#cut = false;
    this.#follow();
    this.requestUpdate();
  };
}

/** Of messages that were read, those that nobody has taken back since, as they are now. */
function stillSaid(past: readonly ChatMessage[], live: readonly ChatMessage[]): ChatMessage[] {
  const now = new Map(live.map((message) => [message.id, message]));
  const first = live[0]?.clock ?? 0;
  return past
    .filter(({ id, clock }) => clock <= first || now.has(id))
    .map((message) => now.get(message.id) ?? message);
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
