import { expect, test } from "vitest";
import { fromHex, toHex } from "../src/encoding.ts";
import { TABLES, Tables, TOP } from "../src/file-tables.ts";
import { WireError } from "../src/wire.ts";
import { decode, encode, type OfFiles } from "../src/wire-files.ts";
import { Content, octets } from "./shared-files.ts";
import { type Vector, vectors } from "./vectors.ts";

const VECTORS = vectors("files.json");

/** The message as its vector has it. */
function plain(message: OfFiles): object {
  const { type, ...fields } = message;
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? toHex(value) : value,
  ]);
  return { type: `F${type.slice(1)}`, ...Object.fromEntries(entries) };
}

test.each<Vector>(VECTORS.good)("golden message “$name” is read and written", ({ raw, message }) => {
  const read = decode(fromHex(raw));
  expect(plain(read)).toEqual(message);
  expect(toHex(encode(read))).toBe(raw);
});

test.each<Vector>(VECTORS.refused)("a message that is $name is refused", ({ raw, zeros, code }) => {
  const data = Uint8Array.of(...fromHex(raw), ...new Uint8Array(zeros));
  let refused: unknown = null;
  try {
    decode(data);
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(WireError);
  expect((refused as WireError).code).toBe(code);
});

test.each<OfFiles>([
  { type: "fileSeek", file: "00", on: true },
  { type: "fileGot", file: "00".repeat(32), blocks: [2 ** 32] },
  { type: "fileWant", file: "00".repeat(32), pieces: Array(65).fill(0) },
  { type: "fileBlock", file: "00".repeat(32), piece: 0, data: new Uint8Array(0) },
])("message out of its bounds is not written: $type", (message) => {
  expect(() => encode(message)).toThrow(RangeError);
});

test.each<Vector>(VECTORS.cut.filter(({ size }: Vector) => size < 2 ** 20))(
  "file of $size bytes is cut and hashed as recorded",
  ({ size, id, top }) => {
    const content = new Content(octets(size));
    expect(content.id).toBe(id);
    expect(toHex(content.pieces.get(TOP) ?? new Uint8Array())).toBe(top);
  },
);

test("each piece is proved by the table above it and by nothing else", () => {
  const content = new Content(octets(40_000));
  const tables = new Tables(content.id, 40_000);
  const block = content.pieces.get(0) ?? new Uint8Array();
  expect(tables.proves(TABLES, content.pieces.get(TABLES) ?? block)).toBe(false);
  for (const piece of [TOP, TABLES, 0, 1, 2]) {
    const data = content.pieces.get(piece) ?? new Uint8Array();
    expect(tables.length(piece)).toBe(data.length);
    expect(tables.proves(piece, data)).toBe(true);
    expect(tables.proves(piece, data.subarray(1))).toBe(false);
    if (piece >= TABLES) tables.take(piece, data);
  }
  expect(tables.proves(1, block)).toBe(false);
  expect([3, TABLES + 1, TOP - 1].map((piece) => tables.length(piece))).toEqual([0, 0, 0]);
  expect(tables.top !== null && new Tables(content.id, 40_001).fits(tables.top)).toBe(false);
});
