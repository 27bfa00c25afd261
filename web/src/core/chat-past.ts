/** A page of the past that one asks for: which peer is asked, and what is still to come of the page. */

import { type Fetch, QUIET } from "./chat-fetch.ts";
import type { History } from "./chat-history.ts";
import type { Entry, SignedMessage } from "./chat-message.ts";
import type { Telling } from "./chat-telling.ts";
import { visible } from "./chat-view.ts";
import { forgetOldest } from "./forget-oldest.ts";

/**
 * What was asked for: messages before those, or those and what is before them.
 *
 * `ids` in order, empty when nobody has any; null when nobody answered. `came` tells how many of them came or are in
 * memory: fewer where those who listed them did not send them. `messages` are the texts among those.
 */
export interface Page {
  readonly type: "page";
  readonly before: readonly string[];
  readonly ids: readonly string[] | null;
  readonly came: number;
  readonly messages: readonly Entry[];
}

/** At most one page is open. Peers are asked one after the other, until one has something before it. */
export class Past {
  readonly #history: History;
  readonly #fetch: Fetch;
  readonly #telling: Telling;
  readonly #claimed: (peer: string, ids: readonly string[], now: number) => void;
  readonly #done: (page: Page) => void;
  #open = false;
  #before: readonly string[] = [];
  /** Those of them that are not wanted. */
  #here: readonly string[] = [];
  /** Who was asked about the same: asked again only after all others. */
  #tried = new Set<string>();
  #peer: string | null = null;
  #deadline: number | null = null;
  #ids: readonly string[] | null = null;
  #listed: ReadonlySet<string> = new Set();
  #fetching = false;
  readonly #came = new Map<string, SignedMessage>();
  /** Of pages that were read: what they were done to may stand in an older one. */
  readonly #acts = new Map<string, SignedMessage>();
  readonly #remembered: number;

  constructor(
    history: History,
    fetch: Fetch,
    telling: Telling,
    claimed: (peer: string, ids: readonly string[], now: number) => void,
    done: (page: Page) => void,
    remembered: number,
  ) {
    this.#remembered = remembered;
    this.#history = history;
    this.#fetch = fetch;
    this.#telling = telling;
    this.#claimed = claimed;
    this.#done = done;
  }

  /** Whether it belongs to the open page. */
  has(id: string): boolean {
    return this.#listed.has(id);
  }

  /** Opens a page; with `missing` those that are named are wanted, too. False while one is open. */
  begin(before: readonly string[], missing: boolean, now: number): boolean {
    if (this.#open) return false;
    this.#here = missing ? [] : before;
    const same = before.length === this.#before.length && before.every((id, at) => id === this.#before[at]);
    if (!same || [...this.#telling.links.keys()].every((peer) => this.#tried.has(peer))) this.#tried.clear();
    this.#before = before;
    this.#open = true;
    this.#ask(now);
    return true;
  }

  #ask(now: number): void {
    this.#peer = [...this.#telling.links.keys()].find((peer) => !this.#tried.has(peer)) ?? null;
    this.#deadline = now + QUIET;
    if (this.#peer === null) {
      this.#close();
    } else {
      this.#tried.add(this.#peer);
      this.#telling.send(this.#peer, { type: "chatBefore", ids: this.#before });
    }
  }

  /** `peer` says that it has these, or nothing. */
  received(peer: string, told: readonly string[], now: number): void {
    if (peer !== this.#peer) return;
    const ids = told.filter((id) => !this.#here.includes(id));
    this.#ids = ids;
    if (ids.length === 0) {
      this.#ask(now);
      return;
    }
    this.#peer = this.#deadline = null;
    this.#listed = new Set(ids);
    for (const id of ids) {
      const known = this.#history.get(id);
      if (known !== undefined) this.came(known);
    }
    const unknown = ids.filter((id) => !this.#history.has(id));
    const store = this.#telling.recalls;
    if (store === null) {
      this.#look(peer, unknown, now);
    } else {
      store.lookUp(unknown, (kept, later) =>
        this.#look(
          peer,
          unknown.filter((id) => !kept.includes(id)),
          later,
        ),
      );
    }
  }

  #look(peer: string, missing: readonly string[], now: number): void {
    this.#fetching = true;
    this.#claimed(peer, missing, now);
  }

  /** A message of the page is there. */
  came(message: SignedMessage): void {
    this.#came.set(message.id, message);
    if (message.act === null) return;
    this.#acts.set(message.id, message);
    if (this.#acts.size > this.#remembered) forgetOldest(this.#acts);
  }

  /** What is to be shown of messages that memory need not have, after all that is known to be done. */
  shown(messages: readonly SignedMessage[], acts: readonly SignedMessage[] = []): Entry[] {
    const known = messages.flatMap(({ id }) => this.#history.view.on(id));
    return visible(messages, [...this.#acts.values(), ...known, ...acts], this.#history.restraints);
  }

  linkClosed(peer: string, now: number): void {
    if (peer === this.#peer) this.#ask(now);
  }

  handleTimer(now: number): void {
    if (this.#deadline !== null && now >= this.#deadline) this.#ask(now);
  }

  nextTimer(): number | null {
    return this.#deadline;
  }

  /** Closes the page when nothing of it is on its way any more. */
  settle(waits: (id: string) => boolean): void {
    if (this.#fetching && ![...this.#listed].some((id) => this.#fetch.has(id) || waits(id))) this.#close();
  }

  #close(): void {
    const ids = this.#ids;
    const came = (ids ?? []).map((id) => this.#came.get(id)).filter((message) => message !== undefined);
    this.#open = this.#fetching = false;
    this.#peer = this.#deadline = this.#ids = null;
    this.#listed = new Set();
    this.#came.clear();
    this.#done({ type: "page", before: this.#before, ids, came: came.length, messages: this.shown(came) });
  }
}
