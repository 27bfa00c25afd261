import { beforeEach, expect, test } from "vitest";
import { RenditionChooser } from "../src/core/rendition-chooser.ts";

const RATES = [2_500_000, 900_000, 500_000];
const PART = 0.1;
const TICK = 0.025;

/** A player whose buffer is fed at some share of real time; a change comes about after so many seconds. */
class Player {
  now = 100;
  edge = 1000;
  position = 999.7;
  bytes = 0;
  troubles = 0;
  linked = false;
  /** How late the newest part began to come. */
  lag = 0;
  at: number;
  readonly chooser: RenditionChooser;
  readonly asked: [number, number | null][] = [];
  #since = 0;
  #wanted: number | null = null;
  #waiting = 0;

  constructor(at: number) {
    this.at = at;
    this.chooser = new RenditionChooser(at);
  }

  /**
   * @param arrives seconds of media that arrive in a second, with the rendition that is watched
   * @param changes whether what is wanted comes about, and after how long
   */
  play(seconds: number, arrives: (at: number) => number, changes: number | null = 0.5, burst = 1): void {
    for (const end = this.now + seconds; this.now < end; this.now += TICK) {
      this.#waiting += TICK * arrives(this.at);
      this.bytes += (this.#waiting >= burst * PART - 1e-9 ? this.#waiting : 0) * ((RATES[this.at] ?? 0) / 8);
      if (this.#waiting >= burst * PART - 1e-9) {
        this.edge += this.#waiting;
        this.lag = this.now - this.edge;
        this.#waiting = 0;
      }
      // The player's latency controller keeps a buffer where it can.
      const rate = this.edge - this.position < 0.15 ? 0.97 : 1;
      this.position = Math.min(this.edge, this.position + TICK * rate);
      if (this.edge - this.position > 0.3) this.position = this.edge - 0.3;
      const { lag, edge, bytes, troubles, linked } = this;
      const forward = edge - this.position;
      this.chooser.sample({ lag, edge, forward, bytes, troubles, linked }, this.at, RATES, this.now);
      const { wanted, proof } = this.chooser;
      if (wanted === this.at) this.#since = this.now;
      else if (wanted !== this.#wanted) this.asked.push([wanted, proof]);
      this.#wanted = wanted;
      if (wanted !== this.at && changes !== null && this.now - this.#since >= changes + (proof ?? 0)) {
        this.at = wanted;
        this.#since = this.now;
      }
    }
  }
}

let player: Player;

beforeEach(() => {
  player = new Player(0);
});

test("a stream that comes in time stays what it is, also when it comes in bursts", () => {
  player.play(60, () => 1);
  player.play(60, () => 1, 0.5, 3);
  expect(player.at).toBe(0);
  expect(player.asked).toEqual([]);
});

test("less than the stream needs brings a lower rendition before the buffer is dry", () => {
  player.play(10, () => 1);
  let lowest = 1;
  for (let step = 0; step < 30 && player.chooser.wanted === 0; step += 1) {
    player.play(PART, () => 0.87);
    lowest = Math.min(lowest, player.edge - player.position);
  }
  expect(player.chooser.wanted).toBeGreaterThan(0);
  expect(lowest).toBeGreaterThan(0.05);
});

test("half of what the stream needs brings one within three parts of it, and what is watched is left at once", () => {
  player.play(10, () => 1);
  player.play(0.7, () => 0.5, null);
  expect(player.asked).toEqual([[1, null]]);
});

/** Parts of a tenth of a second, each heard of and whole so much later (s) than the first was. */
function arrive(heard: number, whole: number): void {
  player.now += PART;
  player.edge += PART;
  const edge = player.edge - whole;
  player.chooser.sample(
    { lag: player.now - player.edge + heard, edge, forward: 0.4, bytes: 0, troubles: 0, linked: false },
    0,
    RATES,
    player.now,
  );
}

test("what was lost makes parts late that began in time, and is no reason", () => {
  for (let part = 0; part < 60; part += 1) arrive(0, 0);
  for (let part = 0; part < 8; part += 1) arrive(0.01 * (part % 2), 0.25);
  expect(player.chooser.wanted).toBe(0);
});

test("a machine that was busy for a moment is less and less late, and that is no reason", () => {
  for (let part = 0; part < 60; part += 1) arrive(0, 0);
  for (const late of [0.3, 0.2, 0.1, 0, 0]) arrive(late, late);
  expect(player.chooser.wanted).toBe(0);
  for (const late of [0.04, 0.1]) arrive(late, 0.12);
  expect(player.chooser.wanted).toBeGreaterThan(0);
});

test("before anything was heard of nothing is late", () => {
  player.chooser.sample(
    { lag: null, edge: 0, forward: 0, bytes: 0, troubles: 0, linked: false },
    0,
    RATES,
    player.now,
  );
  expect(player.chooser.wanted).toBe(0);
});

test("the burst with which a trial begins is none of its faults", () => {
  player = new Player(1);
  player.play(10.5, () => 1, null);
  expect(player.chooser.wanted).toBe(0);
  player.play(0.3, () => 0.5, null);
  player.play(0.3, () => 1.5, null);
  player.play(3, () => 1, null);
  expect(player.chooser.wanted).toBe(0);
});

test("over links it begins without one: what comes later and later ends it within three parts", () => {
  player = new Player(1);
  player.linked = true;
  player.play(10.5, () => 1, null);
  expect(player.chooser.wanted).toBe(0);
  player.play(0.7, () => 0.5, null);
  expect(player.chooser.wanted).toBe(1);
});

test("what arrives decides how far down", () => {
  player.play(10, () => 1);
  player.play(4, (at) => (at === 0 ? 0.8 : 1));
  expect(player.at).toBe(1);
  player = new Player(0);
  player.play(10, () => 1);
  player.play(4, (at) => (at === 0 ? 0.3 : 1));
  expect(player.at).toBe(2);
});

test("one part that is late is no reason", () => {
  player.play(10, () => 1);
  player.play(0.2, () => 0);
  player.play(0.2, () => 2);
  player.play(10, () => 1);
  expect(player.asked).toEqual([]);
});

test("a stall is one", () => {
  player.play(10, () => 1);
  player.troubles += 1;
  player.play(0.2, () => 1, null);
  expect(player.chooser.wanted).toBeGreaterThan(0);
});

test("the lowest rendition stays, however little comes", () => {
  player = new Player(2);
  player.play(30, () => 0.5);
  expect(player.at).toBe(2);
  expect(player.asked).toEqual([]);
});

test("a better rendition is tried after ten seconds of calm, proved first, and one step at a time", () => {
  player = new Player(2);
  player.play(9, () => 1);
  expect(player.asked).toEqual([]);
  player.play(30, () => 1);
  expect(player.asked.slice(0, 2)).toEqual([
    [1, 2],
    [0, 2],
  ]);
  expect(player.at).toBe(0);
});

test("a better rendition that is not proved in time is given up, and tried less and less often", () => {
  player = new Player(1);
  player.play(400, () => 1, null);
  const tries = player.asked.filter(([wanted]) => wanted === 0);
  expect(tries.length).toBeGreaterThan(2);
  expect(tries.length).toBeLessThan(7);
});

test("a better rendition that hurts what is watched is given up at once", () => {
  player = new Player(1);
  player.play(10.5, () => 1, null);
  expect(player.chooser.wanted).toBe(0);
  player.play(2.5, () => 0.85, null);
  expect(player.chooser.wanted).not.toBe(0);
});

test("going up and falling down again makes the next try later", () => {
  player = new Player(1);
  const narrow = (at: number) => (at === 0 ? 0.6 : 1);
  player.play(300, narrow);
  const tries = player.asked.filter(([wanted]) => wanted === 0).length;
  expect(tries).toBeGreaterThan(1);
  expect(tries).toBeLessThan(8);
});

test("what was seen before a pause says nothing", () => {
  player.play(10, () => 1);
  player.play(0.3, () => 0.6, null);
  player.chooser.reset();
  player.edge -= 1; // such as a jump back
  player.position -= 1;
  player.play(10, () => 1);
  expect(player.asked).toEqual([]);
});

test("what is asked for in vain ends at the lowest", () => {
  player.play(10, () => 1);
  player.play(1.5, (at) => (at === 0 ? 0.8 : 1), null);
  expect(player.chooser.wanted).toBe(1);
  player.play(9, () => 0.8, null);
  expect(player.chooser.wanted).toBe(2);
});
