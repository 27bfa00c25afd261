import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { fromHex, toHex } from "../src/encoding.ts";
import { fromSeed, type Identity, verifySeal } from "../src/identity.ts";
import { proofs, verifyProof } from "../src/merkle.ts";
import {
  cut,
  FIRST,
  MAX_PART,
  Seal,
  SealError,
  type SealedPart,
  type SealFields,
  sealPart,
} from "../src/seal.ts";
import { decode, encode, WireError } from "../src/wire.ts";
import { native, pattern, type Vector, vectors } from "./vectors.ts";

const VECTORS = vectors("seals.json");

const FIELDS: SealFields = {
  flags: 1,
  stripes: 4,
  blocks: 4,
  braid: "0123456789abcdef",
  epoch: 91234567,
  number: 7,
  segment: 3,
  index: 2,
  init: 0,
  mediaTime: 700_000,
  duration: 100_000,
  captureTime: 1_800_000_000_000_000,
  size: 1,
  root: new Uint8Array(16),
  previous: FIRST,
};

let publisher: Identity;
beforeAll(async () => {
  publisher = await fromSeed(Uint8Array.from({ length: 32 }, (_, i) => i));
});

test.each<Vector>(VECTORS.parts)("golden part $salt is sealed the same", async (vector) => {
  const raw = fromHex(vector.raw);
  const seal = Seal.parse(raw);
  expect({ ...seal }).toEqual(native(vector.fields));
  expect(await verifySeal(fromHex(VECTORS.publisher), raw)).toBe(true);
  const data = pattern(seal.size, vector.salt);
  expect(cut(data, seal.stripes).map((block) => block.length)).toEqual(vector.block_lengths);
  expect(vector.block_lengths.map((_: number, i: number) => seal.blockLength(i))).toEqual(
    vector.block_lengths,
  );
  const part = await sealPart(publisher, seal, data);
  expect(toHex(part.raw)).toBe(vector.raw);
  expect(toHex(part.seal.digest())).toBe(vector.digest);
});

test("a golden seal may have the greatest fields", () => {
  const { signed, fields } = VECTORS.extreme;
  const seal = Seal.parse(fromHex(signed));
  expect({ ...seal }).toEqual(native(fields));
  expect(toHex(seal.encode())).toBe(signed);
});

test.each<Vector>(VECTORS.refused)("$name: no seal", ({ raw }) => {
  expect(() => Seal.parse(fromHex(raw))).toThrow(SealError);
  expect(() => Seal.parse(fromHex(raw))).toThrow(/^[^\n]*\.$/);
});

test.each<Vector>(VECTORS.forged)("a seal with $name is refused", async ({ raw }) => {
  expect(await verifySeal(fromHex(VECTORS.publisher), fromHex(raw))).toBe(false);
});

test("whatever the bytes are, parse throws nothing but a SealError", () => {
  const bytes = fc.oneof(fc.uint8Array({ minLength: 84, maxLength: 84 }), fc.uint8Array({ maxLength: 200 }));
  fc.assert(
    fc.property(bytes, (data) => {
      let seal: Seal;
      try {
        seal = Seal.parse(data);
      } catch (error) {
        expect(error).toBeInstanceOf(SealError);
        return;
      }
      expect(seal.encode()).toEqual(data.subarray(0, 84));
    }),
  );
});

test.each<Partial<SealFields>>([
  { stripes: 0 },
  { stripes: 17, blocks: 17 },
  { blocks: 0 },
  { blocks: 1028 },
  { blocks: 5 },
  { blocks: 8 },
  { blocks: Number.NaN },
  { size: 0 },
  { size: MAX_PART + 1 },
  { mediaTime: 2 ** 53 },
  { captureTime: 2 ** 53 },
  { mediaTime: 0.5 },
  { flags: 256 },
  { number: -1 },
  { root: new Uint8Array(15) },
  { braid: "00" },
  { braid: "x" },
])("a seal with %o is not encoded", (fields) => {
  expect(() => new Seal({ ...FIELDS, ...fields }).encode()).toThrow(SealError);
});

test("flags", () => {
  const first = new Seal({ ...FIELDS, flags: 0b11110101 });
  expect([first.independent, first.discontinuity, first.segmentStart]).toEqual([true, false, true]);
  const second = new Seal({ ...FIELDS, flags: 2 });
  expect([second.independent, second.discontinuity, second.segmentStart]).toEqual([false, true, false]);
});

test("a part that is empty, too large or on no stripes is not sealed", async () => {
  await expect(sealPart(publisher, FIELDS, new Uint8Array())).rejects.toThrow("1 to 4194304 bytes");
  await expect(sealPart(publisher, FIELDS, new Uint8Array(MAX_PART + 1))).rejects.toThrow(
    "1 to 4194304 bytes",
  );
  await expect(sealPart(publisher, { ...FIELDS, stripes: 0 }, pattern(1))).rejects.toThrow("1 to 16 stripes");
});

/** Whether a receiver that knows the publisher's key would take `message` for a block. */
async function accepted(message: Uint8Array): Promise<boolean> {
  try {
    const block = decode(message);
    if (block?.type !== "block") return false;
    const seal = Seal.parse(block.seal);
    if (!verifyProof(block.index, seal.blocks, block.data, block.proof, seal.root)) return false;
    return await verifySeal(publisher.key, block.seal);
  } catch (error) {
    if (error instanceof WireError || error instanceof SealError) return false;
    throw error;
  }
}

function blockMessages({ raw, data }: SealedPart): Uint8Array[] {
  const blocks = cut(data, 4);
  return proofs(blocks).map((proof, index) =>
    encode({ type: "block", seal: raw, index, proof, data: blocks[index] as Uint8Array }),
  );
}

test("a flipped bit anywhere in a block is refused", async () => {
  const messages = blockMessages(await sealPart(publisher, FIELDS, pattern(70_000)));
  for (const message of messages) expect(await accepted(message)).toBe(true);
  const place = fc.oneof(fc.nat(8 * 300), fc.nat(8 * 8000));
  await fc.assert(
    fc.asyncProperty(fc.nat(messages.length - 1), place, async (index, bit) => {
      const changed = Uint8Array.from(messages[index] as Uint8Array);
      const at = (bit >> 3) % changed.length;
      changed[at] = (changed[at] as number) ^ (1 << (bit & 7));
      expect(await accepted(changed)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test("a block of one part does not pass under the seal of another", async () => {
  const one = await sealPart(publisher, FIELDS, pattern(70_000));
  const other = await sealPart(publisher, { ...FIELDS, number: 8 }, pattern(70_000, 1));
  const [message] = blockMessages({ ...one, raw: other.raw }) as [Uint8Array];
  expect(await accepted(message)).toBe(false);
});
