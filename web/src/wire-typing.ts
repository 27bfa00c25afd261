/** The message by which a peer tells its links that it is writing (docs/protocol.md section 6). */

import { MALFORMED, WireError } from "./wire.ts";

export const CHAT_TYPING = 0x46;

export function encodeTyping(on: boolean): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(CHAT_TYPING, on ? 1 : 0);
}

/** Whether the sender writes. Throws a WireError and nothing else. */
export function decodeTyping(data: Uint8Array): boolean {
  const [, on = 2] = data;
  if (data.length !== 2 || on > 1)
    throw new WireError(MALFORMED, "Whether somebody writes is one byte, 0 or 1.");
  return on === 1;
}
