/** The way in: every block is proved against its seal, and every seal against the publisher's key, first. */

import { equalBytes } from "../encoding.ts";
import { proofs, root, verifyProof } from "../merkle.ts";
import { cut, Seal, SealError } from "../seal.ts";
import { type Block, encode } from "../wire.ts";
import type { Equivocation, Reject, Verify } from "./actions.ts";
import type { Counters } from "./counters.ts";
import { Equivocations } from "./equivocations.ts";
import { Verifier, type Waiting } from "./verifier.ts";
import type { Window, WindowPart } from "./window.ts";

const BYE_BAD_BLOCK = 2;

/** A genuine seal of a newer epoch has come; the window was emptied for it. */
export interface Began {
  readonly type: "began";
}

/** A verified block: `fresh` unless it was here already. `source` is null for the origin and ourselves. */
export interface Taken {
  readonly type: "taken";
  readonly seal: Seal;
  readonly index: number;
  readonly message: Uint8Array;
  readonly source: string | null;
  readonly fresh: boolean;
}

export type Outcome = Began | Taken | Verify | Reject | Equivocation;

/** Fills the window with what proves genuine, and says what that was. */
export class Intake {
  readonly equivocations = new Equivocations();
  readonly #verifier: Verifier;
  readonly #braid: string;
  readonly #stripes: number;
  readonly #window: Window;
  readonly #counters: Counters;

  constructor(key: Uint8Array, braid: string, stripes: number, parts: Window, counters: Counters) {
    this.#verifier = new Verifier(key);
    this.#braid = braid;
    this.#stripes = stripes;
    this.#window = parts;
    this.#counters = counters;
  }

  /** A BLOCK from a link; `raw` is the whole message. */
  block(peer: string, block: Block, raw: Uint8Array, now: number): Outcome[] {
    const part = this.#known(block.seal);
    const seal = part?.seal ?? parsed(block.seal);
    if (seal instanceof SealError) return [this.#reject(peer, seal.message)];
    const { index } = block;
    if (seal.braid !== this.#braid || seal.stripes !== this.#stripes || index >= seal.blocks) {
      return [this.#reject(peer, "a block does not belong to this braid")];
    }
    if (this.#tooOld(seal)) {
      this.#counters.late += 1;
      return [];
    }
    const held = part?.message(index) ?? null;
    if (held !== null && equalBytes(held, raw)) {
      // A block has but one proof: the same bytes are as good as a hash.
      this.#counters.duplicates += 1;
      return [{ type: "taken", seal, index, message: raw, source: peer, fresh: false }];
    }
    const fits = block.data.length === seal.blockLength(index);
    if (!fits || !verifyProof(index, seal.blocks, block.data, block.proof, seal.root)) {
      return [this.#reject(peer, "a block does not match its seal")];
    }
    if (part !== null) return [this.#keep(peer, seal, block.seal, index, raw, now)];
    if (this.equivocations.has(block.seal)) return [];
    const out: Outcome[] = [];
    let waiting = this.#verifier.waiting(block.seal);
    if (waiting === null) {
      const asked = this.#verifier.ask(seal, block.seal, peer);
      if (asked === null) return [];
      waiting = asked.waiting;
      out.push(asked.verify);
    }
    waiting.offer(peer, index, raw);
    return out;
  }

  /** A part from the origin, `raw` being its seal: verified like any other. */
  whole(raw: Uint8Array, data: Uint8Array, now: number): Outcome[] {
    this.#counters.fromHttp += raw.length + data.length;
    const seal = parsed(raw);
    const blocks = seal instanceof SealError || data.length !== seal.size ? [] : cut(data, seal.stripes);
    if (
      seal instanceof SealError ||
      seal.braid !== this.#braid ||
      seal.stripes !== this.#stripes ||
      blocks.length !== seal.blocks ||
      !equalBytes(root(blocks), seal.root)
    ) {
      this.#counters.blocksRejected += Math.max(1, blocks.length);
      return [];
    }
    if (this.#tooOld(seal)) {
      this.#counters.late += 1;
      return [];
    }
    if (this.#known(raw) !== null) return this.own(seal, raw, data, now);
    const waiting = this.#verifier.waiting(raw);
    if (waiting !== null) {
      waiting.whole = data;
      return [];
    }
    const asked = this.#verifier.ask(seal, raw, null);
    if (asked === null) return [];
    asked.waiting.whole = data;
    return [asked.verify];
  }

  /** A whole part whose seal is known to be genuine, such as the publisher's own. */
  own(seal: Seal, raw: Uint8Array, data: Uint8Array, now: number): Outcome[] {
    const out: Outcome[] = [];
    if (seal.epoch > this.#window.epoch) {
      this.#window.begin(seal.epoch);
      out.push({ type: "began" });
    }
    const part = this.#window.get(seal.number);
    if (part?.complete) {
      this.#counters.duplicates += seal.blocks;
      return out;
    }
    const blocks = cut(data, seal.stripes);
    for (const [index, proof] of proofs(blocks).entries()) {
      if (part !== null && part.message(index) !== null) continue;
      const block = blocks[index] as Uint8Array;
      const message = encode({ type: "block", seal: raw, index, proof, data: block });
      out.push(this.#keep(null, seal, raw, index, message, now));
    }
    return out;
  }

  /** Whether all that the origin has sent was checked. */
  settled(): boolean {
    return this.#verifier.settled();
  }

  /** The answer to `Verify`; blocks of peers that are not `present` any more are dropped. */
  verified(token: number, ok: boolean, present: { has(peer: string): boolean }, now: number): Outcome[] {
    const waiting = this.#verifier.done(token);
    if (waiting === null) return [];
    if (ok) return this.#genuine(waiting, present, now);
    if (waiting.whole !== null) this.#counters.blocksRejected += waiting.seal.blocks;
    const senders = new Set(waiting.blocks.map((block) => block.peer));
    return [...senders].map((peer) => this.#reject(peer, "a seal was not signed by the publisher"));
  }

  #genuine(waiting: Waiting, present: { has(peer: string): boolean }, now: number): Outcome[] {
    const { seal, raw } = waiting;
    const out: Outcome[] = [];
    if (seal.epoch > this.#window.epoch) {
      this.#window.begin(seal.epoch);
      out.push({ type: "began" });
    }
    if (this.#tooOld(seal)) {
      this.#counters.late += 1;
      return out;
    }
    const known = this.#window.get(seal.number);
    if (known !== null && !equalBytes(known.raw, raw)) {
      // Two genuine seals for one part: the publisher equivocates. The first stands.
      this.#counters.equivocations += 1;
      out.push(...this.equivocations.found(known.raw, raw));
      return out;
    }
    for (const { peer, index, message } of waiting.blocks) {
      if (present.has(peer)) out.push(this.#keep(peer, seal, raw, index, message, now));
    }
    if (waiting.whole !== null) out.push(...this.own(seal, raw, waiting.whole, now));
    return out;
  }

  /** The part of the window that has exactly this seal: its signature was checked before. */
  #known(raw: Uint8Array): WindowPart | null {
    const number = new DataView(raw.buffer, raw.byteOffset).getUint32(17);
    const part = this.#window.get(number);
    return part !== null && equalBytes(part.raw, raw) ? part : null;
  }

  #tooOld(seal: Seal): boolean {
    if (seal.epoch !== this.#window.epoch) return seal.epoch < this.#window.epoch;
    return seal.number < this.#window.oldest;
  }

  #keep(
    peer: string | null,
    seal: Seal,
    raw: Uint8Array,
    index: number,
    message: Uint8Array,
    now: number,
  ): Taken {
    const part = this.#window.open(seal, raw, now);
    const fresh = this.#window.add(part, index, message);
    if (!fresh) this.#counters.duplicates += 1;
    return { type: "taken", seal, index, message, source: peer, fresh };
  }

  #reject(peer: string, sentence: string): Reject {
    this.#counters.blocksRejected += 1;
    return { type: "reject", peer, reason: BYE_BAD_BLOCK, sentence };
  }
}

function parsed(raw: Uint8Array): Seal | SealError {
  try {
    return Seal.parse(raw);
  } catch (error) {
    if (error instanceof SealError) return error;
    throw error;
  }
}
