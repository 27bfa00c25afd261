/** The window: the last seconds of a rendition, as verified block messages ready to be sent on. */

import type { Seal } from "../seal.ts";

export const WINDOW_SECONDS = 10.0;
export const WINDOW_BYTES = 64 * 1024 * 1024;
export const WINDOW_PARTS = 1024;

/** Offset of the proof's length in a BLOCK message (docs/protocol.md section 6). */
const BLOCK_PROOF_COUNT = 151;
const BLOCK_PROOF = 152;

/** The data of an encoded BLOCK message, without a copy. */
export function blockPayload(message: Uint8Array): Uint8Array {
  return message.subarray(BLOCK_PROOF + 16 * (message[BLOCK_PROOF_COUNT] ?? 0));
}

/** One part as far as it is here. Each block is held once, as the message in which it travels. */
export class WindowPart {
  readonly messages: (Uint8Array | null)[];
  held = 0;
  bytesHeld = 0;
  /** A companion whose parity has turned out to be false. */
  spoilt = false;

  constructor(
    readonly seal: Seal,
    readonly raw: Uint8Array,
    readonly firstSeen: number,
  ) {
    this.messages = new Array(seal.blocks).fill(null);
  }

  get complete(): boolean {
    return this.held === this.seal.blocks;
  }

  /** The block's message, or null when it is not here. */
  message(index: number): Uint8Array | null {
    return this.messages[index] ?? null;
  }

  /** The indices of the blocks that are not here. */
  missing(): number[] {
    const indices: number[] = [];
    for (const [index, message] of this.messages.entries()) if (message === null) indices.push(index);
    return indices;
  }

  /** The blocks' data by index, null where one is not here. */
  payloads(): (Uint8Array | null)[] {
    return this.messages.map((message) => (message === null ? null : blockPayload(message)));
  }

  /** The bytes of the part, which must be complete. */
  data(): Uint8Array<ArrayBuffer> {
    const data = new Uint8Array(this.seal.size);
    let at = 0;
    for (const message of this.messages) {
      if (message === null) continue;
      const payload = blockPayload(message);
      data.set(payload, at);
      at += payload.length;
    }
    return data;
  }
}

/** The parts of the current epoch by number, bounded in time, bytes and count. */
export class Window {
  readonly #seconds: number;
  readonly #size: number;
  readonly #parts = new Map<number, WindowPart>();
  /** The parity of parts, by their numbers. */
  readonly #companions = new Map<number, WindowPart>();
  epoch = 0;
  bytesHeld = 0;
  /** The greatest number of which a block is here; -1 before the first. */
  newest = -1;
  /** When that one was first seen. */
  newestSeen = 0;
  newestComplete = -1;
  /** No part before this number is taken any more. */
  oldest = 0;
  /** The least number of which a block has come: what was before is not missed; -1 before the first. */
  first = -1;

  constructor(seconds = WINDOW_SECONDS, size = WINDOW_BYTES) {
    this.#seconds = seconds;
    this.#size = size;
  }

  get size(): number {
    return this.#parts.size;
  }

  get(number: number): WindowPart | null {
    return this.#parts.get(number) ?? null;
  }

  /** The parity of a part, as far as it is here. */
  companion(number: number): WindowPart | null {
    return this.#companions.get(number) ?? null;
  }

  /** What is here of the seal's number and kind: a part, or the companion of one. */
  like(seal: Seal): WindowPart | null {
    return seal.parity ? this.companion(seal.number) : this.get(seal.number);
  }

  /** Forgets everything: the publisher has begun another epoch. */
  begin(epoch: number): void {
    this.#parts.clear();
    this.#companions.clear();
    this.epoch = epoch;
    this.bytesHeld = 0;
    this.newest = -1;
    this.newestComplete = -1;
    this.oldest = 0;
    this.first = -1;
  }

  /** The part (or companion) of a verified seal, made if it is new; not to be before `oldest`. */
  open(seal: Seal, raw: Uint8Array, now: number): WindowPart {
    const held = seal.parity ? this.#companions : this.#parts;
    let part = held.get(seal.number);
    if (part === undefined) {
      part = new WindowPart(seal, raw, now);
      held.set(seal.number, part);
      if (seal.parity) return part;
      this.first = this.first < 0 ? seal.number : Math.min(this.first, seal.number);
      if (seal.number > this.newest) {
        this.newest = seal.number;
        this.newestSeen = now;
        this.#trim(seal.duration);
      }
    }
    return part;
  }

  /** Keeps a verified block; false if it was here already. */
  add(part: WindowPart, index: number, message: Uint8Array): boolean {
    if (part.message(index) !== null) return false;
    part.messages[index] = message;
    part.held += 1;
    part.bytesHeld += message.length;
    this.bytesHeld += message.length;
    if (part.complete && !part.seal.parity)
      this.newestComplete = Math.max(this.newestComplete, part.seal.number);
    if (this.bytesHeld > this.#size) this.#trim(part.seal.duration);
    return true;
  }

  #trim(duration: number): void {
    const fits = Math.trunc((this.#seconds * 1e6) / Math.max(duration, 1000));
    const floor = this.newest - Math.min(WINDOW_PARTS, Math.max(8, fits)) + 1;
    if (floor > this.oldest) {
      for (const held of [this.#parts, this.#companions]) {
        for (const number of held.keys()) if (number < floor) this.#drop(number);
      }
      this.oldest = floor;
    }
    while (this.bytesHeld > this.#size) {
      const number = Math.min(...this.#parts.keys(), ...this.#companions.keys());
      this.#drop(number);
      this.oldest = Math.max(this.oldest, number + 1);
    }
  }

  #drop(number: number): void {
    for (const held of [this.#parts, this.#companions]) {
      this.bytesHeld -= held.get(number)?.bytesHeld ?? 0;
      held.delete(number);
    }
  }

  /** The messages of a stripe of part `number` that are here; number `stripes` is the parity's. */
  stripe(number: number, stripe: number, stripes: number): Uint8Array[] {
    const parity = stripe === stripes;
    const messages = (parity ? this.companion(number) : this.get(number))?.messages ?? [];
    const out: Uint8Array[] = [];
    for (let index = parity ? 0 : stripe; index < messages.length; index += parity ? 1 : stripes) {
      const message = messages[index];
      if (message) out.push(message);
    }
    return out;
  }

  /** The first part from `start` on of which the stripe is not all here; at most one past the newest. */
  firstMissing(stripe: number, stripes: number, start: number): number {
    for (let number = Math.max(start, this.oldest); number <= this.newest; number++) {
      const part = this.#parts.get(number);
      if (part === undefined) return number;
      for (let index = stripe; index < part.seal.blocks; index += stripes) {
        if (part.message(index) === null) return number;
      }
    }
    return this.newest + 1;
  }

  /** The numbers from `start` (or the oldest) to the newest of which something is here. */
  *numbers(start: number): Generator<number> {
    for (let number = Math.max(start, this.oldest); number <= this.newest; number++) {
      if (this.#parts.has(number)) yield number;
    }
  }

  /** The newest part that begins with a key frame. */
  newestIndependent(complete = false): WindowPart | null {
    for (let number = this.newest; number >= this.oldest; number--) {
      const part = this.#parts.get(number);
      if (part?.seal.independent && (part.complete || !complete)) return part;
    }
    return null;
  }

  /** The next part after `number` of which something is here. */
  firstAfter(number: number): WindowPart | null {
    for (let later = Math.max(number + 1, this.oldest); later <= this.newest; later++) {
      const part = this.#parts.get(later);
      if (part !== undefined) return part;
    }
    return null;
  }
}
