import { expect, test } from "vitest";
import { RenditionSwitch, type Switched } from "../src/core/rendition-switch.ts";

interface Part extends Switched {
  of: string;
}

const GROUP = 10;

/** Every tenth part begins with a key frame; all last 100 ms. */
function part(of: string, number: number, epoch = 1): Part {
  return { of, epoch, number, independent: number % GROUP === 0, mediaTime: number / 10, duration: 0.1 };
}

/** What is handed on, as `old 19`. */
function told(parts: readonly Part[]): string[] {
  return parts.map(({ of, number }) => `${of} ${number}`);
}

function range(of: string, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${of} ${from + index}`);
}

/** Plays parts of both braids, each as late (s) as said, and returns what is handed on until `end`. */
function run(
  change: RenditionSwitch<Part>,
  {
    late,
    from,
    begins,
    end,
    forward = 0.4,
  }: { late: [number, number]; from: number; begins: number; end: number; forward?: number },
): string[] {
  const events: [number, Part][] = [];
  for (let number = from; number < end; number += 1)
    events.push([number / 10 + late[0], part("old", number)]);
  for (let number = begins; number < end; number += 1)
    events.push([number / 10 + late[1], part("new", number)]);
  events.sort(([a], [b]) => a - b);
  const out: Part[] = [];
  for (const [now, each] of events) {
    for (let due = change.nextTimer; due !== null && due <= now; due = change.nextTimer)
      out.push(...change.poll(forward, due));
    if (each.of === "old") out.push(...change.old(each, forward, now));
    else if (change.done) out.push(each);
    else out.push(...change.fresh(each, forward, now));
  }
  return told(out);
}

test("the change comes at the first key frame that follows what was shown, without a gap", () => {
  const change = new RenditionSwitch<Part>(part("old", 11), 0);
  expect(run(change, { late: [0.05, 0.04], from: 12, begins: 10, end: 30 })).toEqual([
    ...range("old", 12, 20),
    ...range("new", 20, 30),
  ]);
});

test("a key frame of ours waits a moment for the other braid that is just behind", () => {
  const change = new RenditionSwitch<Part>(part("old", 11), 0);
  expect(run(change, { late: [0, 0.15], from: 12, begins: 10, end: 30 })).toEqual([
    ...range("old", 12, 20),
    ...range("new", 20, 30),
  ]);
});

test("what was held goes on when the other braid does not come in time, and the next key frame is tried", () => {
  const change = new RenditionSwitch<Part>(part("old", 11), 0);
  change.fresh(part("new", 18), 0.4, 1.9);
  expect(change.old(part("old", 20), 0.2, 2)).toEqual([]);
  expect(change.old(part("old", 21), 0.15, 2.05)).toEqual([]);
  expect(change.nextTimer).toBeCloseTo(2.1);
  expect(told(change.poll(0.1, 2.11))).toEqual(["old 20", "old 21"]);
  expect(change.nextTimer).toBeNull();
  expect(told(change.fresh(part("new", 20), 0.2, 2.2))).toEqual([]);
  for (let number = 22; number < 30; number += 1) change.old(part("old", number), 0.2, number / 10);
  expect(told(change.fresh(part("new", 30), 0.2, 3))).toEqual(["new 30"]);
  expect(change.done).toBe(true);
  expect(told(change.old(part("old", 30), 0.2, 3))).toEqual([]);
});

test("nothing is held for a braid that is far behind, or while the buffer is low", () => {
  const change = new RenditionSwitch<Part>(part("old", 19), 0);
  change.fresh(part("new", 10), 0.4, 1.9);
  expect(told(change.old(part("old", 20), 0.4, 2))).toEqual(["old 20"]);
  const dry = new RenditionSwitch<Part>(part("old", 19), 0);
  dry.fresh(part("new", 19), 0.09, 1.9);
  expect(told(dry.old(part("old", 20), 0.09, 2))).toEqual(["old 20"]);
});

test("a better rendition has to come for as long as it is asked to prove itself", () => {
  const change = new RenditionSwitch<Part>(part("old", 11), 1.5);
  expect(run(change, { late: [0.05, 0.04], from: 12, begins: 10, end: 40 })).toEqual([
    ...range("old", 12, 30),
    ...range("new", 30, 40),
  ]);
});

test("a player that runs dry takes what the other braid has, with a little again or left out", () => {
  const again = new RenditionSwitch<Part>(part("old", 22), 0);
  for (let number = 20; number < 24; number += 1)
    expect(again.fresh(part("new", number), 0.3, 2.4)).toEqual([]);
  expect(told(again.poll(0.05, 2.5))).toEqual(range("new", 20, 24));
  const left = new RenditionSwitch<Part>(part("old", 22), 0);
  for (let number = 30; number < 32; number += 1) left.fresh(part("new", number), 0.3, 3.2);
  expect(told(left.poll(0.05, 3.3))).toEqual(range("new", 30, 32));
});

test("a player that runs dry is not shown a whole group again, nor what is older than what it has", () => {
  const change = new RenditionSwitch<Part>(part("old", 27), 0);
  for (let number = 20; number < 29; number += 1) change.fresh(part("new", number), 0.05, 2.9);
  expect(change.done).toBe(false);
  const older = new RenditionSwitch<Part>(part("old", 27), 0);
  for (let number = 20; number < 27; number += 1) older.fresh(part("new", number), 0.05, 2.9);
  expect(older.done).toBe(false);
});

test("a player that is dry before the other braid has brought anything leaves the one that is too much", () => {
  const change = new RenditionSwitch<Part>(part("old", 22), 0);
  expect(told(change.old(part("old", 23), 0.01, 2.4))).toEqual(["old 23"]);
  expect(change.done).toBe(true);
  const trial = new RenditionSwitch<Part>(part("old", 22), 2);
  trial.old(part("old", 23), 0.01, 2.4);
  expect(trial.done).toBe(false);
});

test("where ours was left, what goes on where it ends is enough, though it begins with what was shown", () => {
  const left = new RenditionSwitch<Part>(part("old", 22), null);
  for (let number = 20; number < 23; number += 1)
    expect(left.fresh(part("new", number), 0.3, 2.4)).toEqual([]);
  expect(told(left.fresh(part("new", 23), 0.3, 2.5))).toEqual(range("new", 20, 24));
});

test("where ours was left, what still comes of it is shown at once, and what lies behind a hole when that ends", () => {
  const left = new RenditionSwitch<Part>(part("old", 26), null);
  left.fresh(part("new", 30), 0.3, 3);
  expect(told(left.old(part("old", 27), 0.3, 3))).toEqual(["old 27"]);
  expect(left.done).toBe(false);
  expect(told(left.poll(0.05, 3.2))).toEqual(["new 30"]);
});

test("another epoch is gone over to at its first key frame, and so is anything when nothing was shown yet", () => {
  const change = new RenditionSwitch<Part>(part("old", 27), 0);
  expect(told(change.fresh(part("new", 0, 2), 0.4, 3))).toEqual(["new 0"]);
  const first = new RenditionSwitch<Part>(null, 0);
  expect(told(first.fresh(part("new", 9), 0, 3))).toEqual([]);
  expect(told(first.fresh(part("new", 10), 0, 3))).toEqual(["new 10"]);
});

test("what is kept of the other braid is bounded", () => {
  const change = new RenditionSwitch<Part>(part("old", 5), 1e9);
  for (let number = 0; number < 1000; number += 1) change.fresh(part("new", number), 0.4, number / 10);
  expect(change.done).toBe(false);
});
