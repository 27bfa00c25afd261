import { handles, type Mention, type People, readable } from "../core/chat-mentions.ts";

/** How people are told apart: names can be the same, keys cannot. */
interface Author {
  author: string;
  name: string;
}

/** What somebody said under a name. */
interface Said extends Author {
  id: string;
}

const HUES = 12;

/** One of 12 colours, from the key that the peer id stands for. */
export function hueOf(peer: string): number {
  const value = Number.parseInt(peer.slice(0, 4), 16);
  return Number.isNaN(value) ? 0 : value % HUES;
}

export function shownName({ author, name }: Author): string {
  const trimmed = name.trim();
  return trimmed === "" ? `Guest ${author.slice(0, 4)}` : trimmed;
}

/** How people are called now, by peer id, and which names several of them have used. */
export class Called {
  readonly #names = new Map<string, string>();
  readonly #users = new Map<string, Set<string>>();
  readonly #before = new Map<string, string>();

  /** Those who are here, and messages in order. */
  constructor(roster: readonly { peer: string; name: string }[], messages: readonly Said[]) {
    for (const { peer, name } of roster) this.#learn(peer, name);
    const writers = new Map<string, Set<string>>();
    for (const { id, author, name } of messages) {
      this.#learn(author, name);
      const plain = folded(name);
      const before = writers.get(plain) ?? new Set();
      if (plain === "" || before.has(author)) continue;
      const other = [...before].at(-1);
      if (other !== undefined) this.#before.set(id, other);
      writers.set(plain, before.add(author));
    }
  }

  /** Who took that name last, where somebody with another key takes it with this message; null else. */
  before({ id }: { id: string }): string | null {
    return this.#before.get(id) ?? null;
  }

  /** Who can be mentioned by name: all but that one. */
  people(own: string | undefined): People {
    return new Map([...this.#names].filter(([peer]) => peer !== own));
  }

  /** Whether somebody with another key goes, or went, by that name. */
  isShared({ author, name }: Author): boolean {
    const users = this.#users.get(folded(name));
    return users !== undefined && users.size > (users.has(author) ? 1 : 0);
  }

  /** What is shown of whom a message mentions. */
  readonly nameOf = ({ name, peer }: Mention): string => {
    const now = this.#names.get(peer) ?? "";
    return now === "" ? name : (handles(this.#names).get(peer) ?? now);
  };

  /** What that peer is called. */
  of(peer: string): string {
    return shownName({ author: peer, name: this.#names.get(peer) ?? "" });
  }

  /** The text as a person reads it. */
  readable(text: string): string {
    return readable(text, this.nameOf);
  }

  #learn(peer: string, name: string): void {
    const plain = name.trim();
    this.#names.set(peer, plain);
    if (plain === "") return;
    const users = this.#users.get(folded(plain)) ?? new Set();
    this.#users.set(folded(plain), users.add(peer));
  }
}

/** Names that look alike are one. */
function folded(name: string): string {
  return name.trim().normalize("NFKC").toLowerCase();
}

/** That a name has another key now. */
export function anotherKey(said: Author, before: string): string {
  return `“${shownName(said)}” has another key than before: ${said.author.slice(0, 8)}, not ${before.slice(0, 8)}. It may be somebody else.`;
}

/** Up to two letters of a name, or the beginning of the id of somebody without one. */
export function initialsOf({ author, name }: Author): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const first = [...(words[0] ?? "")][0];
  if (first === undefined) return author.slice(0, 2).toUpperCase();
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toLocaleUpperCase();
}

/** The time of day; with the date when it was not today. */
export function formatTime(time: number, now = Date.now()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  const today = new Date(now).toDateString() === date.toDateString();
  return (today ? OF_TODAY : OF_BEFORE).format(date);
}

// To make one takes far longer than to use it.
const HOUR = { hour: "2-digit", minute: "2-digit" } as const;
const OF_TODAY = new Intl.DateTimeFormat(undefined, HOUR);
const OF_BEFORE = new Intl.DateTimeFormat(undefined, { ...HOUR, day: "numeric", month: "short" });
