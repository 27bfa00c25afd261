/** When a link opens, two logs find what only one of them has (docs/protocol.md section 8). */

import { MAX_CHAT_IDS } from "../wire-chat.ts";
import {
  type Comparison,
  PLACE,
  type Range,
  readComparison,
  readRanges,
  SKIP,
  writeComparison,
  writeRanges,
} from "../wire-ranges.ts";
import { Bucket } from "./bucket.ts";
import type { Beginning } from "./chat-beginning.ts";
import type { History } from "./chat-history.ts";
import type { ChatLimits } from "./chat-limits.ts";
import { fingerprint, type Places } from "./chat-places.ts";
import { answer, opening } from "./chat-ranges.ts";
import type { Telling } from "./chat-telling.ts";

interface Link {
  /** Messages of the peer that are looked at: each may cost some ten milliseconds. */
  readonly rate: Bucket;
  readonly said: Comparison;
  /** The peer's. */
  horizon: string | null;
  /** How often more was found than could be told. */
  again: number;
  /** When to look for the rest. */
  due: number | null;
}

/** Whoever compares less far back is told by the other one what differs. */
export class Comparing {
  readonly #limits: ChatLimits;
  readonly #history: History;
  readonly #places: Places;
  readonly #beginning: Beginning;
  readonly #telling: Telling;
  readonly #links = new Map<string, Link>();
  /** Where the page begins that one was told as a newcomer. */
  #page = "0".repeat(2 * PLACE);

  constructor(limits: ChatLimits, history: History, places: Places, beginning: Beginning, telling: Telling) {
    this.#limits = limits;
    this.#history = history;
    this.#places = places;
    this.#beginning = beginning;
    this.#telling = telling;
  }

  /** What stands there or behind it is compared: what is new, whatever somebody said of a page. */
  get #horizon(): string {
    const newest = this.#places.last(this.#limits.newest);
    return later(this.#places.horizon, this.#page < newest ? this.#page : newest);
  }

  linkOpened(peer: string, now: number): void {
    const horizon = this.#horizon;
    const said: Comparison = {
      begins: this.#beginning.begins,
      measures: this.#measures(),
      page: later(horizon, this.#places.last(this.#limits.newest)),
      horizon,
      fingerprint: this.#places.fingerprint(this.#places.span(horizon, null)),
    };
    const rate = new Bucket(this.#limits.comparisons, now);
    this.#links.set(peer, { rate, said, horizon: null, again: 0, due: null });
    const ids = [...this.#telling.unsent].slice(-this.#limits.newest);
    // Nobody has heard of them yet.
    if (ids.length > 0) this.#telling.send(peer, { type: "chatHave", ids });
    this.#telling.send(peer, { type: "chatCompare", data: writeComparison(said) });
  }

  linkClosed(peer: string): void {
    this.#links.delete(peer);
  }

  #measures(): string {
    return fingerprint(this.#history.pinned.map(({ id }) => id));
  }

  /** The last of these measures, and before them the checkpoint that others are judged by. */
  #first(measures: readonly string[]): string[] {
    const rule = this.#history.restraints.moderation?.checkpoint ?? null;
    const first = rule === null ? [] : [rule.id];
    const last = measures.filter((id) => !first.includes(id));
    return [...first, ...last.slice(first.length - MAX_CHAT_IDS)];
  }

  /** `peer` says what it has. Throws a WireError. */
  compared(peer: string, data: Uint8Array, now: number): void {
    const theirs = readComparison(data);
    const link = this.#links.get(peer);
    if (!link?.rate.take(now)) return;
    if (theirs.measures !== this.#measures()) {
      // They are in force for whoever comes, however long ago they were taken.
      const ids = this.#first(this.#history.pinned.map(({ id }) => id));
      if (ids.length > 0) this.#telling.send(peer, { type: "chatHave", ids });
    }
    const { said } = link;
    if (theirs.begins || said.begins) {
      const ids = this.#history.summary(this.#limits.newest, MAX_CHAT_IDS);
      if (ids.length > 0) this.#telling.send(peer, { type: "chatHave", ids });
      if (said.begins) this.#page = later(this.#page, theirs.page);
      return;
    }
    link.horizon = theirs.horizon;
    if (said.horizon > theirs.horizon) return; // the peer sees whether that is the same
    const span = this.#places.span(theirs.horizon, null);
    if (this.#places.fingerprint(span) === theirs.fingerprint) this.#telling.unsent.clear();
    else if (said.horizon < theirs.horizon || said.fingerprint > theirs.fingerprint)
      this.#begin(peer, theirs.horizon);
  }

  #begin(peer: string, horizon: string): void {
    this.#send(peer, opening(this.#places, later(horizon, this.#horizon)));
  }

  /** `peer` says something of ranges. Throws a WireError. */
  ranges(peer: string, data: Uint8Array, now: number): void {
    const asked = readRanges(data);
    const link = this.#links.get(peer);
    if (!link?.rate.take(now)) return;
    const found = answer(this.#places, this.#horizon, asked, MAX_CHAT_IDS);
    if (found.told.length > 0) this.#telling.tellOfLacking(peer, [...found.told].reverse());
    if (found.ranges.some(({ kind }) => kind !== SKIP)) this.#send(peer, found.ranges);
    const [times, seconds] = this.#limits.compareAgain;
    if (found.complete || link.horizon === null || link.again >= times) return;
    link.again++;
    link.due = now + seconds;
  }

  #send(peer: string, ranges: readonly Range[]): void {
    this.#telling.send(peer, { type: "chatRanges", data: writeRanges(ranges) });
  }

  handleTimer(now: number): void {
    for (const [peer, link] of this.#links) {
      if (link.due === null || link.horizon === null || now < link.due) continue;
      link.due = null;
      this.#begin(peer, link.horizon);
    }
  }

  nextTimer(): number | null {
    const times = [...this.#links.values()].map(({ due }) => due).filter((due) => due !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}
