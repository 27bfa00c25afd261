import { expect, test } from "vitest";
import { type Action, FAST, LatencyController, SLOW } from "../src/player/controller.ts";

const PART = 0.1;
const TICK = 0.05;

/** A playhead over parts that arrive as told; time is virtual. */
class Playback {
  readonly controller = new LatencyController({ guard: 0.15 });
  readonly actions: (Action & { at: number })[] = [];
  now = 0;
  position = 0;
  rate = 1;
  end = 0;
  start = 0;
  waited = 0;
  #arrivals: number[];

  /** @param arrivals when each part of 0.1 s arrives, in order */
  constructor(arrivals: number[], position: number) {
    this.#arrivals = arrivals;
    this.position = position;
    this.controller.partLength(PART);
  }

  run(until: number): void {
    const step = 0.005;
    let nextSample = this.now;
    while (this.now < until) {
      this.now += step;
      while ((this.#arrivals[0] ?? Number.POSITIVE_INFINITY) <= this.now) {
        this.#sample();
        this.#arrivals.shift();
        this.end += PART;
      }
      const possible = Math.min(step * this.rate, this.end - this.position);
      this.waited += possible < step * this.rate - 1e-9 ? step : 0;
      this.position += Math.max(0, possible);
      if (this.now >= nextSample) {
        this.#sample();
        nextSample += TICK;
      }
    }
  }

  #sample(): void {
    const ranges = this.end > 0 ? [{ start: this.start, end: this.end }] : [];
    this.controller.sample(
      { position: this.position, ranges, playing: true, seeking: false, waiting: false },
      this.now,
    );
    for (const action of this.controller.pollActions()) {
      this.actions.push({ ...action, at: this.now });
      if (action.type === "rate") this.rate = action.rate;
      else this.position = action.to;
    }
  }

  seeks(): (Action & { at: number })[] {
    return this.actions.filter((action) => action.type === "seek");
  }
}

/** Reproducible chance. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Part k is complete at k × 0.1 s, and comes so much later; parts arrive in order. */
function arrivals(seconds: number, delay: (part: number) => number, backlog = 0): number[] {
  const times: number[] = [];
  for (let part = 0; part < seconds * 10; part += 1) {
    const due = Math.max(0, (part + 1) * PART - backlog) + delay(part);
    times.push(Math.max(due, times.at(-1) ?? 0));
  }
  return times;
}

test("playing begins with a reserve behind the edge, or where what is there begins", () => {
  const controller = new LatencyController();
  expect(controller.beginAt([{ start: 0, end: 1 }], 0.2)).toBeCloseTo(0.35);
  expect(controller.beginAt([{ start: 0.6, end: 1 }], 0.2)).toBe(0.6);
  expect(controller.beginAt([], 0.2)).toBeNull();
});

test("a start that took long begins further back, within bounds", () => {
  const controller = new LatencyController();
  expect(controller.beginAt([{ start: 0, end: 2 }], 0.8)).toBeCloseTo(1.05);
  expect(controller.beginAt([{ start: 0, end: 2 }], 30)).toBeCloseTo(0.85);
});

test("a long backlog of the start is left by one seek within four seconds", () => {
  const playback = new Playback(
    arrivals(20, () => 0, 1.6),
    0,
  );
  playback.run(18);
  const seeks = playback.seeks();
  expect(seeks).toHaveLength(1);
  expect(seeks[0]).toMatchObject({ reason: "start" });
  expect(seeks[0]?.at).toBeLessThan(4);
  expect(playback.end - playback.position).toBeLessThan(0.15 + PART + 0.03);
  expect(playback.waited).toBe(0);
});

test("a short backlog of the start is played away without a seek", () => {
  const playback = new Playback(
    arrivals(30, () => 0, 0.8),
    0,
  );
  playback.run(3);
  expect(playback.rate).toBe(FAST);
  playback.run(24);
  expect(playback.rate).toBe(1);
  expect(playback.seeks()).toEqual([]);
  expect(playback.controller.low(playback.position, playback.now)).toBeLessThan(0.27);
  expect(playback.waited).toBe(0);
});

test("even arrivals settle with the lowest buffer at the guard", () => {
  const playback = new Playback(
    arrivals(90, () => 0, 0.4),
    0,
  );
  playback.run(89);
  expect(playback.rate).toBe(1);
  const low = playback.controller.low(playback.position, playback.now);
  expect(low).toBeGreaterThan(0.1);
  expect(low).toBeLessThan(0.19);
  expect(playback.waited).toBe(0);
});

test("jitter and spikes are learned: after a while nothing waits, and the latency stays bounded", () => {
  const chance = random(7);
  const delay = (part: number) => chance() * 0.1 + (part % 70 === 69 ? 0.3 : 0);
  const playback = new Playback(arrivals(300, delay, 0.5), 0);
  playback.run(120);
  const learned = playback.waited;
  playback.run(299);
  expect(playback.waited - learned).toBe(0);
  expect(playback.now + 0.5 - playback.position).toBeLessThan(0.75); // a spike, jitter, the guard and a part
});

test("a low buffer slows down, and recovery ends it", () => {
  const playback = new Playback(
    arrivals(30, () => 0, 0.25),
    0.08,
  );
  playback.run(2);
  expect(playback.rate).toBe(SLOW);
  playback.run(20);
  expect(playback.rate).toBe(1);
  expect(playback.waited).toBe(0);
});

test("speeding up waits until fifteen seconds were even", () => {
  const playback = new Playback(
    arrivals(40, () => 0, 0.32),
    0,
  );
  playback.run(14.9);
  expect(playback.actions.filter((action) => action.type === "rate" && action.rate === FAST)).toEqual([]);
  playback.run(17);
  expect(playback.actions.filter((action) => action.type === "rate" && action.rate === FAST)).toHaveLength(1);
});

test("what is late only now and then is survived from the second time on", () => {
  const every = 40;
  const playback = new Playback(
    arrivals(240, (part) => (part % (10 * every) === 250 ? 0.28 : 0)),
    0,
  );
  playback.run(30);
  playback.waited = 0;
  playback.run(240);
  expect(playback.waited).toBe(0);
  expect(playback.end - playback.position).toBeLessThan(0.5);
});

test("a long wait that does not come again holds back by a guard at most, and for a while", () => {
  const late = 400;
  const playback = new Playback(
    arrivals(200, (part) => (part === late ? 1 : 0)),
    0,
  );
  playback.run(late / 10 + 40);
  const held = playback.end - playback.position;
  expect(held).toBeGreaterThan(0.3);
  expect(held).toBeLessThan(0.56);
  playback.run(late / 10 + 120);
  expect(playback.end - playback.position).toBeLessThan(0.36);
});

test("a page whose first seconds were uneven keeps a reserve for what it has not seen yet", () => {
  const late = (part: number) => (part < 30 && part % 10 === 9 ? 0.3 : part === 75 ? 0.5 : 0);
  const playback = new Playback(arrivals(60, late, 0.8), 0);
  playback.run(40);
  expect(playback.waited).toBe(0);
  expect(playback.seeks()).toEqual([]);
  expect(playback.controller.low(playback.position, playback.now)).toBeLessThan(0.27); // and gives it up afterwards
});

/** Seeks that come of what an element looks like; `now` in seconds. */
function looking(controller: LatencyController) {
  return (position: number, end: number, now: number, waiting: boolean) => {
    const ranges = [{ start: 0, end }];
    controller.sample({ position, ranges, playing: true, seeking: false, waiting }, now);
    return controller.pollActions().filter((action) => action.type === "seek");
  };
}

test("a browser that ran dry and asks for more and more is sought to where it stands, once there is enough", () => {
  const sample = looking(new LatencyController({ guard: 0.15 }));
  sample(1, 1.3, 0, false);
  sample(1.1, 1.3, 0.1, false);
  // It ran dry between two looks: a part has come since.
  expect(sample(1.1, 1.3, 0.15, true)).toEqual([]);
  expect(sample(1.1, 1.55, 0.6, true)).toEqual([]);
  expect(sample(1.1, 1.65, 0.7, true)).toEqual([{ type: "seek", to: 1.1, skipped: 0, reason: "dry" }]);
  expect(sample(1.1, 1.9, 1, true)).toEqual([]); // once a wait
  expect(sample(1.2, 2, 1.3, false)).toEqual([]);
  expect(sample(1.2, 2, 1.6, true)).toHaveLength(1);
});

test("a busy browser that stands still over a full buffer is not sought, nor one that has not begun", () => {
  const sample = looking(new LatencyController({ guard: 0.15 }));
  expect([sample(1, 1.1, 0, true), sample(1, 1.7, 0.4, true)]).toEqual([[], []]);
  expect([sample(1.1, 1.7, 0.5, false), sample(1.1, 1.9, 0.8, false)]).toEqual([[], []]);
});

test("more than a second and a half too far behind is a seek", () => {
  const playback = new Playback(
    arrivals(40, (part) => (part === 100 ? 4 : 0)),
    0,
  );
  playback.run(10);
  playback.start = 0;
  playback.position = playback.end - 3;
  const before = playback.seeks().length;
  playback.run(11);
  const seek = playback.seeks()[before];
  expect(seek).toMatchObject({ reason: "behind" });
  expect(playback.end - playback.position).toBeLessThan(0.5);
});

test("a hole is jumped once there is enough behind it to land on", () => {
  const controller = new LatencyController({ guard: 0.15 });
  const before = { start: 0, end: 5 };
  controller.sample(
    {
      position: 4.99,
      ranges: [before, { start: 5.6, end: 5.75 }],
      playing: true,
      seeking: false,
      waiting: false,
    },
    10,
  );
  expect(controller.pollActions()).toEqual([]);
  controller.sample(
    {
      position: 4.99,
      ranges: [before, { start: 5.6, end: 5.86 }],
      playing: true,
      seeking: false,
      waiting: false,
    },
    10.1,
  );
  const [action] = controller.pollActions();
  expect(action).toMatchObject({ type: "seek", reason: "gap" });
  expect(action?.type === "seek" && action.to).toBeCloseTo(5.601);
  expect(action?.type === "seek" && action.skipped).toBeCloseTo(0.611);
});

test("a hole is jumped after a while even if little lies behind it", () => {
  const controller = new LatencyController({ guard: 0.15 });
  const ranges = [
    { start: 0, end: 5 },
    { start: 5.6, end: 5.7 },
  ];
  controller.sample({ position: 4.99, ranges, playing: true, seeking: false, waiting: false }, 10);
  expect(controller.pollActions()).toEqual([]);
  controller.sample({ position: 4.99, ranges, playing: true, seeking: false, waiting: false }, 10.6);
  expect(controller.pollActions()).toMatchObject([{ type: "seek", reason: "gap" }]);
});

test("a playhead that stopped shortly before a hole jumps too", () => {
  const controller = new LatencyController({ guard: 0.15 });
  const ranges = [
    { start: 0, end: 5 },
    { start: 5.3, end: 5.9 },
  ];
  controller.sample({ position: 4.92, ranges, playing: true, seeking: false, waiting: false }, 10);
  expect(controller.pollActions()).toEqual([]);
  controller.sample({ position: 4.92, ranges, playing: true, seeking: false, waiting: false }, 10.2);
  expect(controller.pollActions()).toMatchObject([{ type: "seek", reason: "gap" }]);
});

test("what was removed during a long pause is left behind for the live edge", () => {
  const controller = new LatencyController({ guard: 0.15 });
  controller.sample(
    { position: 3, ranges: [{ start: 40, end: 60 }], playing: true, seeking: false, waiting: false },
    100,
  );
  const [action] = controller.pollActions();
  expect(action?.type === "seek" && action.to).toBeCloseTo(59.75);
});

test("a playhead that stands in the middle of a full buffer is nudged", () => {
  const controller = new LatencyController({ guard: 0.15 });
  const seeks: Action[] = [];
  for (let now = 0; now < 8.6; now += 0.1) {
    const position = Math.min(now, 6); // from then on it stands although there is enough
    const ranges = [{ start: 0, end: Math.min(now + 0.2, 7) }];
    controller.sample({ position, ranges, playing: true, seeking: false, waiting: false }, now);
    seeks.push(...controller.pollActions().filter((action) => action.type === "seek"));
  }
  expect(seeks).toMatchObject([{ reason: "stuck", to: 6.05 }]);
});

test("a pause is left alone, and playing on leaves it behind at once", () => {
  const controller = new LatencyController({ guard: 0.15 });
  for (let now = 0; now < 20; now += 0.05)
    controller.sample(
      { position: 1, ranges: [{ start: 0, end: 1.2 + now }], playing: false, seeking: false, waiting: false },
      now,
    );
  expect(controller.pollActions()).toEqual([]);
  controller.sample(
    { position: 1, ranges: [{ start: 0, end: 21.2 }], playing: true, seeking: false, waiting: false },
    20,
  );
  expect(controller.pollActions()).toMatchObject([{ type: "seek", reason: "behind" }]);
});

test("going live on demand leaves what lies between", () => {
  const controller = new LatencyController({ guard: 0.15 });
  controller.goLive(10, [{ start: 0, end: 12 }], 1);
  const [action] = controller.pollActions();
  expect(action).toMatchObject({ type: "seek", reason: "live" });
  expect(action?.type === "seek" && action.skipped).toBeCloseTo(1.75);
});

test("a seek that came to lie before a hole and never ends is led over it", () => {
  const controller = new LatencyController({ guard: 0.15 });
  const ranges = [
    { start: 0, end: 5 },
    { start: 7, end: 7.4 },
  ];
  controller.sample({ position: 4.85, ranges, playing: true, seeking: true, waiting: false }, 10);
  controller.sample({ position: 4.85, ranges, playing: true, seeking: true, waiting: false }, 10.4);
  expect(controller.pollActions()).toEqual([]);
  controller.sample({ position: 4.85, ranges, playing: true, seeking: true, waiting: false }, 10.6);
  expect(controller.pollActions()).toMatchObject([{ type: "seek", reason: "gap" }]);
});

test("a playhead that was late for reasons of its own catches up although the last seconds saw a lower buffer", () => {
  const playback = new Playback(
    arrivals(60, () => 0, 0.25),
    0,
  );
  playback.run(20);
  playback.position -= 0.4;
  playback.run(20.5);
  expect(playback.rate).toBe(FAST);
  playback.run(30);
  expect(playback.controller.low(playback.position, playback.now)).toBeLessThan(0.19);
  expect(playback.waited).toBe(0);
});

test("a browser that waits for more than there is before a hole is led over it", () => {
  const controller = new LatencyController({ guard: 0.15 });
  controller.partLength(PART);
  // 0.36 s are left, which is more than the guard; but the browser wants more, and no more will ever come there.
  const ranges = [
    { start: 0, end: 10.36 },
    { start: 11, end: 13 },
  ];
  let now = 0;
  const sample = (position: number, waiting: boolean) => {
    now += TICK;
    controller.sample({ position, ranges, playing: true, seeking: false, waiting }, now);
    return controller.pollActions();
  };
  expect([sample(9.95, false), sample(10, false)].flat()).toEqual([]);
  const actions: Action[] = [];
  for (let step = 0; step < 10; step += 1) actions.push(...sample(10, true));
  expect(actions[0]).toMatchObject({ type: "seek", reason: "gap" });
  expect((actions[0] as { to: number }).to).toBeGreaterThanOrEqual(11);
});
