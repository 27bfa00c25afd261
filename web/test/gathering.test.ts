import { expect, onTestFinished, test, vi } from "vitest";
import { gathering } from "../src/gathering.ts";

test("what comes one by one is told of at once, and then in steps", async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const tell = vi.fn();
  const changed = gathering(tell, 50);
  for (let message = 0; message < 3; message++) changed();
  expect(tell).toHaveBeenCalledTimes(0);
  await vi.advanceTimersByTimeAsync(0);
  expect(tell).toHaveBeenCalledTimes(1);
  for (let message = 0; message < 100; message++) {
    changed();
    await vi.advanceTimersByTimeAsync(2);
  }
  expect(tell).toHaveBeenCalledTimes(5);
  await vi.advanceTimersByTimeAsync(50);
  expect(tell).toHaveBeenCalledTimes(5);
  await vi.advanceTimersByTimeAsync(100);
  changed();
  await vi.advanceTimersByTimeAsync(0);
  expect(tell).toHaveBeenCalledTimes(6);
});
