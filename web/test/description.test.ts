import fc from "fast-check";
import { expect, test } from "vitest";
import { DescriptionError, openDescription, type Rendition, signDescription } from "../src/description.ts";
import { fromHex, toBase64url, toHex } from "../src/encoding.ts";
import { fromSeed } from "../src/identity.ts";
import { type Vector, vectors } from "./vectors.ts";

const VECTORS = vectors("descriptions.json");
const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);

test.each<Vector>(VECTORS.good)("golden description ($name) is opened", async (vector) => {
  const { key, description } = await openDescription(fromHex(vector.raw));
  expect(toHex(key)).toBe(VECTORS.key);
  const { partDuration, renditions, ...fields } = description;
  expect({
    ...fields,
    version: 1,
    part_duration: partDuration,
    renditions: renditions.map(({ frameRate, inits, ...rest }) => ({
      ...rest,
      frame_rate: frameRate,
      inits: inits.map(toBase64url),
    })),
  }).toEqual(vector.description);
  const signed = await signDescription(await fromSeed(SEED), description);
  expect(await openDescription(signed)).toEqual({ key, description });
});

test.each<Vector>(VECTORS.bad)("a description with a fault ($name) is refused", async ({ raw }) => {
  const opened = openDescription(fromHex(raw));
  await expect(opened).rejects.toThrow(DescriptionError);
  await expect(opened).rejects.toThrow(/^[^\n]+\.$/);
});

test("random bytes are refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (data) => {
      await expect(openDescription(data)).rejects.toThrow(DescriptionError);
    }),
  );
});

test("a flipped bit is refused", async () => {
  const whole = fromHex(VECTORS.good[0].raw);
  await fc.assert(
    fc.asyncProperty(fc.nat(8 * whole.length - 1), async (bit) => {
      const changed = Uint8Array.from(whole);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      await expect(openDescription(changed)).rejects.toThrow(DescriptionError);
    }),
  );
});

test("a description out of its bounds is not signed", async () => {
  const { description } = await openDescription(fromHex(VECTORS.good[0].raw));
  const me = await fromSeed(SEED);
  const large = { ...(description.renditions[0] as Rendition), inits: [new Uint8Array(32768)] };
  await expect(signDescription(me, { ...description, room: "no room" })).rejects.toThrow("not allowed");
  await expect(signDescription(me, { ...description, renditions: [large] })).rejects.toThrow("32768 bytes");
});
