/** Nothing counts before the publisher's signature over its seal: what waits for that, within bounds. */

import { toHex } from "../encoding.ts";
import { type Seal, SIGNED } from "../seal.ts";
import { TAG_SEAL } from "../signing.ts";
import type { Verify } from "./actions.ts";

export const PENDING_PER_PEER = 16;
export const PENDING = 256;

/** A block on its way in; it has passed its Merkle proof against its seal's root. */
export interface WaitingBlock {
  readonly peer: string;
  readonly index: number;
  readonly message: Uint8Array;
}

/** One seal whose signature is being checked, and the blocks that came with it. */
export class Waiting {
  readonly blocks: WaitingBlock[] = [];
  /** The part as an origin sent it. */
  whole: Uint8Array | null = null;

  constructor(
    readonly seal: Seal,
    readonly raw: Uint8Array,
    readonly source: string | null,
  ) {}

  /** Keeps a block. Whoever sends one again and again does not crowd out those of others. */
  offer(peer: string, index: number, message: Uint8Array): void {
    const senders = this.blocks.filter((block) => block.index === index).map((block) => block.peer);
    if (senders.length === 0 || (!senders.includes(peer) && this.blocks.length < 2 * this.seal.blocks)) {
      this.blocks.push({ peer, index, message });
    }
  }
}

/** Seals on their way through a signature check. */
export class Verifier {
  readonly #key: Uint8Array;
  readonly #byRaw = new Map<string, Waiting>();
  readonly #byToken = new Map<number, Waiting>();
  #token = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  waiting(raw: Uint8Array): Waiting | null {
    // Nothing waits most of the time: then the seal is not even put into text.
    return this.#byRaw.size === 0 ? null : (this.#byRaw.get(toHex(raw)) ?? null);
  }

  /** Begins a check, or gives null when too many already wait (in all, or from this source). */
  ask(seal: Seal, raw: Uint8Array, source: string | null): { waiting: Waiting; verify: Verify } | null {
    if (this.#byToken.size >= PENDING) return null;
    if (source !== null) {
      let mine = 0;
      for (const waiting of this.#byToken.values()) if (waiting.source === source) mine += 1;
      if (mine >= PENDING_PER_PEER) return null;
    }
    const token = ++this.#token;
    const waiting = new Waiting(seal, raw, source);
    this.#byToken.set(token, waiting);
    this.#byRaw.set(toHex(raw), waiting);
    const [data, signature] = [raw.subarray(0, SIGNED), raw.subarray(SIGNED)];
    return { waiting, verify: { type: "verify", token, key: this.#key, tag: TAG_SEAL, data, signature } };
  }

  /** Whether nothing waits that an origin has sent. */
  settled(): boolean {
    for (const { whole } of this.#byToken.values()) if (whole !== null) return false;
    return true;
  }

  /** Takes back what waited for `token`. */
  done(token: number): Waiting | null {
    const waiting = this.#byToken.get(token);
    if (waiting === undefined) return null;
    this.#byToken.delete(token);
    this.#byRaw.delete(toHex(waiting.raw));
    return waiting;
  }
}
