/**
 * The parity of a part: one block for each row of S data blocks, by which any lost one of them is rebuilt.
 *
 * docs/protocol.md section 2 has the format. Parity travels as a companion of the part, with a seal of its own.
 */

import { equalBytes } from "./encoding.ts";
import { Tree } from "./merkle.ts";
import type { Seal } from "./seal.ts";

/** Blocks by index, null for those that are not here. */
export type Blocks = readonly (Uint8Array | null)[];

/** A block that was rebuilt, and its proof. */
export interface Rebuilt {
  readonly index: number;
  readonly data: Uint8Array;
  readonly proof: Uint8Array[];
}

/** Whether a companion's seal is about exactly this part. */
export function belongs(companion: Seal, seal: Seal): boolean {
  const rows = seal.blocks / seal.stripes;
  return (
    companion.blocks === rows &&
    companion.size === rows * seal.blockSize &&
    equalBytes(companion.previous, seal.digest())
  );
}

/**
 * The missing blocks of a part with their proofs; none while there is not enough to tell.
 *
 * `data` are its blocks, `parity` the blocks of its companion. Nothing is believed: null if what comes out is not
 * under the part's own root, so the parity is false.
 */
export function rebuild(seal: Seal, data: Blocks, parity: Blocks): Rebuilt[] | null {
  const { stripes } = seal;
  const blocks = [...data];
  const rows = new Set<number>();
  const missing: number[] = [];
  for (const [index, block] of data.entries()) {
    if (block !== null) continue;
    const row = Math.floor(index / stripes);
    const other = parity[row] ?? null;
    if (rows.has(row) || other === null) return [];
    rows.add(row);
    missing.push(index);
    const whole = xor([...data.slice(row * stripes, (row + 1) * stripes), other], seal.blockSize);
    blocks[index] = whole.subarray(0, seal.blockLength(index));
  }
  const tree = new Tree(blocks as Uint8Array[]);
  if (!equalBytes(tree.root, seal.root)) return null;
  return missing.map((index) => ({
    index,
    data: blocks[index] as Uint8Array,
    proof: tree.proof(index),
  }));
}

/** The exclusive or of `blocks`, each padded with zeros to `size`. */
function xor(blocks: Blocks, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (const block of blocks) {
    if (block === null) continue;
    for (let at = 0; at < block.length; at++) out[at] = (out[at] as number) ^ (block[at] as number);
  }
  return out;
}
