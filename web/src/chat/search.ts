/** `<braidcast-chat-search>`: finds words in what was said, as far as it is here. It comes when somebody wants to search. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { ChatMessage, Talk } from "../room.ts";
import { formatTime, shownName } from "./names.ts";

/** Messages that are shown. */
const MOST = 50;

/** Fires `chosen` with the message. It stands in the chat and looks as that does. */
export class ChatSearch extends LitElement {
  static override properties = { talk: { attribute: false } };
  declare talk: Talk | null;
  /** What was found; null before anything was asked for. */
  #found: readonly ChatMessage[] | null = null;
  #problem: string | null = null;

  constructor() {
    super();
    this.talk = null;
  }

  protected override createRenderRoot(): this {
    return this;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // While somebody types, all is made ready; what is wrong is told when something is searched.
    if (changed.has("talk")) void this.talk?.search("", MOST).catch(() => undefined);
  }

  readonly #onSubmit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const words = (event.currentTarget as HTMLFormElement).querySelector("input")?.value ?? "";
    try {
      this.#found = (await this.talk?.search(words, MOST)) ?? [];
      this.#problem = null;
    } catch {
      this.#problem =
        "What was said before cannot be read, so it cannot be searched. Reload the page and try again.";
    }
    this.requestUpdate();
  };

  protected override render(): TemplateResult {
    return html`
      <form role="search" @submit=${this.#onSubmit}>
        <input type="search" aria-label="Words to find" placeholder="Words to find" enterkeyhint="search" maxlength="200">
        <button type="submit" class="button">Find</button>
      </form>
      <p role="status">${this.#problem ?? this.#outcome()}</p>
      ${
        this.#found === null || this.#found.length === 0
          ? nothing
          : html`<ol class="found">${[...this.#found].reverse().map((message) => this.#item(message))}</ol>`
      }`;
  }

  #outcome(): string {
    const count = this.#found?.length ?? null;
    if (count === null) return "";
    if (count === 0) return "Nothing that is here says that.";
    return count === 1 ? "1 message." : count < MOST ? `${count} messages.` : `The last ${MOST} messages.`;
  }

  #item(message: ChatMessage): TemplateResult {
    return html`<li><button type="button" class="button quiet" @click=${() => this.#choose(message)}>
      <strong>${shownName(message)}</strong> <time>${formatTime(message.time)}</time> ${message.text.slice(0, 200)}</button></li>`;
  }

  #choose(message: ChatMessage): void {
    this.dispatchEvent(new CustomEvent("chosen", { detail: message }));
  }
}

if (!customElements.get("braidcast-chat-search")) customElements.define("braidcast-chat-search", ChatSearch);
