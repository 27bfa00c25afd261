/** The way in: every block is proved against its seal, and every seal against the publisher's key, first. */

import { equalBytes } from "../encoding.ts";
import { proofs, root, verifyProof } from "../merkle.ts";
import { belongs, rebuild } from "../parity.ts";
import { cut, MAX_STRIPES, PARITY, Seal, SealError } from "../seal.ts";
import { type Block, encode } from "../wire.ts";
import type { Equivocation, Reject, Verify } from "./actions.ts";
import type { Counters } from "./counters.ts";
import { Equivocations } from "./equivocations.ts";
import { Verifier, type Waiting } from "./verifier.ts";
import type { Window, WindowPart } from "./window.ts";

const BYE_BAD_BLOCK = 2;
/** Parts past the newest of which parity is kept: its tree may be the shorter way. */
export const COMPANIONS_AHEAD = 32;

/** A genuine seal of a newer epoch has come; the window was emptied for it. */
export interface Began {
  readonly type: "began";
}

/**
 * A verified block: `fresh` unless it was here already.
 *
 * `source` is null for the origin, ourselves, and what was rebuilt from parity. Parity is stripe number S.
 */
export interface Taken {
  readonly type: "taken";
  readonly seal: Seal;
  readonly stripe: number;
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
    if (!this.#isOurs(seal) || index >= seal.blocks) {
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
      const stripe = this.#stripe(seal, index);
      return [{ type: "taken", seal, stripe, index, message: raw, source: peer, fresh: false }];
    }
    const fits = block.data.length === seal.blockLength(index);
    if (!fits || !verifyProof(index, seal.blocks, block.data, block.proof, seal.root)) {
      return [this.#reject(peer, "a block does not match its seal")];
    }
    if (part !== null) {
      return [this.#keep(peer, seal, block.seal, index, raw, now), ...this.#mended(seal.number, now)];
    }
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
      seal.parity ||
      !this.#isOurs(seal) ||
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
    const part = this.#window.like(seal);
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
    const known = this.#window.like(seal);
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
    out.push(...this.#mended(seal.number, now));
    return out;
  }

  /** Rebuilds what a part lacks if its parity is enough; it is then as good as what came. */
  #mended(number: number, now: number): Taken[] {
    const part = this.#window.get(number);
    const companion = this.#window.companion(number);
    if (part === null || part.complete || companion === null || companion.spoilt) return [];
    const { seal, raw } = part;
    if (seal.blocks - part.held > companion.held) return [];
    const rebuilt = belongs(companion.seal, seal)
      ? rebuild(seal, part.payloads(), companion.payloads())
      : null;
    companion.spoilt = rebuilt === null;
    this.#counters.rebuilt += rebuilt?.length ?? 0;
    return (rebuilt ?? []).map(({ index, data, proof }) => {
      const message = encode({ type: "block", seal: raw, index, proof, data });
      return this.#keep(null, seal, raw, index, message, now);
    });
  }

  /** Of this braid, and cut as it should be. */
  #isOurs(seal: Seal): boolean {
    if (seal.braid !== this.#braid) return false;
    if (seal.parity) return seal.stripes === 1 && this.#stripes < MAX_STRIPES;
    return seal.stripes === this.#stripes;
  }

  #stripe(seal: Seal, index: number): number {
    return seal.parity ? this.#stripes : index % this.#stripes;
  }

  /** The part of the window that has exactly this seal: its signature was checked before. */
  #known(raw: Uint8Array): WindowPart | null {
    const number = new DataView(raw.buffer, raw.byteOffset).getUint32(17);
    const parity = ((raw[1] ?? 0) & PARITY) !== 0;
    const part = parity ? this.#window.companion(number) : this.#window.get(number);
    return part !== null && equalBytes(part.raw, raw) ? part : null;
  }

  #tooOld(seal: Seal): boolean {
    if (seal.epoch !== this.#window.epoch) return seal.epoch < this.#window.epoch;
    const ahead = seal.parity && seal.number > this.#window.newest + COMPANIONS_AHEAD;
    return ahead || seal.number < this.#window.oldest;
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
    return { type: "taken", seal, stripe: this.#stripe(seal, index), index, message, source: peer, fresh };
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
