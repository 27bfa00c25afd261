import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Clockwork, seconds } from "../src/clockwork.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A clockwork whose next timer is so many seconds after each tick, and when it ticked. */
function ticking(next: () => number): { clockwork: Clockwork; ticks: number[] } {
  const ticks: number[] = [];
  const begun = seconds();
  const clockwork = new Clockwork((now) => {
    ticks.push(Math.round((now - begun) * 1000));
    return now + next();
  });
  return { clockwork, ticks };
}

test("it ticks when the earliest timer is due, not before, and never too often", () => {
  const waits = [0.05, 0, -3, Number.POSITIVE_INFINITY];
  const { clockwork, ticks } = ticking(() => waits.shift() ?? 1);
  clockwork.start();
  vi.advanceTimersByTime(320);
  expect(ticks).toEqual([0, 50, 55, 60, 310]);
});

test("a message in a page whose timers are late makes up for them", () => {
  const { clockwork, ticks } = ticking(() => 0.05);
  clockwork.start();
  clockwork.poke();
  expect(ticks).toEqual([0]);
  // as if timers were throttled
  vi.spyOn(performance, "now").mockReturnValue(performance.now() + 900);
  clockwork.poke();
  expect(ticks.length).toBe(2);
  vi.restoreAllMocks();
});

test("a tick that fails is not the last one", () => {
  let count = 0;
  const clockwork = new Clockwork((now) => {
    count += 1;
    if (count === 1) throw new Error("This is not well.");
    return now + 0.1;
  });
  expect(() => clockwork.start()).toThrow("not well");
  vi.advanceTimersByTime(250);
  expect(count).toBe(2);
});

test("it stops, even from within a tick", () => {
  const { clockwork, ticks } = ticking(() => {
    clockwork.stop();
    return 0.01;
  });
  clockwork.start();
  vi.advanceTimersByTime(1000);
  clockwork.poke();
  expect(ticks).toEqual([0]);
});
