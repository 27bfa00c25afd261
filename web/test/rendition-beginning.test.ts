import { expect, test } from "vitest";
import { type Heard, RenditionBeginning, RenditionTrial } from "../src/core/rendition-beginning.ts";

const GROUP = 10;
const PART = 0.1;

/** What came of ours: every tenth part begins with a key frame, each came when it was due, and as late (s) as said. */
function heard(from: number, to: number, late: (number: number) => number = () => 0): Heard[] {
  return Array.from({ length: to - from }, (_, index) => {
    const number = from + index;
    return { number, independent: number % GROUP === 0, firstSeen: number * PART + late(number) };
  });
}

/** Answers a request every 60 ms; returns what was asked for when (ms), and when the braid was followed. */
function pulled(
  beginning: RenditionBeginning,
  start: number,
  every = 60,
): { asked: string[]; followed: number } {
  const asked: string[] = [];
  const waiting: number[] = [];
  let [ms, answered] = [1000 * start, 0];
  for (; ms < 1000 * start + 5000; ms += 10) {
    const now = ms / 1000 + 1e-6; // timers are never early
    if (waiting.length > 0 && ms - answered >= every) {
      beginning.came(waiting.shift() as number, now);
      answered = ms;
    }
    const numbers = beginning.poll(now);
    if (numbers.length > 0 && waiting.length === 0) answered = ms;
    waiting.push(...numbers);
    asked.push(...numbers.map((number) => `${number} at ${ms}`));
    if (beginning.follows) break;
  }
  return { asked, followed: ms };
}

test("the present group is asked for part by part, two at a time, until nothing more is there", () => {
  const beginning = new RenditionBeginning(heard(5, 33), PART, 3.3);
  const { asked, followed } = pulled(beginning, 3.3);
  expect(asked.slice(0, 4)).toEqual(["30 at 3400", "31 at 3400", "32 at 3460", "33 at 3520"]);
  expect(asked.at(-1)).toBe("37 at 3760");
  expect(followed).toBe(3880);
});

test("what is not there yet is not asked for", () => {
  const beginning = new RenditionBeginning(heard(5, 31), PART, 3.05);
  expect(pulled(beginning, 3.05, 20)).toEqual({ asked: ["30 at 3150", "31 at 3150"], followed: 3190 });
});

test("a group that begins soon is awaited, for it has no past", () => {
  const beginning = new RenditionBeginning(heard(5, 38), PART, 3.75);
  expect(pulled(beginning, 3.75)).toEqual({ asked: [], followed: 4000 });
});

test("a key frame that has not come to us, though it was due, is where the other begins", () => {
  const late = (number: number) => (number > 25 ? 0.3 : 0);
  const beginning = new RenditionBeginning(heard(5, 29, late), PART, 3.15);
  expect(pulled(beginning, 3.15).asked[0]).toBe("30 at 3250");
});

test("nobody answers, and the braid finds what it needs by itself", () => {
  const beginning = new RenditionBeginning(heard(5, 33), PART, 3.3);
  expect(beginning.poll(3.41)).toEqual([30, 31]);
  expect(beginning.poll(3.89)).toEqual([]);
  expect(beginning.follows).toBe(false);
  expect(beginning.poll(beginning.nextTimer)).toEqual([]);
  expect(beginning.follows).toBe(true);
  expect(beginning.poll(5)).toEqual([]);
});

test("who has seen no whole group knows no rhythm, and follows at once", () => {
  for (const parts of [[], heard(11, 18), heard(11, 28)]) {
    const beginning = new RenditionBeginning(parts, PART, 3);
    expect(beginning.poll(3)).toEqual([]);
    expect(beginning.follows).toBe(true);
  }
});

/** Each part that is asked for begins to come after 20 ms and is whole after `takes` ms; ours are `late` (s) meanwhile. */
function tried(
  trial: RenditionTrial,
  start: number,
  takes: number,
  late: number,
): { asked: string[]; followed: number | null } {
  const asked: string[] = [];
  const begun = new Map<number, number>();
  for (let ms = 1000 * start; ms < 1000 * start + 3000; ms += 5) {
    const now = ms / 1000 + 1e-6;
    if (trial.nextTimer === null) return { asked, followed: null };
    if (now < trial.nextTimer) continue;
    const since = begun.get(trial.asked ?? -1) ?? ms;
    const other =
      ms > since + 20 ? { firstSeen: (since + 20) / 1000, complete: ms >= since + 20 + takes } : null;
    const newest = Math.floor(now / PART + 1e-6);
    const ours = { number: newest, independent: false, firstSeen: newest * PART + late };
    const number = trial.poll(other, ours, now);
    if (number !== null) begun.set(number, ms);
    if (number !== null) asked.push(`${number} at ${ms}`);
    if (trial.follows) return { asked, followed: ms };
  }
  return { asked, followed: null };
}

test("the last parts before a group are tried as they are made, and the better one is followed from there on", () => {
  const trial = new RenditionTrial(heard(5, 33), PART, 3.3);
  expect(tried(trial, 3.3, 40, 0)).toEqual({
    asked: ["37 at 3700", "38 at 3800", "39 at 3900"],
    followed: 4000,
  });
});

test("one that takes too long and makes ours late is the only one, and nothing follows", () => {
  const trial = new RenditionTrial(heard(5, 33), PART, 3.3);
  expect(tried(trial, 3.3, 200, 0.1)).toEqual({ asked: ["37 at 3700"], followed: null });
  expect(trial.poll(null, { number: 39, independent: false, firstSeen: 3.9 }, 9)).toBeNull();
  expect(trial.follows).toBe(false);
});

test("one that takes long because the way is long says nothing against the better one", () => {
  const trial = new RenditionTrial(heard(5, 33), PART, 3.3);
  expect(tried(trial, 3.3, 200, 0).followed).toBeGreaterThan(4000);
});

test("a group that begins too soon to be tried is let go by", () => {
  const trial = new RenditionTrial(heard(5, 39), PART, 3.85);
  expect(tried(trial, 3.85, 40, 0).asked[0]).toBe("47 at 4700");
});

test("a better one of which nothing is told, or whose rhythm is not known, is left to the braid", () => {
  const trial = new RenditionTrial(heard(5, 33), PART, 3.3);
  expect(tried(trial, 3.3, 5000, 0).followed).toBeGreaterThan(4200);
  expect(new RenditionTrial(heard(11, 18), PART, 3).follows).toBe(true);
});
