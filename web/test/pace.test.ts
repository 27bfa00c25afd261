import { expect, test } from "vitest";
import { LATE, LATE_HIDDEN, Pace, WITHIN } from "../src/pace.ts";

test("a hidden tab is slowed and not behind, though its timers come once a second", () => {
  const pace = new Pace();
  expect([0, 1, 2, 3, 4].map((now) => pace.level(1, true, now))).toEqual([1, 1, 1, 1, 1]);
  expect(pace.level(0, false, 5)).toBe(0);
});

test("a page that is held up again and again is behind until it has been well for a while", () => {
  const pace = new Pace();
  const late = LATE + 0.01;
  expect([0, 0.5, 1].map((now) => pace.level(late, false, now))).toEqual([0, 0, 2]);
  expect(pace.level(0, false, WITHIN - 0.1)).toBe(2);
  expect(pace.level(0, false, WITHIN)).toBe(0);
});

test("one hiccup now and then is nothing", () => {
  const pace = new Pace();
  for (let now = 0; now < 20; now += 2) expect(pace.level(LATE + 1, false, now)).toBe(0);
});

test("a hidden tab can be behind, too", () => {
  const pace = new Pace();
  expect([0, 1, 2].map((now) => pace.level(LATE_HIDDEN + 0.1, true, now))).toEqual([1, 1, 2]);
});
