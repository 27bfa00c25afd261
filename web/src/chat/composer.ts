/** Where one writes: the name, the field, and what the words are about. */

import { html, nothing, type ReactiveControllerHost, type TemplateResult } from "lit";
import { type People, pieces, written } from "../core/chat-mentions.ts";
import * as preferences from "../preferences.ts";
import type { ChatMessage, Room } from "../room.ts";
import { Bell } from "./bell.ts";
import { FileSending } from "./file-sending.ts";
import { NameChoice } from "./name-choice.ts";
import { type Called, shownName } from "./names.ts";
import { sentence } from "./sentence.ts";

/** Characters of one message, as the protocol has it. */
export const LONGEST = 8000;
const LONGEST_NAME = 64;

/** The message that what is written answers, or replaces. */
interface About {
  message: ChatMessage;
  edits: boolean;
}

export interface Sitting extends ReactiveControllerHost {
  readonly renderRoot: HTMLElement | DocumentFragment;
  /** What one is called. */
  name: string;
  /** The room that one is in. */
  readonly joined: Room | null;
  readonly called: Called;
  /** The message whose thread is open. */
  readonly thread: string | null;
  /** Says something. Rejects with one sentence. */
  send(text: string, reply?: string): Promise<void>;
  closeThread(): void;
}

export class Composer {
  readonly files: FileSending;
  readonly bell = new Bell(this);
  readonly #host: Sitting;
  readonly #choice: NameChoice;
  #about: About | null = null;
  #problem: string | null = null;

  constructor(host: Sitting) {
    this.#host = host;
    this.files = new FileSending(this);
    this.#choice = new NameChoice(host, () => host.called.people(host.joined?.id));
  }

  get joined(): Room | null {
    return this.#host.joined;
  }

  requestUpdate(): void {
    this.#host.requestUpdate();
  }

  /** Tells people what went wrong, or that nothing did. */
  say(problem: string | null): void {
    this.#problem = problem;
    this.requestUpdate();
  }

  /** What the list of names has to say to those who do not see it. */
  get told(): string {
    return this.#choice.told;
  }

  /** What is written next answers that message, or replaces it. */
  begin(about: About | null): void {
    const field = this.#field;
    if (field !== null && (about?.edits === true || this.#about?.edits === true))
      field.value = about?.edits === true ? this.#host.called.readable(about.message.text) : "";
    this.#about = about;
    this.requestUpdate();
    field?.focus();
  }

  /** That message is no longer there, or not looked at. */
  forget(isGone: (id: string) => boolean): void {
    if (this.#about !== null && isGone(this.#about.message.id)) this.#about = null;
  }

  render(): TemplateResult {
    const room = this.joined;
    const ready = isReady(room);
    const about = this.#about;
    return html`<form @submit=${this.#onSubmit}>
      ${this.#status(room)}
      ${this.#writing(room)}
      ${about === null ? nothing : this.#aboutLine(about)}
      <div class="name"><label>Your name
        <input type="text" .value=${this.#host.name} maxlength=${LONGEST_NAME} autocomplete="nickname" placeholder="Guest" @change=${this.#onName} /></label>${this.bell.render()}</div>
      <div class="line">
        ${this.#choice.render()}
        <input type="file" class="choose" multiple hidden @change=${this.files.onChosen} />
        <button type="button" class="button attach" aria-label="Attach a file" title="Attach a file" ?disabled=${!ready || room?.chat?.files == null} @click=${this.#choose}>+</button>
        <textarea rows="1" maxlength=${LONGEST} aria-label="Message" placeholder=${this.#host.thread === null ? "Message" : "Reply in the thread"} enterkeyhint="send"
          aria-autocomplete="list" aria-controls=${this.#choice.open ? "names" : nothing} aria-activedescendant=${this.#choice.active}
          @input=${this.#onInput} @blur=${this.#choice.onLeave} @keydown=${this.#onKey} @paste=${this.files.onPaste}></textarea>
        <button type="submit" class="button primary" ?disabled=${!ready}>${about?.edits === true ? "Save" : "Send"}</button>
      </div>
    </form>`;
  }

  #aboutLine({ message, edits }: About): TemplateResult {
    const what = edits
      ? "You are changing your message."
      : `You answer ${shownName(message)}: ${this.#host.called.readable(message.text)}`;
    return html`<p class="about"><span>${what}</span><button type="button" class="button quiet" @click=${() => this.begin(null)}>Cancel</button></p>`;
  }

  #status(room: Room | null): TemplateResult | typeof nothing {
    const { reading } = this.files;
    if (reading !== null) return html`<p class="problem" role="status">Reading ${reading} …</p>`;
    const problem = this.#problem ?? waitingFor(room) ?? room?.chat?.silenced ?? null;
    return problem === null ? nothing : html`<p class="problem" role="alert">${problem}</p>`;
  }

  #writing(room: Room | null): TemplateResult | typeof nothing {
    const names = (room?.chat?.writing ?? []).map((peer) => this.#host.called.of(peer));
    if (names.length === 0) return nothing;
    const who =
      names.length > 3
        ? `${names.length} people are`
        : `${names.join(", ")} ${names.length === 1 ? "is" : "are"}`;
    return html`<p class="writing">${who} writing …</p>`;
  }

  get #field(): HTMLTextAreaElement | null {
    return this.#host.renderRoot.querySelector("textarea");
  }

  readonly #choose = (): void => this.#host.renderRoot.querySelector<HTMLInputElement>(".choose")?.click();

  readonly #onName = (event: Event): void => {
    this.#host.name = (event.target as HTMLInputElement).value.trim().slice(0, LONGEST_NAME);
    preferences.setNickname(this.#host.name);
  };

  readonly #onInput = (event: Event): void => {
    this.#choice.onInput(event);
    this.joined?.chat?.writes((event.currentTarget as HTMLTextAreaElement).value.trim() !== "");
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (this.#choice.takes(event)) return;
    if (event.key === "Escape") {
      if (this.#about !== null) this.begin(null);
      else this.#host.closeThread();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#submit();
  };

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    void this.#submit();
  };

  async #submit(): Promise<void> {
    const field = this.#field;
    if (field === null || field.value.trim() === "") return;
    try {
      await this.#send(field.value, this.#about);
      field.value = "";
      this.#about = this.#problem = null;
    } catch (error) {
      this.#problem = sentence(error); // the text stays, to be sent again
    }
    this.requestUpdate();
  }

  async #send(text: string, about: About | null): Promise<void> {
    const said = written(text, this.#meant(about)).trim();
    if (about === null) await this.#host.send(said, this.#host.thread ?? undefined);
    else if (!about.edits) await this.#host.send(said, about.message.id);
    else await this.joined?.chat?.do({ type: "edit", target: about.message.id, text: said });
  }

  /** Who can be mentioned: those who were, too, in a message that is changed. */
  #meant(about: About | null): People {
    const before = about?.edits === true ? pieces(about.message.text) : [];
    const known = before.flatMap((piece) =>
      typeof piece === "string" ? [] : [[piece.peer, piece.name] as const],
    );
    return new Map([...known, ...this.#host.called.people(this.joined?.id)]);
  }
}

/** The mesh carries chat on while the introducer is away. */
export function canSend(room: Room): boolean {
  return room.state === "joined" || room.state === "reconnecting";
}

/** Whether one may say something now. */
export function isReady(room: Room | null): boolean {
  return room !== null && canSend(room) && (room.chat?.silenced ?? null) === null;
}

function waitingFor(room: Room | null): string | null {
  if (room === null || room.state === "connecting")
    return "Joining the room; sending is possible in a moment.";
  return room.state === "closed"
    ? "You are not in the room any more, so nothing can be sent. Reload the page to join again."
    : null;
}
