import { expect, test } from "vitest";
import { PARENTS, PARITY_QUIET, Reception } from "../src/core/reception.ts";

// The traces hold it together with Python's; what takes them too long is here.

test("parity is given up when nothing was lost for a while", () => {
  const reception = new Reception(1);
  let number = 0;
  for (; number < 60; number += number % 5 === 3 ? 2 : 1) reception.pushed(0, number, 1, "a", 10);
  expect(reception.wantsParity(0)).toBe(true);
  for (; number < 2000; number++) reception.pushed(0, number, 1, "a", 10);
  expect(reception.wantsParity(10)).toBe(true);
  expect(reception.wantsParity(10 + PARITY_QUIET - 0.1)).toBe(true);
  expect(reception.wantsParity(10 + PARITY_QUIET)).toBe(false);
});

test("a report names no more parents than a message may have", () => {
  const reception = new Reception(1);
  for (let number = 0; number < PARENTS + 9; number++) reception.pushed(0, number, 1, `${number}`, 10);
  expect(reception.take()[0]).toHaveLength(PARENTS);
});
