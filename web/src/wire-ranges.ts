/**
 * What CHAT_COMPARE and CHAT_RANGES hold (docs/protocol.md sections 6 and 8).
 *
 * The bounds of ranges are places as hex digits, of `clock (4) ‖ author (32) ‖ id (32)`, of which any number of bytes at the
 * end may be left out: such digits are in order as places are.
 */

import { OctetError, Reader, Writer } from "./octets.ts";
import { MALFORMED, WireError } from "./wire.ts";

/** Bytes of a whole place. */
export const PLACE = 68;
export const FINGERPRINT = 16;
/** The first bytes of an id, which stand for it in a list. */
export const SHORT = 8;

/** What is said of a range: nothing; its fingerprint; what the sender has there; what it lacks there. */
export const SKIP = 0;
export const SAME = 1;
export const LIST = 2;
export const ASK = 3;

/**
 * What a peer has: `fingerprint` is of all that stands at the place `horizon` or behind it. What is before that it does not
 * compare. `begins`: it has nothing of anybody else, and is to be told of what is new. A newcomer compares from then on what
 * stands at the place `page` or behind it. `measures` is the fingerprint of the measures that it has taken.
 */
export interface Comparison {
  readonly begins: boolean;
  readonly measures: string;
  readonly page: string;
  readonly horizon: string;
  readonly fingerprint: string;
}

/** What stands at `start` or behind it, and before the start of the next range, if there is one. */
export interface Range {
  readonly start: string;
  readonly kind: number;
  readonly fingerprint: string;
  readonly shorts: readonly string[];
}

export function range(start: string, kind = SKIP, fingerprint = "", shorts: readonly string[] = []): Range {
  return { start, kind, fingerprint, shorts };
}

/** Bytes that it takes in a message. */
export function sizeOf({ start, kind, fingerprint, shorts }: Range): number {
  const listed = kind >= LIST ? 2 + SHORT * shorts.length : 0;
  return 2 + start.length / 2 + fingerprint.length / 2 + listed;
}

export function writeComparison(comparison: Comparison): Uint8Array {
  const writer = new Writer().u8(comparison.begins ? 1 : 0).hex(comparison.measures, FINGERPRINT);
  writer.hex(comparison.page, PLACE).hex(comparison.horizon, PLACE);
  return writer.hex(comparison.fingerprint, FINGERPRINT).finish();
}

/** Throws a WireError. Flags that are not known mean nothing. */
export function readComparison(data: Uint8Array): Comparison {
  const size = 1 + 2 * FINGERPRINT + 2 * PLACE;
  if (data.length !== size) throw new WireError(MALFORMED, `A comparison of chats has ${size} bytes.`);
  const reader = new Reader(data);
  return {
    begins: (reader.u8() & 1) === 1,
    measures: reader.hex(FINGERPRINT),
    page: reader.hex(PLACE),
    horizon: reader.hex(PLACE),
    fingerprint: reader.hex(FINGERPRINT),
  };
}

export function writeRanges(ranges: readonly Range[]): Uint8Array {
  const writer = new Writer();
  for (const { start, kind, fingerprint, shorts } of ranges) {
    writer
      .u8(start.length / 2)
      .hex(start, start.length / 2)
      .u8(kind);
    if (kind >= LIST) writer.u16(shorts.length);
    writer.hex(fingerprint, fingerprint.length / 2);
    for (const short of shorts) writer.hex(short, SHORT);
  }
  return writer.finish();
}

/** Ranges whose starts ascend. Throws a WireError. */
export function readRanges(data: Uint8Array): Range[] {
  const found: Range[] = [];
  const reader = new Reader(data);
  try {
    while (reader.left > 0) found.push(readRange(reader, found.at(-1)?.start ?? null));
  } catch (error) {
    if (!(error instanceof OctetError)) throw error;
    throw new WireError(MALFORMED, "The ranges of a chat are longer than their message.");
  }
  return found;
}

function readRange(reader: Reader, before: string | null): Range {
  const start = reader.hex(reader.u8());
  const kind = reader.u8();
  if (start.length > 2 * PLACE || (before !== null && start <= before)) {
    throw new WireError(MALFORMED, "The ranges of a chat are not in order.");
  }
  if (kind > ASK) throw new WireError(MALFORMED, `${kind} is nothing that can be said of a range.`);
  if (kind === SAME) return range(start, kind, reader.hex(FINGERPRINT));
  return range(start, kind, "", kind === SKIP ? [] : reader.list(reader.u16(), () => reader.hex(SHORT)));
}
