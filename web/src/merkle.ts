/** The Merkle tree over the blocks of a part: RFC 9162 section 2.1, with nodes cut to 16 bytes. */

import { sha256 } from "@noble/hashes/sha2.js";
import { equalBytes } from "./encoding.ts";

/** Bytes of a node. */
export const NODE = 16;
export const MAX_LEAVES = 1024;
/** Nodes in the longest proof: the depth of a tree of `MAX_LEAVES`. */
export const MAX_PROOF = 10;

const INNER = Uint8Array.of(1);

/** The node of block `index`, which is part of it: equal blocks cannot stand for each other. */
export function leaf(index: number, data: Uint8Array): Uint8Array {
  const hash = sha256
    .create()
    .update(Uint8Array.of(0, index >> 8, index & 255))
    .update(data);
  return hash.digest().subarray(0, NODE);
}

function inner(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256.create().update(INNER).update(left).update(right).digest().subarray(0, NODE);
}

/**
 * All nodes over `blocks` (1 to 1024 of them), level by level from the leaves.
 *
 * Pairing neighbours and lifting an odd last node unchanged gives the shape of RFC 9162, whose definition splits at
 * the largest power of two.
 */
export class Tree {
  readonly root: Uint8Array;
  private readonly levels: Uint8Array[][];

  constructor(blocks: readonly Uint8Array[]) {
    if (blocks.length < 1 || blocks.length > MAX_LEAVES) {
      throw new RangeError(`A tree has 1 to ${MAX_LEAVES} blocks, not ${blocks.length}.`);
    }
    let level = blocks.map((data, index) => leaf(index, data));
    this.levels = [level];
    while (level.length > 1) {
      const above: Uint8Array[] = [];
      for (let i = 0; i < level.length; i += 2) {
        const [left, right] = level.slice(i, i + 2) as [Uint8Array, Uint8Array?];
        above.push(right === undefined ? left : inner(left, right));
      }
      this.levels.push(above);
      level = above;
    }
    this.root = level[0] as Uint8Array;
  }

  /** The audit path of block `index`, its sibling first (RFC 9162 section 2.1.3). */
  proof(index: number): Uint8Array[] {
    const path: Uint8Array[] = [];
    let at = index;
    for (const level of this.levels.slice(0, -1)) {
      const sibling = level[at ^ 1];
      if (sibling !== undefined) path.push(sibling);
      at >>= 1;
    }
    return path;
  }
}

/** Hashes `blocks` once, for their root and their proofs. */
export function tree(blocks: readonly Uint8Array[]): Tree {
  return new Tree(blocks);
}

/** The root (16 bytes) over `blocks`. */
export function root(blocks: readonly Uint8Array[]): Uint8Array {
  return new Tree(blocks).root;
}

/** The proof of each block, in order. */
export function proofs(blocks: readonly Uint8Array[]): Uint8Array[][] {
  const nodes = new Tree(blocks);
  return blocks.map((_, index) => nodes.proof(index));
}

/** Whether `data` is block `index` of the `count` blocks under `root` (RFC 9162 section 2.1.3.2). */
export function verifyProof(
  index: number,
  count: number,
  data: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isInteger(index) || index < 0 || index >= count || count > MAX_LEAVES) return false;
  let node = index;
  let last = count - 1;
  let value = leaf(index, data);
  for (const sibling of proof) {
    if (last === 0 || sibling.length !== NODE) return false;
    if (node & 1 || node === last) {
      value = inner(sibling, value);
      while (!(node & 1) && node) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      value = inner(value, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last === 0 && equalBytes(value, root);
}
