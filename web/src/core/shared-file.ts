/** A file that a message of the chat tells of (docs/protocol.md section 9). */

import { isText, readId } from "./chat-acts.ts";

/** Bytes of the largest file. */
export const MAX_SIZE = 2 ** 31;
export const MAX_FILE_NAME = 255;
/** Signs that would make a name look like another one, or be a path. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a name holds none of these
const UNFIT = /[\u0000-\u001f\u007f-\u009f/\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;
const SIZE = /^[1-9][0-9]{0,9}$/;
const ANY_TYPE = "application/octet-stream";

/** `id` has 64 hex digits, `size` is in bytes. Name and type are what the author claims, and say nothing more. */
export interface SharedFile {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/** A name like this one that can be sent. */
export function fitName(name: string): string {
  const fit = [...name.replace(UNFIT, "_")].slice(0, MAX_FILE_NAME).join("");
  return fit === "" || fit === "." || fit === ".." ? "file" : fit;
}

/** A media type that can be sent: that one, if it can be. */
export function fitType(mediaType: string): string {
  return TYPE.test(mediaType) ? mediaType : ANY_TYPE;
}

/** What a body says of a file. The size is in digits, for the numbers of a body are not read. */
export function writeFile({ id, name, size, type }: SharedFile): Readonly<Record<string, string>> {
  return { id, name, size: `${size}`, type };
}

/** The file that a body tells of; null where it tells of none that can be. */
export function readFile(value: unknown): SharedFile | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { id: digits, name, size, type } = value as Readonly<Record<string, unknown>>;
  const id = readId(digits);
  if (id === null || !isText(name, 1, MAX_FILE_NAME) || fitName(name) !== name) return null;
  if (typeof size !== "string" || !SIZE.test(size) || Number(size) > MAX_SIZE) return null;
  if (typeof type !== "string" || !TYPE.test(type)) return null;
  return { id, name, size: Number(size), type };
}
