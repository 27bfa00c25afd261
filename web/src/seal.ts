/** Seals, the publisher's signatures over parts, and how a part is cut into blocks (docs/protocol.md section 2). */

import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "./encoding.ts";
import { MAX_LEAVES, root as merkleRoot } from "./merkle.ts";
import { Reader, Writer } from "./octets.ts";
import { type Signer, TAG_SEAL } from "./signing.ts";

export const VERSION = 1;
/** Bytes of a seal that are signed. */
export const SIGNED = 84;
/** Bytes of a seal with its signature. */
export const SEAL = 148;
export const MAX_STRIPES = 16;
export const MAX_BLOCK = 16384;
export const MAX_PART = 4 * 1024 * 1024;
/** µs: what a number holds exactly. */
export const MAX_TIME = Number.MAX_SAFE_INTEGER;
/** `previous` in the first seal of an epoch. */
export const FIRST: Uint8Array = new Uint8Array(16);

export const INDEPENDENT = 1;
export const DISCONTINUITY = 2;
export const SEGMENT_START = 4;
export const PARITY = 8;

/** Bytes are no seal; the message is one sentence. */
export class SealError extends Error {}

/** The signed fields. Times and the duration are in µs, `size` in bytes; `braid` is 16 hex digits. */
export interface SealFields {
  /** Bits that are not known are kept and mean nothing. */
  flags: number;
  stripes: number;
  blocks: number;
  braid: string;
  epoch: number;
  number: number;
  segment: number;
  /** Of the part in its segment. */
  index: number;
  /** Of its init segment in the stream description. */
  init: number;
  mediaTime: number;
  duration: number;
  captureTime: number;
  size: number;
  root: Uint8Array;
  previous: Uint8Array;
}

export interface Seal extends Readonly<SealFields> {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every field of SealFields
export class Seal {
  constructor(fields: SealFields) {
    Object.assign(this, fields);
  }

  /** The part starts with a key frame. */
  get independent(): boolean {
    return (this.flags & INDEPENDENT) !== 0;
  }

  /** The source was interrupted or changed just before the part. */
  get discontinuity(): boolean {
    return (this.flags & DISCONTINUITY) !== 0;
  }

  /** The part is the first of a segment. */
  get segmentStart(): boolean {
    return (this.flags & SEGMENT_START) !== 0;
  }

  /** It seals no part but the parity of one (parity.ts). */
  get parity(): boolean {
    return (this.flags & PARITY) !== 0;
  }

  /** Bytes of every block but the last ones, which are shorter and may be empty. */
  get blockSize(): number {
    return Math.ceil(this.size / this.blocks);
  }

  /** Bytes of block `index`. */
  blockLength(index: number): number {
    return Math.max(0, Math.min(this.blockSize, this.size - index * this.blockSize));
  }

  /** What the next seal of the epoch has as `previous` (16 bytes). */
  digest(): Uint8Array {
    return sha256(this.encode()).subarray(0, 16);
  }

  /** The 84 bytes that are signed. Throws a SealError when a field is out of its bounds. */
  encode(): Uint8Array<ArrayBuffer> {
    check(this);
    try {
      return new Writer()
        .u8(VERSION)
        .u8(this.flags)
        .u8(this.stripes)
        .u16(this.blocks)
        .hex(this.braid, 8)
        .u32(this.epoch)
        .u32(this.number)
        .u32(this.segment)
        .u16(this.index)
        .u8(this.init)
        .u64(this.mediaTime)
        .u32(this.duration)
        .u64(this.captureTime)
        .u32(this.size)
        .bytes(this.root, 16)
        .bytes(this.previous, 16)
        .finish();
    } catch (error) {
      throw new SealError(`A field of the seal does not fit: ${(error as Error).message}`);
    }
  }

  /** Reads 84 signed bytes, or all 148, and checks every bound, but not the signature. Throws a SealError. */
  static parse(data: Uint8Array): Seal {
    if (data.length !== SIGNED && data.length !== SEAL) {
      throw new SealError(`A seal has ${SEAL} bytes, not ${data.length}.`);
    }
    const reader = new Reader(data);
    const version = reader.u8();
    if (version !== VERSION) {
      throw new SealError(`The seal has version ${version}; this program knows version ${VERSION}.`);
    }
    const seal = new Seal({
      flags: reader.u8(),
      stripes: reader.u8(),
      blocks: reader.u16(),
      braid: reader.hex(8),
      epoch: reader.u32(),
      number: reader.u32(),
      segment: reader.u32(),
      index: reader.u16(),
      init: reader.u8(),
      mediaTime: reader.u64(),
      duration: reader.u32(),
      captureTime: reader.u64(),
      size: reader.u32(),
      // Copies: a seal outlives the message in which it came.
      root: reader.bytes(16).slice(),
      previous: reader.bytes(16).slice(),
    });
    check(seal);
    return seal;
  }
}

function check(seal: Seal): void {
  if (!(seal.stripes >= 1 && seal.stripes <= MAX_STRIPES)) {
    throw new SealError(`A part has 1 to ${MAX_STRIPES} stripes, not ${seal.stripes}.`);
  }
  if (!(seal.blocks >= 1 && seal.blocks <= MAX_LEAVES) || seal.blocks % seal.stripes !== 0) {
    throw new SealError(`A part has 1 to ${MAX_LEAVES} blocks, as many in each stripe, not ${seal.blocks}.`);
  }
  if (!(seal.size >= 1 && seal.size <= MAX_PART)) {
    throw new SealError(`A part has 1 to ${MAX_PART} bytes, not ${seal.size}.`);
  }
  if (seal.blocks !== blockCount(seal.size, seal.stripes)) {
    throw new SealError(
      `${seal.size} bytes on ${seal.stripes} stripes are not cut into ${seal.blocks} blocks.`,
    );
  }
  if (seal.mediaTime > MAX_TIME || seal.captureTime > MAX_TIME) {
    throw new SealError("A time of the seal is beyond the year 2255.");
  }
}

/** How many blocks a part of `size` bytes has on `stripes` stripes. */
export function blockCount(size: number, stripes: number): number {
  return stripes * Math.ceil(size / (stripes * MAX_BLOCK));
}

/** The blocks of a part, as views; block i belongs to stripe `i % stripes`. */
export function cut(data: Uint8Array, stripes: number): Uint8Array[] {
  const count = blockCount(data.length, stripes);
  const size = Math.ceil(data.length / count);
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

/** A part with its seal: `raw` is the 148 bytes that `seal` was read from or signed into. */
export interface SealedPart {
  raw: Uint8Array;
  seal: Seal;
  data: Uint8Array;
}

/** Seals `data`, from which `blocks`, `size` and `root` follow. Throws a SealError. */
export async function sealPart(
  signer: Signer,
  draft: Omit<SealFields, "blocks" | "size" | "root">,
  data: Uint8Array,
): Promise<SealedPart> {
  if (!(draft.stripes >= 1 && draft.stripes <= MAX_STRIPES)) {
    throw new SealError(`A part has 1 to ${MAX_STRIPES} stripes, not ${draft.stripes}.`);
  }
  if (data.length < 1 || data.length > MAX_PART) {
    throw new SealError(`A part has 1 to ${MAX_PART} bytes, not ${data.length}.`);
  }
  const blocks = cut(data, draft.stripes);
  const seal = new Seal({ ...draft, blocks: blocks.length, size: data.length, root: merkleRoot(blocks) });
  const signed = seal.encode();
  return { raw: concatBytes(signed, await signer.sign(TAG_SEAL, signed)), seal, data };
}
