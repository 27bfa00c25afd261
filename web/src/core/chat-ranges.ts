/**
 * What is said of ranges of two logs, until what only one of them has is found (Meyer 2022; negentropy).
 *
 * It remembers nothing: each message is answered by itself, and what ranges are left shrink from one message to the next, so
 * it ends by itself. The ranges of a message do not overlap: however many there are, all that is here is hashed twice at most.
 */

import { ASK, LIST, type Range, range, SAME, SHORT, SKIP, sizeOf } from "../wire-ranges.ts";
import type { Places, Span } from "./chat-places.ts";

/** Messages in a range that are listed, and not split. */
const LISTED = 48;
const PARTS = 16;
/** Messages in each part of a range, at least. */
const LEAST = 16;
/** What differs is mostly new: so many are listed at once. */
const NEWEST = 32;
/** Bytes of ranges in one message. */
const ROOM = 32_768;

/** `ranges` to send, and ids of which the peer is to be told, the last one in order first. */
export interface Answer {
  readonly ranges: readonly Range[];
  readonly told: readonly string[];
  /** Whether all that was found had room. */
  readonly complete: boolean;
}

/** The ranges that begin a comparison of all from `start` on. */
export function opening(places: Places, start: string): Range[] {
  const { low, high } = places.span(start, null);
  if (high - low <= LISTED) return [listed(places, start, { low, high })];
  const first = high - NEWEST;
  return [
    ...split(places, start, { low, high: first }, PARTS - 1),
    listed(places, places.bound(first), { low: first, high }),
  ];
}

/**
 * The answer to ranges of a peer, of which is compared what begins at `horizon`. The peer is told of at most `most` messages.
 * The last ranges come first.
 */
export function answer(places: Places, horizon: string, ranges: readonly Range[], most: number): Answer {
  const parts: (readonly Range[])[] = [];
  const told: string[] = [];
  let complete = true;
  let room = ROOM;
  let end: string | null = null;
  for (const asked of [...ranges].reverse()) {
    const start = asked.start > horizon ? asked.start : horizon;
    const said: Said =
      end === null || start < end ? saidOf(places, asked, start, places.span(start, end)) : NOTHING;
    end = asked.start;
    told.push(...said.told);
    let part = said.ranges;
    if (sizeOfAll(part) > room) {
      part = [];
      complete = false;
    }
    if (part.length === 0) part = [range(end)];
    room -= sizeOfAll(part);
    if (room < 0) break; // what is before the first range of a message is not looked at
    parts.push(part);
  }
  if (told.length > most) complete = false;
  return { ranges: merged(parts.reverse().flat()), told: told.slice(0, most), complete };
}

function sizeOfAll(ranges: readonly Range[]): number {
  return ranges.reduce((sum, part) => sum + sizeOf(part), 0);
}

interface Said {
  readonly ranges: readonly Range[];
  readonly told: readonly string[];
}

const NOTHING: Said = { ranges: [], told: [] };

/** What there is to say of a range, and what the peer is to be told of. */
function saidOf(places: Places, asked: Range, start: string, span: Span): Said {
  if (asked.kind === SAME && places.fingerprint(span) !== asked.fingerprint) {
    const few = span.high - span.low <= LISTED;
    return { ranges: few ? [listed(places, start, span)] : split(places, start, span, PARTS), told: [] };
  }
  if (asked.kind !== LIST && asked.kind !== ASK) return NOTHING;
  const theirs = new Set(asked.shorts);
  const ids = places.ids(span).reverse();
  if (asked.kind === ASK) return { ranges: [], told: ids.filter((id) => theirs.has(shortOf(id))) };
  const here = new Set(ids.map(shortOf));
  const lacking = [...theirs].filter((short) => !here.has(short)).sort();
  return {
    ranges: lacking.length > 0 ? [range(start, ASK, "", lacking)] : [],
    told: ids.filter((id) => !theirs.has(shortOf(id))),
  };
}

function shortOf(id: string): string {
  return id.slice(0, 2 * SHORT);
}

function listed(places: Places, start: string, span: Span): Range {
  return range(start, LIST, "", places.ids(span).map(shortOf));
}

/** Parts of a range with about as many messages each. */
function split(places: Places, start: string, { low, high }: Span, most: number): Range[] {
  const count = Math.max(1, Math.min(most, Math.floor((high - low) / LEAST)));
  const bound = (part: number): number => low + Math.floor(((high - low) * part) / count);
  return Array.from({ length: count }, (_, part) => {
    const span = { low: bound(part), high: bound(part + 1) };
    return range(part === 0 ? start : places.bound(span.low), SAME, places.fingerprint(span));
  });
}

/** Ranges of which nothing is said are one. */
function merged(ranges: readonly Range[]): Range[] {
  return ranges.filter(({ kind }, at) => kind !== SKIP || (ranges[at - 1]?.kind ?? SKIP) !== SKIP);
}
