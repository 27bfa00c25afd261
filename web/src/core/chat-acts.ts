/** What people do to messages: edits, deletes and reactions (docs/protocol.md section 8). */

import { MAX_BODY } from "../wire-chat.ts";

export const EDIT = 2;
export const DELETE = 3;
export const REACTION = 4;
export const MAX_TEXT = 8000;
/** Characters of a reaction: one emoji may be a row of them. */
export const MAX_EMOJI = 16;

/** What was to be said cannot be sent; the message is one sentence for a person. */
export class ChatError extends Error {}

/** The author of `target` (an id) has put it otherwise. */
export interface Edit {
  readonly type: "edit";
  readonly target: string;
  readonly text: string;
}

/** The author of `target` takes it back. */
export interface Delete {
  readonly type: "delete";
  readonly target: string;
}

/** Somebody answers `target` with an emoji, or takes that back. */
export interface Reaction {
  readonly type: "reaction";
  readonly target: string;
  readonly emoji: string;
  readonly on: boolean;
}

export type Act = Edit | Delete | Reaction;
export const KINDS: Readonly<Record<Act["type"], number>> = {
  edit: EDIT,
  delete: DELETE,
  reaction: REACTION,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const HALF_CHARACTER = /[\ud800-\udfff]/u;
const ID = /^[0-9a-f]{64}$/;

/** The body of an act; `after` are the last measures that its author knows. Throws a ChatError. */
export function writeAct(act: Act, after: readonly string[]): Uint8Array {
  const { target } = act;
  switch (act.type) {
    case "edit":
      checkText(act.text);
      return writeBody({ target, text: act.text }, after);
    case "delete":
      return writeBody({ target }, after);
    case "reaction":
      if (!isEmoji(act.emoji)) {
        throw new ChatError(`A reaction is one emoji: it has 1 to ${MAX_EMOJI} characters and no space.`);
      }
      return writeBody({ target, emoji: act.emoji, on: act.on }, after);
  }
}

/** The act in the body of a message of that kind; null where there is none. */
export function readAct(kind: number, body: Uint8Array): Act | null {
  return actOf(kind, readBody(body));
}

/** The act in the object of such a body. */
export function actOf(kind: number, value: Readonly<Record<string, unknown>> | null): Act | null {
  if (kind !== EDIT && kind !== DELETE && kind !== REACTION) return null;
  const { target: named, text, emoji, on } = value ?? {};
  const target = readId(named);
  if (target === null) return null;
  if (kind === DELETE) return { type: "delete", target };
  if (kind === EDIT) return isText(text, 1, MAX_TEXT) ? { type: "edit", target, text } : null;
  return isEmoji(emoji) && typeof on === "boolean" ? { type: "reaction", target, emoji, on } : null;
}

/** Throws a ChatError when this cannot be said. */
export function checkText(text: string): void {
  if (text.trim() === "") throw new ChatError("There is nothing to send: the message is empty.");
  const length = lengthOf(text);
  if (length > MAX_TEXT) {
    throw new ChatError(`The message is too long: it has ${length} characters, ${MAX_TEXT} is the most.`);
  }
}

/** The JSON of a body, with the last measures that its author knows. Throws a ChatError. */
export function writeBody(value: Readonly<Record<string, unknown>>, after: readonly string[]): Uint8Array {
  if (Object.values(value).some((field) => typeof field === "string" && HALF_CHARACTER.test(field))) {
    throw new ChatError("The message holds half a character that cannot be sent.");
  }
  const body = encoder.encode(JSON.stringify(after.length > 0 ? { ...value, after } : value));
  if (body.length > MAX_BODY) {
    throw new ChatError(`The message is too long: it has ${body.length} bytes, ${MAX_BODY} is the most.`);
  }
  return body;
}

/** The JSON object in a body; null where there is none. */
export function readBody(body: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(body));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** Whether that is a text of so many characters, none of them a lone surrogate. */
export function isText(value: unknown, least: number, most: number): value is string {
  if (typeof value !== "string" || value.length < least || value.length > 2 * most) return false;
  return lengthOf(value) <= most && !HALF_CHARACTER.test(value);
}

/** The id in 64 hex digits; null for anything else. */
export function readId(value: unknown): string | null {
  return typeof value === "string" && ID.test(value) ? value : null;
}

/** Characters as everybody counts them, not UTF-16 units. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function isEmoji(value: unknown): value is string {
  return (
    isText(value, 1, MAX_EMOJI) && [...value].every((character) => character > " " && character !== "\x7f")
  );
}
