import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../src/encoding.ts";
import { MAX_PROOF, proofs, root, Tree, verifyProof } from "../src/merkle.ts";
import { pattern, type Vector, vectors } from "./vectors.ts";

const VECTORS = vectors("merkle.json");

test.each<Vector>(VECTORS.trees)("a tree of $count blocks is the golden one", ({ count, root, proofs }) => {
  const blocks = Array.from({ length: count }, (_, index) => pattern(index % 33, index));
  const tree = new Tree(blocks);
  expect(toHex(tree.root)).toBe(root);
  for (const [name, proof] of Object.entries(proofs)) {
    const index = Number(name);
    expect(tree.proof(index).map(toHex)).toEqual(proof);
    expect(tree.proof(index).length).toBeLessThanOrEqual(MAX_PROOF);
    expect(verifyProof(index, count, blocks[index] as Uint8Array, tree.proof(index), tree.root)).toBe(true);
  }
});

test.each<Vector>(VECTORS.refused)("a proof with $name is refused", ({ index, count, data, proof, root }) => {
  expect(verifyProof(index, count, fromHex(data), proof.map(fromHex), fromHex(root))).toBe(false);
});

test("a proof fits no other place, count or data", () => {
  const blocks = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(blocks, fc.nat(), fc.nat(), (blocks, one, two) => {
      const [index, other] = [one % blocks.length, two % blocks.length];
      const data = blocks[index] as Uint8Array;
      const proof = proofs(blocks)[index] as Uint8Array[];
      const top = root(blocks);
      expect(verifyProof(index, blocks.length, data, proof, top)).toBe(true);
      expect(verifyProof(other, blocks.length, data, proof, top)).toBe(other === index);
      expect(verifyProof(index, blocks.length, Uint8Array.of(...data, 0), proof, top)).toBe(false);
      expect(verifyProof(index, blocks.length, data, [...proof, new Uint8Array(16)], top)).toBe(false);
    }),
  );
});

test.each([-1, 1, 0.5, Number.NaN])("block %s of a single one is refused", (index) => {
  const data = Uint8Array.of(1);
  expect(verifyProof(index, 1, data, [], root([data]))).toBe(false);
});

test.each([0, 1025])("a tree of %i blocks is refused", (count) => {
  expect(() => new Tree(Array(count).fill(new Uint8Array()))).toThrow("1 to 1024 blocks");
});
