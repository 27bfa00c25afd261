/** What stands below the messages, closed until somebody opens it: the search, the moderation and what can be taken away. */

import { html, type TemplateResult } from "lit";
import type { ChatMessage, Room, Talk } from "../room.ts";
import { moderationPanel, type PanelEvents } from "./moderation-panel.ts";
import { shownName } from "./names.ts";

interface Host {
  readonly updateComplete: Promise<unknown>;
  /** Makes a link whose owner has this key; null where there is no page for that. */
  readonly onOwn: ((key: string) => void) | null;
}

export interface ToolEvents {
  /** A message was chosen among those that were found. */
  found(message: ChatMessage): void;
  rule: PanelEvents["rule"];
  checkpoint: PanelEvents["checkpoint"];
  problem(sentence: string): void;
}

export class Tools {
  readonly #host: Host;
  readonly #events: ToolEvents;
  /** Of those who have said something, by key: they may be gone, and their words hidden. */
  readonly #names = new Map<string, string>();

  constructor(host: Host, events: ToolEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** These were said. */
  learn(messages: readonly ChatMessage[]): void {
    for (const message of messages) this.#names.set(message.key, shownName(message));
  }

  /** In the room of that name. */
  render(room: Room, talk: Talk, name: string): TemplateResult {
    const { onOwn } = this.#host;
    const panel = moderationPanel(talk, (key) => this.#named(key, room, talk), {
      rule: this.#events.rule,
      checkpoint: this.#events.checkpoint,
      own: onOwn === null ? null : () => onOwn(talk.key),
    });
    return html`<div class="tools">
      <details class="moderation search" @toggle=${this.#onSearch}>
        <summary>Search</summary>
        <braidcast-chat-search class="within" .talk=${talk} @chosen=${this.#onChosen}></braidcast-chat-search>
      </details>
      ${panel}
      <details class="moderation keeping" @toggle=${this.#onKeeping}>
        <summary>Export</summary>
        <braidcast-chat-keeping class="within" .joined=${room} .room=${name}></braidcast-chat-keeping>
      </details>
    </div>`;
  }

  readonly #onChosen = (event: Event): void => this.#events.found((event as CustomEvent<ChatMessage>).detail);

  readonly #onSearch = (event: Event): void => this.#load(event, () => import("./search.ts"));

  readonly #onKeeping = (event: Event): void => this.#load(event, () => import("./keeping.ts"));

  /** What is within comes when somebody opens it, and takes the focus. */
  #load(event: Event, load: () => Promise<unknown>): void {
    const details = event.currentTarget as HTMLDetailsElement;
    if (!details.open) return;
    load()
      .then(async () => {
        await this.#host.updateComplete;
        details.querySelector<HTMLElement>("input, button")?.focus();
      })
      .catch(() => this.#events.problem("That could not be loaded: reload the page and try again."));
  }

  /** How somebody with that key was called last. */
  #named(key: string, room: Room, talk: Talk): string {
    if (key === talk.key) return "You";
    const said = [...room.messages].reverse().find((message) => message.key === key);
    if (said !== undefined) this.#names.set(key, shownName(said));
    const standing = key === talk.moderation?.owner ? "The owner" : `Somebody (${key.slice(0, 4)})`;
    return this.#names.get(key) ?? standing;
  }
}
