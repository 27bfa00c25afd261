import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Standing } from "../src/core/standing.ts";

// Written by tests/vectors/write_standing.py, which describes it.
type Step = ["note" | "shun", string, number, number, [number, number, boolean, number]];
const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/vectors/standing.json"), "utf8"),
) as Step[][];

test("deeds count as they do in Python", () => {
  expect(cases.length).toBeGreaterThan(2);
  for (const steps of cases) {
    const standing = new Standing();
    let before = 100;
    for (const [event, peer, points, now, outcome] of steps) {
      if (event === "shun") standing.shun(peer, before);
      else standing.note(peer, points, before);
      before = now;
      const { size } = standing;
      expect([
        standing.points(peer, now),
        standing.doubt(peer, now),
        standing.shunned(peer, now),
        size,
      ]).toEqual(outcome);
    }
  }
});

test("nothing is held against a stranger", () => {
  expect(new Standing().shunned("00", 5)).toBe(false);
});
