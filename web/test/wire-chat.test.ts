import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../src/encoding.ts";
import {
  type ChatHeader,
  ChatHeaderError,
  encodeChatHeader,
  messageId,
  parseChatHeader,
  roomHash,
} from "../src/wire-chat.ts";
import { native, type Vector, vectors } from "./vectors.ts";

const VECTORS = vectors("chat_headers.json");

test.each<Vector>(VECTORS.good)("golden header $id is read and written", ({ raw, fields, id }) => {
  const header = parseChatHeader(fromHex(raw));
  expect(header).toEqual(native(fields));
  expect(toHex(encodeChatHeader(header))).toBe(raw);
  expect(messageId(fromHex(raw))).toBe(id);
});

test.each<Vector>(VECTORS.bad)("a header that $name is refused", ({ raw }) => {
  expect(() => parseChatHeader(fromHex(raw))).toThrow(ChatHeaderError);
});

test.each<Vector>(VECTORS.rooms)("golden hash of room $room", ({ room, hash }) => {
  expect(roomHash(room)).toBe(hash);
});

test("random bytes throw nothing but a ChatHeaderError", () => {
  const sizes = fc.constantFrom(0, 90, 91, 123, 155, 347, 348);
  fc.assert(
    fc.property(
      sizes.chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
      fc.nat(9),
      (data, follows) => {
        if (data.length > 54) data.set([1], 0);
        if (data.length > 54) data.set([follows], 54);
        let header: ChatHeader;
        try {
          header = parseChatHeader(data);
        } catch (error) {
          expect(error).toBeInstanceOf(ChatHeaderError);
          return;
        }
        expect(encodeChatHeader(header)).toEqual(data);
      },
    ),
    { numRuns: 500 },
  );
});

test.each<Partial<ChatHeader>>([
  { room: "00" },
  { author: "" },
  { bodyHash: new Uint8Array(31) },
  { follows: ["00"] },
  { follows: Array(9).fill("0".repeat(64)) },
  { bodyLength: 16385 },
  { time: 2 ** 53 },
  { clock: 2 ** 32 },
  { kind: -1 },
])("a header with %o is not encoded", (fields) => {
  const header = parseChatHeader(fromHex(VECTORS.good[0].raw));
  expect(() => encodeChatHeader({ ...header, ...fields })).toThrow(ChatHeaderError);
});
