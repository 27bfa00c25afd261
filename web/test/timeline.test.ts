import { expect, test } from "vitest";
import { Timeline } from "../src/player/timeline.ts";

const part = (epoch: number, mediaTime: number, captureTime: number, discontinuity = false) => ({
  epoch,
  mediaTime,
  duration: 0.1,
  captureTime,
  discontinuity,
});

test("parts of an epoch keep their distances, holes included", () => {
  const timeline = new Timeline();
  const first = timeline.place(part(1, 50, 1000));
  const second = timeline.place(part(1, 50.1, 1000.1));
  const afterHole = timeline.place(part(1, 50.7, 1000.7));
  expect(first.fresh).toBe(true);
  expect(second.start).toBeCloseTo(first.end);
  expect(afterHole.start - second.end).toBeCloseTo(0.5);
  expect(afterHole.offset).toBe(first.offset);
});

test("a new epoch, whose media time restarts, lies right behind the former", () => {
  const timeline = new Timeline();
  timeline.place(part(1, 50, 1000));
  const last = timeline.place(part(1, 50.1, 1000.1));
  const next = timeline.place(part(2, 0, 1030));
  expect(next.fresh).toBe(true);
  expect(next.start).toBeCloseTo(last.end);
  expect(timeline.captureAt(last.start + 0.05)).toBeCloseTo(1000.15);
  expect(timeline.captureAt(next.start + 0.05)).toBeCloseTo(1030.05);
});

test("a discontinuity in an epoch leaves no hole", () => {
  const timeline = new Timeline();
  const last = timeline.place(part(1, 50, 1000));
  const next = timeline.place(part(1, 58, 1008, true));
  expect(next.fresh).toBe(true);
  expect(next.start).toBeCloseTo(last.end);
});

test("media time that leaps or goes back without a word is another stretch", () => {
  const timeline = new Timeline();
  timeline.place(part(1, 50, 1000));
  expect(timeline.place(part(1, 500, 1000.1)).fresh).toBe(true);
  expect(timeline.place(part(1, 3, 1000.2)).fresh).toBe(true);
});

test("capture times are known where something was placed, and only there", () => {
  const timeline = new Timeline();
  expect(timeline.captureAt(1)).toBeNull();
  const first = timeline.place(part(1, 0, 1000));
  expect(timeline.captureAt(first.start)).toBeCloseTo(1000);
  expect(timeline.captureAt(first.end + 0.01)).toBeCloseTo(1000.11);
  expect(timeline.captureAt(first.end + 1)).toBeNull();
  expect(timeline.captureAt(first.start - 1)).toBeNull();
});

test("what was placed long ago is forgotten", () => {
  const timeline = new Timeline();
  const first = timeline.place(part(1, 0, 1000));
  for (let number = 1; number < 2000; number += 1) timeline.place(part(1, number / 10, 1000 + number / 10));
  expect(timeline.captureAt(first.start)).toBeNull();
  expect(timeline.captureAt(first.start + 190)).toBeCloseTo(1190);
});

test("a part continues the last one unless something is missing between them", () => {
  const timeline = new Timeline();
  expect(timeline.continues(part(1, 0, 1000))).toBe(false);
  timeline.place(part(1, 0, 1000));
  expect(timeline.continues(part(1, 0.101, 1000.1))).toBe(true);
  expect(timeline.continues(part(1, 0.2, 1000.2))).toBe(false);
  expect(timeline.continues(part(2, 0.1, 1000.1))).toBe(false);
  expect(timeline.continues(part(1, 0.1, 1000.1, true))).toBe(false);
});

test("a group of another rendition that begins with what was shown lies over it", () => {
  const timeline = new Timeline();
  const first = timeline.place(part(1, 0, 1000));
  for (let number = 1; number < 15; number += 1) timeline.place(part(1, number / 10, 1000 + number / 10));
  const again = timeline.place(part(1, 0.5, 1000.5));
  expect(again.fresh).toBe(false);
  expect(again.start - first.start).toBeCloseTo(0.5);
});
