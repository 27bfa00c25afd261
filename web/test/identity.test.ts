import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ed25519, native as nativeEd25519, supports } from "../src/ed25519.ts";
import { pure } from "../src/ed25519-pure.ts";
import { concatBytes, fromBase64url, fromHex, toBase64url, toHex } from "../src/encoding.ts";
import {
  ANSWER,
  braidId,
  fingerprint,
  fromSeed,
  generate,
  joinPayload,
  linkPayload,
  OFFER,
  peerId,
  pinnedSdp,
  TAG_CHAT,
  TAG_JOIN,
  TAG_LINK,
  TAG_SEAL,
  TAG_STREAM,
  verify,
} from "../src/identity.ts";
import { native, type Vector, vectors } from "./vectors.ts";

const VECTORS = vectors("identity.json");
const FINGERPRINTS = vectors("fingerprints.json");
const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);

describe.each<[string, Ed25519]>([
  ["WebCrypto", nativeEd25519(crypto.subtle)],
  ["the pure implementation", pure],
])("by %s", (_, ed25519) => {
  test.each<Vector>(VECTORS.keys)("golden seed $seed gives its key", async ({ seed, key }) => {
    expect(toHex((await ed25519.pair(fromHex(seed))).key)).toBe(key);
  });

  test.each<Vector>(VECTORS.signatures)(
    "golden signature $signature is made and verified",
    async (vector) => {
      const message = concatBytes(fromHex(vector.tag), fromHex(vector.data));
      const pair = await ed25519.pair(SEED);
      expect(toHex(await pair.sign(message))).toBe(vector.signature);
      expect(await ed25519.verify(fromHex(vector.key), message, fromHex(vector.signature))).toBe(true);
    },
  );

  test.each<Vector>(VECTORS.refused)("a golden signature with $name is refused", async (vector) => {
    const message = concatBytes(fromHex(vector.tag), fromHex(vector.data));
    expect(await ed25519.verify(fromHex(vector.key), message, fromHex(vector.signature))).toBe(false);
  });

  test("whatever the bytes are, verify says no", async () => {
    const { key } = await ed25519.pair(SEED);
    const bytes = fc.oneof(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 70 }));
    const signature = fc.oneof(
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.uint8Array({ maxLength: 70 }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, signature, async (other, signature) => {
        expect(await ed25519.verify(other, new Uint8Array(5), signature)).toBe(false);
        expect(await ed25519.verify(key, new Uint8Array(5), signature)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});

test("more keys than are kept imported are still verified", async () => {
  const ed25519 = nativeEd25519(crypto.subtle);
  const pair = await ed25519.pair(SEED);
  const message = new Uint8Array(3);
  const signature = await pair.sign(message);
  for (let i = 0; i < 300; i++) {
    await ed25519.verify(
      Uint8Array.from({ length: 32 }, (_, at) => (at < 2 ? i >> (8 * at) : 1)),
      message,
      signature,
    );
  }
  expect(await ed25519.verify(pair.key, message, signature)).toBe(true);
});

test("WebCrypto without Ed25519, or no WebCrypto, is noticed", async () => {
  expect(await supports(crypto.subtle)).toBe(true);
  expect(await supports(undefined)).toBe(false);
  const old = { importKey: () => Promise.reject(new Error("NotSupportedError")) } as unknown as SubtleCrypto;
  expect(await supports(old)).toBe(false);
});

test.each<Vector>(VECTORS.keys)("golden id of $key", async ({ seed, key, peer_id }) => {
  const me = await fromSeed(fromHex(seed));
  expect([toHex(me.key), me.id, peerId(fromHex(key))]).toEqual([key, peer_id, peer_id]);
});

test("two generated identities differ", async () => {
  expect((await generate()).id).not.toBe((await generate()).id);
});

test("a seed of another size is refused", async () => {
  await expect(fromSeed(new Uint8Array(31))).rejects.toThrow("32 bytes");
});

test("a signature for one purpose means nothing for another", async () => {
  const me = await fromSeed(SEED);
  const data = Uint8Array.of(1, 2, 3);
  const signature = await me.sign(TAG_JOIN, data);
  const tags = [TAG_SEAL, TAG_STREAM, TAG_JOIN, TAG_LINK, TAG_CHAT];
  const verdicts = await Promise.all(tags.map((tag) => verify(me.key, tag, data, signature)));
  expect(verdicts).toEqual([false, false, true, false, false]);
});

test.each<Vector>(VECTORS.braids)("golden braid id of $names", ({ key, names, braid }) => {
  const [room, stream, rendition] = names;
  expect(braidId(fromHex(key), room, stream, rendition)).toBe(braid);
});

test.each<Vector>(VECTORS.joins)("golden join of room $room is signed", async (vector) => {
  const [challenge, key, nonce] = [fromHex(vector.challenge), fromHex(vector.key), fromHex(vector.nonce)];
  const payload = joinPayload(vector.room, challenge, key, nonce);
  expect(toHex(payload)).toBe(vector.payload);
  expect(await verify(key, TAG_JOIN, payload, fromHex(vector.signature))).toBe(true);
});

test.each<Vector>(VECTORS.links)("golden link of kind $kind in $room is signed", async (vector) => {
  const { kind, room, connection, fromId, toId, fromNonce, toNonce, fingerprint } = native(vector);
  const payload = linkPayload(
    kind,
    room,
    connection,
    fromId,
    toId,
    fromHex(fromNonce),
    fromHex(toNonce),
    fromHex(fingerprint),
  );
  expect(toHex(payload)).toBe(vector.payload);
  expect(await verify(fromHex(vector.key), TAG_LINK, payload, fromHex(vector.signature))).toBe(true);
});

test("a link payload takes no field of another size", () => {
  const [id, nonce, print] = ["0".repeat(32), new Uint8Array(16), new Uint8Array(32)];
  const connection = "0".repeat(16);
  expect(linkPayload(ANSWER, "demo", connection, id, id, nonce, nonce, print)).toHaveLength(
    1 + 5 + 8 + 64 + 32,
  );
  expect(() => linkPayload(OFFER, "demo", "00", id, id, nonce, nonce, print)).toThrow(RangeError);
  expect(() => linkPayload(OFFER, "demo", connection, "00", id, nonce, nonce, print)).toThrow(RangeError);
  expect(() => linkPayload(OFFER, "demo", connection, id, id, print, nonce, print)).toThrow(RangeError);
  expect(() => linkPayload(OFFER, "demo", connection, id, id, nonce, nonce, nonce)).toThrow(RangeError);
  expect(() => linkPayload(OFFER, "x".repeat(256), connection, id, id, nonce, nonce, print)).toThrow(
    RangeError,
  );
});

test.each<Vector>(FINGERPRINTS.good)(
  "golden fingerprint ($name) is read",
  ({ sdp, fingerprint: hex, pinned }) => {
    expect(toHex(fingerprint(sdp))).toBe(hex);
    expect(pinnedSdp(sdp)).toBe(pinned);
  },
);

test.each<Vector>(FINGERPRINTS.bad)("an SDP whose fingerprint is in doubt ($name) is refused", ({ sdp }) => {
  expect(() => fingerprint(sdp)).toThrow(RangeError);
  expect(() => pinnedSdp(sdp)).toThrow(RangeError);
});

test("bytes are what they were after base64url and hex", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
  expect(toBase64url(new Uint8Array(100_000)).length).toBe(133_334);
});

test.each(["=", "AA==", "A", "AB", "A B", "+/", "AAAAA", "é"])("%s is no base64url", (text) => {
  expect(() => fromBase64url(text)).toThrow(RangeError);
});

test.each(["0", "AB", "g0", " 00"])("%s is no hex", (text) => {
  expect(() => fromHex(text)).toThrow(RangeError);
});
