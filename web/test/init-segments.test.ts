import { expect, test } from "vitest";
import { InitSegments, type PlayablePart } from "../src/core/init-segments.ts";
import { FIRST, Seal } from "../src/seal.ts";

const OLD = new Uint8Array([1]);
const NEW = new Uint8Array([2]);
const DATA = new Uint8Array([3]);

function part(epoch: number, number: number, init = 0): Seal {
  return new Seal({
    flags: 0,
    stripes: 1,
    blocks: 1,
    braid: "00".repeat(8),
    epoch,
    number,
    segment: 1,
    index: 0,
    init,
    mediaTime: 0,
    duration: 100_000,
    captureTime: 0,
    size: 1,
    root: new Uint8Array(16),
    previous: FIRST,
  });
}

const told = (parts: PlayablePart[]) => parts.map(({ seal, init }) => [seal.epoch, seal.number, init[0]]);

test("parts come with the init segment that their seal names", () => {
  const inits = new InitSegments();
  inits.described(5, [OLD, NEW]);
  expect(told(inits.delivered(part(5, 0, 0), DATA))).toEqual([[5, 0, 1]]);
  expect(told(inits.delivered(part(5, 1, 1), DATA))).toEqual([[5, 1, 2]]);
  expect(inits.asks(1)).toBe(false);
});

test("a part before its description waits for it, and what comes after waits too", () => {
  const inits = new InitSegments();
  inits.described(5, [OLD]);
  expect(inits.delivered(part(5, 7, 1), DATA)).toEqual([]);
  expect(inits.delivered(part(5, 8, 0), DATA)).toEqual([]);
  expect(told(inits.described(5, [OLD, NEW]))).toEqual([
    [5, 7, 2],
    [5, 8, 1],
  ]);
});

test("parts of a new epoch never get the init segment of the old one", () => {
  const inits = new InitSegments();
  inits.described(5, [OLD]);
  expect(inits.delivered(part(6, 0), DATA)).toEqual([]);
  expect(told(inits.described(6, [NEW]))).toEqual([[6, 0, 2]]);
  expect(inits.described(5, [OLD])).toEqual([]);
  expect(told(inits.delivered(part(6, 1), DATA))).toEqual([[6, 1, 2]]);
});

test("parts of an epoch that is over are left out", () => {
  const inits = new InitSegments();
  inits.described(5, [OLD]);
  inits.delivered(part(6, 0), DATA);
  expect(told(inits.described(7, [NEW]))).toEqual([]);
  expect(told(inits.delivered(part(7, 0), DATA))).toEqual([[7, 0, 2]]);
});

test("while parts wait the description is asked for once a second", () => {
  const inits = new InitSegments();
  expect(inits.asks(10)).toBe(false);
  inits.delivered(part(6, 0), DATA);
  expect([inits.asks(10), inits.asks(10.5), inits.asks(11)]).toEqual([true, false, true]);
  inits.described(6, [NEW]);
  expect(inits.asks(12)).toBe(false);
});

test("no more than some seconds of parts wait", () => {
  const inits = new InitSegments();
  for (let number = 0; number < 1000; number++) inits.delivered(part(6, number), DATA);
  const ready = inits.described(6, [NEW]);
  expect(ready.length).toBe(200);
  expect(ready.at(-1)?.seal.number).toBe(999);
});
