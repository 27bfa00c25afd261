/** Who is asked for which chat message, and who is asked next when no answer comes. */

import { inMessages } from "./chat-link.ts";

/** Seconds, from the question or from the last answer of that peer, after which the next one is asked. */
export const QUIET = 3.0;
/** Seconds after which the next peer is asked, however steadily other answers drip. */
const PATIENCE = 30.0;
/** Peers that are asked for one message without having said that they have it. */
const MAX_GUESSES = 4;
/** Questions for one message, whatever peers say that they have. */
const MAX_TRIES = 32;
/** Messages that one peer is asked for at a time. */
const MAX_ASKED = 512;

interface Want {
  /** Peers to ask; true for those that said that they have it, false for those that should. */
  readonly sources: Map<string, boolean>;
  /** Something waits for it: peers that did not say that they have it are asked too. */
  needed: boolean;
  /** Who was asked, and is not to be asked again. */
  readonly asked: Set<string>;
  /** Who is being asked. */
  peer: string;
  guesses: number;
  tries: number;
}

interface Asked {
  /** When the peer last sent something that it had been asked for. */
  progress: number;
  /** By id, oldest first: when it was asked. */
  readonly at: Map<string, number>;
}

/** Every wanted message is either asked of one peer, or given up: nothing waits without a time-out. */
export class Fetch {
  readonly #links = new Map<string, Asked>();
  readonly #wants = new Map<string, Want>();
  #questions = new Map<string, string[]>();
  #givenUp: string[] = [];

  has(id: string): boolean {
    return this.#wants.has(id);
  }

  linkOpened(peer: string, now: number): void {
    this.#links.set(peer, { progress: now, at: new Map() });
  }

  linkClosed(peer: string, now: number): void {
    const link = this.#links.get(peer);
    this.#links.delete(peer);
    this.#questions.delete(peer);
    for (const id of link?.at.keys() ?? []) {
      this.#wants.get(id)?.asked.delete(peer); // another link to it may bring the answer
      this.#askNext(id, now);
    }
  }

  /** `peer` says that it has a message that is missing here. */
  claimed(id: string, peer: string, now: number): void {
    const want = this.#wants.get(id);
    if (want === undefined) {
      this.#want(id, peer, true, now);
      return;
    }
    want.sources.set(peer, true);
    want.asked.delete(peer); // it may not have had it yet when it was asked
    if (want.sources.get(want.peer) !== true) {
      // that was a guess
      this.#forgetQuestion(want, id);
      this.#askNext(id, now);
    }
  }

  /** What `peer` sent follows a message that is missing here. */
  need(id: string, peer: string, now: number): void {
    const want = this.#wants.get(id);
    if (want === undefined) {
      this.#want(id, peer, false, now);
      return;
    }
    want.needed = true;
    if (!want.sources.has(peer)) want.sources.set(peer, false);
  }

  #want(id: string, peer: string, claimed: boolean, now: number): void {
    const sources = new Map([[peer, claimed]]);
    this.#wants.set(id, { sources, needed: !claimed, asked: new Set(), peer: "", guesses: 0, tries: 0 });
    this.#askNext(id, now);
  }

  /** It came, from `peer`: ask nobody else. Returns the peers that said that they have it. */
  arrived(id: string, peer: string, now: number): string[] {
    const want = this.#wants.get(id);
    if (want === undefined) return [];
    this.#wants.delete(id);
    this.#forgetQuestion(want, id);
    const link = this.#links.get(peer);
    if (link !== undefined && want.asked.has(peer)) link.progress = now;
    return [...want.sources]
      .filter(([source, has]) => has && this.#links.has(source))
      .map(([source]) => source);
  }

  /** What `peer` sent for it cannot be used: ask the next one. */
  failed(id: string, peer: string, now: number): void {
    const want = this.#wants.get(id);
    if (want === undefined) return;
    want.needed = true;
    want.asked.add(peer);
    if (want.peer === peer) {
      this.#forgetQuestion(want, id);
      this.#askNext(id, now);
    }
  }

  handleTimer(now: number): void {
    for (const link of [...this.#links.values()]) {
      for (const [id, asked] of link.at) {
        if (now < deadline(link, asked)) break;
        link.at.delete(id);
        this.#askNext(id, now);
      }
    }
  }

  /** When the first answer is overdue. */
  nextTimer(): number | null {
    let first: number | null = null;
    for (const link of this.#links.values()) {
      for (const asked of link.at.values()) {
        first = Math.min(first ?? Number.POSITIVE_INFINITY, deadline(link, asked));
        break;
      }
    }
    return first;
  }

  /** Peer and ids of the questions to send, each small enough for one message. */
  pollQuestions(): [peer: string, ids: string[]][] {
    const questions: [string, string[]][] = [];
    for (const [peer, ids] of this.#questions) {
      for (const list of inMessages(ids)) questions.push([peer, list]);
    }
    this.#questions = new Map();
    return questions;
  }

  /** Needed messages that nobody who was asked has sent. */
  pollGivenUp(): string[] {
    const givenUp = this.#givenUp;
    this.#givenUp = [];
    return givenUp;
  }

  #forgetQuestion(want: Want, id: string): void {
    this.#links.get(want.peer)?.at.delete(id);
    const ids = this.#questions.get(want.peer);
    const place = ids?.indexOf(id) ?? -1;
    if (place >= 0) ids?.splice(place, 1);
  }

  #askNext(id: string, now: number): void {
    const want = this.#wants.get(id);
    if (want === undefined) return;
    const peer = this.#candidate(want);
    if (peer === null) {
      this.#wants.delete(id);
      if (want.needed) this.#givenUp.push(id);
      return;
    }
    want.peer = peer;
    want.asked.add(peer);
    want.tries++;
    this.#links.get(peer)?.at.set(id, now);
    const questions = this.#questions.get(peer) ?? [];
    questions.push(id);
    this.#questions.set(peer, questions);
  }

  #candidate(want: Want): string | null {
    if (want.tries === MAX_TRIES) return null;
    for (const [peer, has] of want.sources) if (has && this.#canBeAsked(peer, want)) return peer;
    if (!want.needed || want.guesses === MAX_GUESSES) return null;
    for (const peer of [...want.sources.keys(), ...this.#links.keys()]) {
      if (this.#canBeAsked(peer, want)) {
        want.guesses++;
        return peer;
      }
    }
    return null;
  }

  #canBeAsked(peer: string, want: Want): boolean {
    const link = this.#links.get(peer);
    return link !== undefined && !want.asked.has(peer) && link.at.size < MAX_ASKED;
  }
}

function deadline(link: Asked, asked: number): number {
  return Math.min(Math.max(asked, link.progress) + QUIET, asked + PATIENCE);
}
