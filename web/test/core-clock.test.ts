import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PublisherClock } from "../src/core/clock.ts";

// Written by tests/vectors/write_clock.py, which describes it.
type Step = {
  source: string;
  sample: [number, number, number, number, number];
  proved?: [number, number];
  reads: [number, [number, number] | null][];
};
const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/vectors/clock.json"), "utf8"),
) as Step[][];

test("the publisher's clock reads as it does in Python", () => {
  expect(cases.length).toBeGreaterThan(2);
  for (const steps of cases) {
    const clock = new PublisherClock("ff");
    for (const { source, sample, proved, reads } of steps) {
      clock.sample(source, ...sample);
      if (proved !== undefined) clock.prove(...proved);
      for (const [at, expected] of reads) {
        const read = clock.read(at);
        expect(read === null ? null : [read.time, read.error]).toEqual(expected);
      }
    }
  }
});

test("a publisher knows its clock, others nothing at first", () => {
  const clock = new PublisherClock();
  expect(clock.read(5)).toBeNull();
  clock.setExact(1000, 10);
  expect(clock.read(12.5)).toEqual({ time: 1002.5, error: 0 });
});
