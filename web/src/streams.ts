/** What is live in a room: the newest signed description of each stream. */

import { openDescription, type StreamDescription } from "./description.ts";
import { equalBytes } from "./encoding.ts";
import { braidId, peerId } from "./signing.ts";

const STREAMS = 16;

/** A description, the key that signed it, and its bytes. */
export interface KnownStream {
  readonly key: Uint8Array;
  /** Peer id of the publisher. */
  readonly publisher: string;
  readonly description: StreamDescription;
  readonly raw: Uint8Array;
}

/** The braid id of a rendition of `stream`. */
export function braidOf({ key, description }: KnownStream, rendition: string): string {
  return braidId(key, description.room, description.stream, rendition);
}

/** Keeps the greatest (epoch, revision) of each stream; a pinned publisher key admits no other. */
export class StreamDirectory {
  readonly #streams = new Map<string, KnownStream>();

  constructor(
    private readonly room: string,
    private readonly pinned: Uint8Array | null = null,
  ) {}

  [Symbol.iterator](): Iterator<KnownStream> {
    return this.#streams.values();
  }

  get(name: string): KnownStream | null {
    return this.#streams.get(name) ?? null;
  }

  /** The stream if this is news. Rejects with a DescriptionError when it is not genuine. */
  async take(raw: Uint8Array): Promise<KnownStream | null> {
    // Every link that opens brings the ones that we have.
    for (const known of this.#streams.values()) if (equalBytes(known.raw, raw)) return null;
    const { key, description } = await openDescription(raw);
    if (description.room !== this.room) return null;
    if (this.pinned !== null && !equalBytes(key, this.pinned)) return null;
    const known = this.#streams.get(description.stream);
    if (known === undefined ? this.#streams.size >= STREAMS : !replaces(key, description, known)) return null;
    const news = { key, publisher: peerId(key), description, raw: raw.slice() };
    this.#streams.set(description.stream, news);
    return news;
  }
}

function replaces(key: Uint8Array, { epoch, revision }: StreamDescription, known: KnownStream): boolean {
  const old = known.description;
  // A name stays with the key that had it first until that has ended.
  if (!equalBytes(key, known.key)) return old.state === "ended";
  return epoch > old.epoch || (epoch === old.epoch && revision > old.revision);
}
