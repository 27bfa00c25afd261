/** How a message is shown. */

import { html, nothing, type TemplateResult } from "lit";
import type { ChatMessage, Files } from "../room.ts";
import "./braidcast-file.ts";
import { formatTime, hueOf, initialsOf, shownName } from "./names.ts";

const GROUP_WITHIN = 5 * 60_000;
/** Characters of an answered message that are quoted. */
const QUOTED = 120;

export interface Surroundings {
  /** One's own peer id. */
  own: string | undefined;
  before: ChatMessage | undefined;
  /** The message that this one answers, if it is here. */
  answered: ChatMessage | undefined;
  menu: TemplateResult;
  files: Files | null;
  onQuote(id: string): void;
  onReaction(emoji: string, on: boolean): void;
}

export function messageItem(message: ChatMessage, around: Surroundings): TemplateResult {
  const own = message.author === around.own;
  const { before } = around;
  const follows =
    before?.author === message.author &&
    before.name === message.name &&
    message.reply === null &&
    Math.abs(message.time - before.time) < GROUP_WITHIN;
  const time = new Date(message.time);
  return html`
    <li id="m-${message.id}" class="hue-${hueOf(message.author)} ${own ? "own" : ""} ${follows ? "follows" : ""}">
      ${
        follows
          ? nothing
          : html`<span class="face" aria-hidden="true">${initialsOf(message)}</span>
            <p class="who"><strong>${shownName(message)}</strong>${own ? html` <span class="you">you</span>` : nothing}
              <time datetime=${Number.isNaN(time.getTime()) ? "" : time.toISOString()}>${formatTime(message.time)}</time></p>`
      }
      ${message.reply === null ? nothing : quote(message.reply, around)}
      ${message.file?.name === message.text ? nothing : html`<p class="text">${message.text}${message.edited ? html` <span class="edited">(edited)</span>` : nothing}</p>`}
      ${message.file == null ? nothing : html`<braidcast-file .file=${message.file} .files=${around.files}></braidcast-file>`}
      ${message.reactions.length === 0 ? nothing : reactions(message, around)}
      ${around.menu}
    </li>`;
}

function quote(id: string, { answered, onQuote }: Surroundings): TemplateResult {
  if (answered === undefined) return html`<p class="quote">Answers a message that is not here.</p>`;
  const text = answered.text.length > QUOTED ? `${answered.text.slice(0, QUOTED)}…` : answered.text;
  return html`<button type="button" class="quote" @click=${() => onQuote(id)}><span class="unseen">Answers </span>${shownName(answered)}: ${text}</button>`;
}

function reactions(message: ChatMessage, { own, onReaction }: Surroundings): TemplateResult {
  return html`<p class="reactions">${message.reactions.map(([emoji, authors]) => {
    const mine = own !== undefined && authors.includes(own);
    return html`<button type="button" class="reaction" aria-pressed=${mine} aria-label="${emoji}, given by ${authors.length}${mine ? ", you among them" : ""}"
      @click=${() => onReaction(emoji, !mine)}>${emoji} ${authors.length}</button>`;
  })}</p>`;
}
