/** The text of a message: with its Markdown as soon as what reads that is loaded, as it was written until then. */

import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from "lit";
import { pieces } from "../core/chat-mentions.ts";
import type { ChatMessage } from "../room.ts";
import { type Called, hueOf, shownName } from "./names.ts";
import type { rendered } from "./rendered-text.ts";

/** A text that begins so tells what its author does. */
const ACTION = "/me ";
/** Without any of these a text is what it says: nothing is loaded and nothing parsed for it. */
const MARKS = /[*_~`[>#]|:\/\/|mailto:|^\s*(?:[-+]|\d+[.)])\s/imu;

export class MessageText implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  #rendered: typeof rendered | null = null;
  #loading = false;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#loading = false; // what could not be loaded is tried again when the chat is
  }

  render(message: ChatMessage, own: string | undefined, called: Called): TemplateResult {
    const acts = message.text.startsWith(ACTION);
    const text = acts ? message.text.slice(ACTION.length) : message.text;
    const before = acts ? html`<em>${shownName(message)}</em> ` : nothing;
    const after = message.edited ? html` <span class="edited">(edited)</span>` : nothing;
    const marked = isMarked(text) ? this.#markdown(text, own, called, acts) : null;
    if (marked === null) return html`<p class="text">${before}${plain(text, own, called)}${after}</p>`;
    return html`<div class="text marked" @click=${onCopy}>${before}${marked}${after}</div>`;
  }

  #markdown(text: string, own: string | undefined, called: Called, line: boolean): unknown {
    if (this.#rendered === null) {
      void this.#load();
      return null;
    }
    return this.#rendered(text, { own, nameOf: called.nameOf }, line);
  }

  async #load(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    const loaded = await import("./rendered-text.ts").catch(() => null);
    if (loaded === null) return; // texts stay as they were written
    this.#rendered = loaded.rendered;
    this.#host.requestUpdate();
  }
}

/** Whether there is something in it that Markdown may read otherwise. */
export function isMarked(text: string): boolean {
  return pieces(text).some((piece) => typeof piece === "string" && MARKS.test(piece));
}

function plain(text: string, own: string | undefined, called: Called): (string | TemplateResult)[] {
  return pieces(text).map((piece) =>
    typeof piece === "string"
      ? piece
      : html`<span class="mention hue-${hueOf(piece.peer)} ${piece.peer === own ? "own" : ""}">@${called.nameOf(piece)}</span>`,
  );
}

async function onCopy(event: Event): Promise<void> {
  const button = (event.target as Element).closest(".copy");
  if (button === null) return;
  try {
    await navigator.clipboard.writeText(button.parentElement?.querySelector("code")?.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser did not allow it"; // or is no secure context: the text can still be selected
  }
}
