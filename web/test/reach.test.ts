import { expect, test } from "vitest";
import { BLOCKED_AFTER, LONELY_AFTER, Reach } from "../src/core/reach.ts";

test("links that are wanted and cannot be made are given up after a while, until one opens", () => {
  const reach = new Reach();
  expect(reach.observe(0, 2, 100)).toBe(false);
  expect(reach.observe(0, 1, 100 + BLOCKED_AFTER - 0.1)).toBe(false);
  expect(reach.observe(0, 1, 100 + BLOCKED_AFTER)).toBe(true);
  expect(reach.blocked).toBe(true);
  expect(reach.observe(0, 1, 200)).toBe(false);
  expect(reach.observe(1, 1, 201)).toBe(true);
  expect(reach.blocked).toBe(false);
});

test("nobody to link to is no obstacle", () => {
  const reach = new Reach();
  reach.observe(0, 1, 100);
  reach.observe(0, 0, 105);
  expect(reach.observe(0, 1, 112)).toBe(false);
  expect(reach.observe(0, 1, 121)).toBe(false);
  expect(reach.observe(0, 1, 122)).toBe(true);
});

test("whoever stays alone asks for company, again and again", () => {
  const reach = new Reach();
  expect(reach.lonely(0, true, 100)).toBe(false);
  expect(reach.lonely(0, true, 100 + LONELY_AFTER - 0.1)).toBe(false);
  expect(reach.lonely(0, true, 100 + LONELY_AFTER)).toBe(true);
  expect(reach.lonely(0, true, 101 + LONELY_AFTER)).toBe(false);
  expect(reach.lonely(0, true, 100 + 2 * LONELY_AFTER)).toBe(true);
});

test("company, or an introducer that is away, ends the wait", () => {
  const reach = new Reach();
  for (const [open, up] of [
    [1, true],
    [0, false],
  ] as const) {
    reach.lonely(0, true, 100);
    expect(reach.lonely(open, up, 103)).toBe(false);
    expect(reach.lonely(0, true, 107)).toBe(false);
    expect(reach.lonely(1, true, 108)).toBe(false);
  }
});
