import { expect, test } from "vitest";
import { StallMeter } from "../src/player/stalls.ts";

/** 30 frames a second that are all shown and told of, from `from` to `to`. */
function play(meter: StallMeter, from: number, to: number, mediaFrom = from, presentedFrom = 0): number {
  let presented = presentedFrom;
  for (let frame = 0; from + frame / 30 < to; frame += 1) {
    const now = from + frame / 30;
    presented += 1;
    meter.frame({ shownAt: now, mediaTime: mediaFrom + frame / 30, presented });
    meter.tick(presented, now + 0.001);
  }
  return presented;
}

test("frames in time are no stall", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  play(meter, 0, 5);
  expect(meter.stalls).toBe(0);
  expect(meter.time(5)).toBe(0);
});

/** The same of which the page hears every fourth time; `wait` seconds pass before the frame at 0.5 s. */
function glimpse(meter: StallMeter, wait: number): void {
  for (let frame = 0; frame < 60; frame += 1) {
    const shownAt = frame / 30 + (frame < 15 ? 0 : wait);
    meter.tick(frame + 1, shownAt);
    if (frame % 4 === 0) meter.frame({ shownAt, mediaTime: frame / 30, presented: frame + 1 });
  }
}

test("frames of which only some are told are no stall", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  glimpse(meter, 0);
  expect(meter.stalls).toBe(0);
  expect(meter.pollStalls()).toEqual([]);
});

test("a wait among frames of which nobody was told is one stall, as long as it was", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  glimpse(meter, 0.4);
  expect(meter.stalls).toBe(1);
  expect(meter.pollStalls()).toEqual([expect.closeTo(0.4 + 1 / 30, 2)]);
});

test("more than 200 ms without a frame is one stall, noticed while it lasts", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  const presented = play(meter, 0, 1);
  meter.tick(presented, 1.1);
  expect(meter.stalled).toBe(false);
  for (let now = 1.15; now < 1.7; now += 0.05) meter.tick(presented, now);
  expect(meter.stalled).toBe(true);
  expect(meter.stalls).toBe(1);
  expect(meter.time(1.7)).toBeCloseTo(1.7 - 29 / 30);
  meter.frame({ shownAt: 1.75, mediaTime: 1, presented: presented + 1 });
  expect(meter.pollStalls()).toHaveLength(1);
  expect(meter.time(9)).toBeCloseTo(1.75 - 29 / 30);
  expect(meter.stalls).toBe(1);
});

test("a busy page whose pictures went on has no stall", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  const presented = play(meter, 0, 1);
  // 300 ms later: nine frames were shown meanwhile, the decoder went on, only nobody was told.
  meter.tick(presented + 9, 1.3);
  meter.frame({ shownAt: 1.3, mediaTime: 1.3, presented: presented + 10 });
  expect(meter.stalls).toBe(0);
});

test("frames that were shown but did not move are a stall although callbacks were missed", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  const presented = play(meter, 0, 1);
  meter.frame({ shownAt: 1.6, mediaTime: 1.03, presented: presented + 2 });
  expect(meter.stalls).toBe(1);
});

test("a pause, and a page that is hidden, are no stalls", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  const presented = play(meter, 0, 1);
  meter.expect(false, 1);
  for (let now = 1; now < 30; now += 1) meter.tick(presented, now);
  meter.expect(true, 30);
  meter.tick(presented, 31);
  play(meter, 31, 32, 1, presented);
  expect(meter.stalls).toBe(0);
  expect(meter.time(32)).toBe(0);
});

test("a stall that turns out to be the source's own pause is withdrawn", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  const presented = play(meter, 0, 1);
  for (let now = 1; now < 1.5; now += 0.05) meter.tick(presented, now);
  expect(meter.stalls).toBe(1);
  meter.expect(false, 1.5, true);
  expect(meter.stalls).toBe(0);
  expect(meter.time(9)).toBe(0);
});

test("a stall that the viewer ends by pausing counts so far", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  const presented = play(meter, 0, 1);
  for (let now = 1; now < 1.5; now += 0.05) meter.tick(presented, now);
  meter.expect(false, 1.5);
  expect(meter.stalls).toBe(1);
  expect(meter.time(9)).toBeCloseTo(1.5 - 29 / 30);
});

test("a stream of four frames a second does not stall between two of them", () => {
  const meter = new StallMeter();
  meter.expect(true, 0);
  for (let frame = 0; frame < 60; frame += 1)
    meter.frame({ shownAt: frame / 4, mediaTime: frame / 4, presented: frame + 1 });
  const learned = meter.stalls;
  for (let frame = 60; frame < 120; frame += 1)
    meter.frame({ shownAt: frame / 4, mediaTime: frame / 4, presented: frame + 1 });
  expect(meter.stalls).toBe(learned);
});
