import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Places } from "../src/core/chat-places.ts";
import { answer, opening } from "../src/core/chat-ranges.ts";
import { fromHex, toHex } from "../src/encoding.ts";
import { WireError } from "../src/wire.ts";
import {
  type Comparison,
  PLACE,
  type Range,
  readComparison,
  readRanges,
  SKIP,
  writeComparison,
  writeRanges,
} from "../src/wire-ranges.ts";
import { vectors } from "./vectors.ts";

interface Numbers {
  count: number;
  without: number[];
  width: number;
  first: number;
  step: number;
}

interface Vectors {
  comparisons: { name: string; raw: string; comparison: Comparison }[];
  ranges: { name: string; raw: string; ranges: Range[] }[];
  refused: { name: string; raw: string }[];
  talks: {
    name: string;
    sets: [Numbers, Numbers];
    begins: number;
    steps: {
      raw?: string;
      size?: number;
      hash?: string;
      count: number;
      told: string;
      complete: boolean;
    }[];
  }[];
}

const { comparisons, ranges, refused, talks } = vectors("ranges.json") as Vectors;
const MOST = 256;
const NOTHING = "0".repeat(2 * PLACE);

function place(number: number, width: number): [number, string, string] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(4, number);
  const id = sha256(bytes);
  return [Math.floor(number / width) + 1, toHex(sha256(id.subarray(0, 1))), toHex(id)];
}

function placesOf({ count, without, width, first, step }: Numbers): Places {
  const gone = new Set(without);
  const found = new Places(10 ** 6);
  const numbers = Array.from({ length: Math.ceil((count - first) / step) }, (_, at) => first + at * step);
  found.restore(numbers.filter((number) => !gone.has(number)).map((number) => place(number, width)));
  return found;
}

test.each(comparisons)("comparison of a $name", ({ raw, comparison }) => {
  expect(readComparison(fromHex(raw))).toEqual(comparison);
  expect(toHex(writeComparison(comparison))).toBe(raw);
  expect(() => readComparison(fromHex(raw).subarray(1))).toThrow(WireError);
});

test.each(ranges)("ranges: $name", ({ raw, ranges: listed }) => {
  expect(readRanges(fromHex(raw))).toEqual(listed);
  expect(toHex(writeRanges(listed))).toBe(raw);
});

test.each(refused)("$name is refused", ({ raw }) => {
  expect(() => readRanges(fromHex(raw))).toThrow(WireError);
});

test("random bytes as ranges raise nothing but a WireError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      try {
        expect(writeRanges(readRanges(data))).toEqual(data);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});

describe("two logs compare", () => {
  test.each(talks)("$name", ({ sets, begins, steps }) => {
    const both = [placesOf(sets[0]), placesOf(sets[1])] as const;
    const horizon = begins
      .toString(16)
      .padStart(8, "0")
      .padEnd(2 * PLACE, "0");
    let said: readonly Range[] = opening(both[0], horizon);
    steps.forEach(({ raw, size, hash, count, told, complete }, at) => {
      const data = writeRanges(said);
      if (raw === undefined) expect([data.length, toHex(sha256(data))]).toEqual([size, hash]);
      else expect(toHex(data)).toBe(raw);
      const found = answer(both[at % 2 === 0 ? 1 : 0], horizon, readRanges(data), MOST);
      expect([found.told.length, found.complete]).toEqual([count, complete]);
      expect(count === 0 ? "" : toHex(sha256(fromHex(found.told.join(""))))).toBe(told);
      said = found.ranges;
    });
    expect(said.every(({ kind }) => kind === SKIP)).toBe(true);
  });

  test("and what only one has is found, whatever it is", () => {
    const numbers = fc.uniqueArray(fc.nat(300), { maxLength: 30 });
    fc.assert(
      fc.property(fc.nat(300), numbers, numbers, fc.constantFrom(1, 3, 500), (count, lost, others, width) => {
        const whole = { count, without: [], width, first: 0, step: 1 };
        const both = [placesOf(whole), placesOf({ ...whole, without: lost })] as const;
        for (const number of others) both[1].add(place(number, width));
        const told: [Set<string>, Set<string>] = [new Set(), new Set()];
        let said: readonly Range[] = opening(both[0], NOTHING);
        let at: 0 | 1 = 1;
        for (let turns = 0; said.some(({ kind }) => kind !== SKIP); turns++) {
          expect(turns).toBeLessThan(9);
          const found = answer(both[at], NOTHING, readRanges(writeRanges(said)), MOST);
          at = at === 0 ? 1 : 0;
          for (const id of found.told) told[at].add(id);
          said = found.ranges;
        }
        const ids = both.map((one) => new Set(one.ids(one.span(NOTHING, null)))) as [
          Set<string>,
          Set<string>,
        ];
        expect(told[0]).toEqual(new Set([...ids[1]].filter((id) => !ids[0].has(id))));
        expect(told[1]).toEqual(new Set([...ids[0]].filter((id) => !ids[1].has(id))));
      }),
      { numRuns: 40 },
    );
  });
});
