import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../src/encoding.ts";
import {
  decode as decodeOther,
  encode as encodeOther,
  MALFORMED,
  MAX_MESSAGE,
  type Message,
  type OfChat,
  peekType,
  TOO_LARGE,
  VERSION,
  WireError,
} from "../src/wire.ts";
import { decodeChat, encodeChat } from "../src/wire-chat.ts";
import { native, type Vector, vectorFile, vectors } from "./vectors.ts";

const VECTORS = vectors("messages.json");

/** A page reads those of the chat, whose types begin with 2, only when there is a chat. */
function decode(data: Uint8Array): Message | OfChat | null {
  return peekType(data) >> 4 === 2 ? decodeChat(data) : decodeOther(data);
}

function encode(message: Message | OfChat): Uint8Array {
  return message.type.startsWith("chat") ? encodeChat(message as OfChat) : encodeOther(message as Message);
}

/** Python's class names are this side's types in camelCase; its `ErrorMessage` is `error`. */
function message({ type, ...fields }: Vector): Message | OfChat {
  const name = type === "ErrorMessage" ? "error" : type[0].toLowerCase() + type.slice(1);
  // A peer, and no hash as the root of a part is.
  const id = type === "ChatRoot" ? { root: fields.root } : {};
  return { type: name, ...native(fields), ...id };
}

function rawOf(vector: Vector): Uint8Array {
  return vector.file === undefined ? fromHex(vector.raw) : vectorFile(vector.file);
}

test.each<Vector>(VECTORS.good)("golden $name is read and written", (vector) => {
  const raw = rawOf(vector);
  const decoded = decode(raw);
  expect(decoded).toEqual(message(vector.message));
  expect(encode(decoded as Message | OfChat)).toEqual(raw);
  expect(peekType(raw)).toBe(raw[0]);
});

test("every message has a golden sample", () => {
  const types = new Set(VECTORS.good.map((vector: Vector) => rawOf(vector)[0]));
  const known = Array.from({ length: 256 }, (_, type) => type).filter((type) => {
    try {
      return decode(Uint8Array.of(type)) !== null;
    } catch {
      return true;
    }
  });
  expect(types).toEqual(new Set(known));
});

test.each<Vector>(VECTORS.refused)("golden $name is refused", ({ raw, zeros, code }) => {
  const data = new Uint8Array([...fromHex(raw), ...new Uint8Array(zeros)]);
  const refusal = refusalOf(data);
  expect(refusal?.code).toBe(code);
  expect(refusal?.sentence).toMatch(/^[^\n]+\.$/);
});

test.each<string>(VECTORS.unknown)("golden %s is of an unknown type", (raw) => {
  expect(decode(fromHex(raw))).toBeNull();
});

function refusalOf(data: Uint8Array): WireError | null {
  try {
    decode(data);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    expect([MALFORMED, VERSION, TOO_LARGE]).toContain((error as WireError).code);
    return error as WireError;
  }
}

test("random bytes throw nothing but a WireError", () => {
  const types = fc.constantFrom(...new Set<number>(VECTORS.good.map((vector: Vector) => rawOf(vector)[0])));
  fc.assert(
    fc.property(types, fc.uint8Array({ maxLength: 400 }), (type, data) => {
      refusalOf(data);
      refusalOf(Uint8Array.of(type, ...data));
    }),
    { numRuns: 1000 },
  );
});

test("damaged messages throw nothing but a WireError, and what is still read is what would be written", () => {
  const whole: Uint8Array[] = VECTORS.good.map(rawOf).filter((raw: Uint8Array) => raw.length < 2000);
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
  fc.assert(
    fc.property(
      fc.constantFrom(...whole),
      changes,
      fc.nat(),
      fc.uint8Array({ maxLength: 40 }),
      (raw, changes, cut, tail) => {
        const damaged = Uint8Array.from(raw);
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        const data = Uint8Array.of(...damaged.subarray(0, cut % (damaged.length + 1)), ...tail);
        if (refusalOf(data) !== null) return;
        const first = decode(data);
        if (first !== null) expect(decode(encode(first))).toEqual(first);
      },
    ),
    { numRuns: 1000 },
  );
});

test("a message in the middle of a buffer is read where it is, without a copy", () => {
  const raw = vectorFile("block-2.bin");
  const buffer = new Uint8Array(raw.length + 20);
  buffer.set(raw, 7);
  const block = decode(buffer.subarray(7, 7 + raw.length));
  expect(block).toEqual(decode(raw));
  expect(block?.type === "block" && block.data.buffer === buffer.buffer).toBe(true);
});

test("a message may be as large as the limit and no larger", () => {
  const sentence = "x".repeat(MAX_MESSAGE - 3);
  expect(decode(encode({ type: "error", code: 1, sentence }))).toEqual({ type: "error", code: 1, sentence });
  expect(() => encode({ type: "error", code: 1, sentence: `${sentence}x` })).toThrow(RangeError);
});

test("a hello of another version can be said, not read", () => {
  const hello = encode({ type: "hello", version: 2, capabilities: [], agent: "" });
  expect(() => decode(hello)).toThrow("speaks version 2");
});

const BRAID = "0123456789abcdef";
const STRIPE = { fed: true, starved: false, path: [], feeds: false };
const STATUS = {
  type: "status",
  braid: BRAID,
  epoch: 0,
  newest: 0,
  carries: true,
  leaving: false,
  free: 0,
} as const;

test.each<Message | OfChat>([
  { type: "hello", version: 1, capabilities: Array(256).fill(""), agent: "" },
  { type: "hello", version: 1, capabilities: [], agent: "x".repeat(256) },
  { type: "hello", version: 1, capabilities: Array(255).fill("x".repeat(255)), agent: "x".repeat(255) },
  { type: "ping", publisher: "00", t0: 0 },
  { type: "ping", publisher: "0".repeat(32), t0: 2 ** 53 },
  { type: "ping", publisher: "0".repeat(32), t0: 0.5 },
  { type: "bye", reason: 256 },
  { type: "block", seal: new Uint8Array(147), index: 0, proof: [], data: new Uint8Array() },
  { type: "block", seal: new Uint8Array(148), index: 1024, proof: [], data: new Uint8Array() },
  { type: "block", seal: new Uint8Array(148), index: 0, proof: [new Uint8Array(15)], data: new Uint8Array() },
  { type: "block", seal: new Uint8Array(148), index: 0, proof: [], data: new Uint8Array(16385) },
  { type: "subscribe", braid: BRAID, stripe: 16, epoch: 0, number: 0 },
  { type: "unsubscribe", braid: BRAID.toUpperCase(), stripe: 0 },
  { type: "refuse", braid: BRAID, stripe: -1, reason: 1 },
  { ...STATUS, stripes: [] },
  { ...STATUS, stripes: Array(17).fill(STRIPE) },
  { ...STATUS, stripes: [{ ...STRIPE, path: Array(256).fill("00000000") }] },
  { type: "want", braid: BRAID, epoch: 0, number: 0, blocks: [1024] },
  { type: "want", braid: BRAID, epoch: 0, number: 0, blocks: Array(256).fill(0) },
  { type: "probe", braid: BRAID, train: 0, count: 0, size: 11 },
  { type: "probe", braid: BRAID, train: 0, count: 256, size: 11 },
  { type: "probe", braid: BRAID, train: 0, count: 4, size: 10 },
  { type: "probe", braid: BRAID, train: 0, count: 4, size: 1201 },
  { type: "probed", braid: BRAID, train: 0, spread: 2 ** 32 },
  { type: "stream", description: new Uint8Array(96) },
  { type: "chatMessage", header: new Uint8Array(), signature: new Uint8Array(64), body: null },
  { type: "chatHave", ids: ["00"] },
  { type: "chatWant", ids: Array(257).fill("0".repeat(64)) },
])("%o is not encoded", (message) => {
  expect(() => encode(message)).toThrow(RangeError);
});

test("a peer id is written as it is read", () => {
  expect(toHex(encode({ type: "ping", publisher: `${BRAID}${BRAID}`, t0: 1 }))).toBe(
    `02${BRAID}${BRAID}0000000000000001`,
  );
});
