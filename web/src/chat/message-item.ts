/** How a message is shown. */

import { html, nothing, type TemplateResult } from "lit";
import type { ChatMessage, Files } from "../room.ts";
import "./braidcast-file.ts";
import { mentioned } from "../core/chat-mentions.ts";
import type { MessageText } from "./message-text.ts";
import { anotherKey, type Called, formatTime, hueOf, initialsOf, shownName } from "./names.ts";

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
  called: Called;
  texts: MessageText;
  /** How many messages answer it, directly or not; 0 in a thread. */
  replies: number;
  files: Files | null;
  onQuote(id: string): void;
  onThread(id: string): void;
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
  const other = around.called.before(message);
  const meant = around.own !== undefined && mentioned(message.text).includes(around.own);
  return html`
    <li id="m-${message.id}" class="hue-${hueOf(message.author)} ${own ? "own" : ""} ${follows ? "follows" : ""} ${meant ? "meant" : ""}">
      ${
        follows
          ? nothing
          : html`<span class="face" aria-hidden="true">${initialsOf(message)}</span>
            <p class="who"><strong>${shownName(message)}</strong>${around.called.isShared(message) ? sharedName(message) : nothing}${own ? html` <span class="you">you</span>` : nothing}
              <time datetime=${Number.isNaN(time.getTime()) ? "" : time.toISOString()}>${formatTime(message.time)}</time></p>`
      }
      ${other === null ? nothing : html`<p class="another">${anotherKey(message, other)}</p>`}
      ${message.reply === null ? nothing : quote(message.reply, around)}
      ${message.file?.name === message.text ? nothing : around.texts.render(message, around.own, around.called)}
      ${message.file == null ? nothing : html`<braidcast-file .file=${message.file} .files=${around.files}></braidcast-file>`}
      ${message.reactions.length === 0 ? nothing : reactions(message, around)}
      ${around.replies === 0 ? nothing : thread(message, around)}
      ${around.menu}
    </li>`;
}

/** Somebody with another key goes by that name: that is not to be overlooked. */
function sharedName({ author }: ChatMessage): TemplateResult {
  return html` <span class="key" title="Somebody with another key goes by this name, too. This is the one whose id begins so."><span
    class="unseen">one of several of this name, with the key </span>${author.slice(0, 8)}</span>`;
}

function thread({ id }: ChatMessage, { replies, onThread }: Surroundings): TemplateResult {
  return html`<button type="button" class="thread-link" @click=${() => onThread(id)}>${replies === 1 ? "1 reply" : `${replies} replies`}</button>`;
}

function quote(id: string, { answered, called, onQuote }: Surroundings): TemplateResult {
  if (answered === undefined) return html`<p class="quote">Answers a message that is not here.</p>`;
  const whole = called.readable(answered.text);
  const text = whole.length > QUOTED ? `${whole.slice(0, QUOTED)}…` : whole;
  return html`<button type="button" class="quote" @click=${() => onQuote(id)}><span class="unseen">Answers </span>${shownName(answered)}: ${text}</button>`;
}

function reactions(message: ChatMessage, { own, onReaction }: Surroundings): TemplateResult {
  return html`<p class="reactions">${message.reactions.map(([emoji, authors]) => {
    const mine = own !== undefined && authors.includes(own);
    return html`<button type="button" class="reaction" aria-pressed=${mine} aria-label="${emoji}, given by ${authors.length}${mine ? ", you among them" : ""}"
      @click=${() => onReaction(emoji, !mine)}>${emoji} ${authors.length}</button>`;
  })}</p>`;
}
