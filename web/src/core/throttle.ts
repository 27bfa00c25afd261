/** Steps by which a peer that cannot keep up leaves carrying to others, before its children feel it. */

/** Seconds for which it must be behind before it hands its children over: one hiccup moves nobody. */
export const STEP_DOWN_AFTER = 1.0;
/** Seconds that its children have to find another parent while it still feeds them. */
export const GRACE = 3.0;
/** Seconds without trouble from each step back to the one before. */
export const STEP_UP_AFTER = 10.0;

/** It takes children as the planner allows. */
export const OPEN = 0;
/** It feeds those that it has and takes no more. */
export const FULL = 1;
/** It asks them to find others, and feeds them until they have. */
export const HANDING_OVER = 2;
/** It feeds nobody. */
export const LEAF = 3;

/** How slowed the machine is: 0 not, 1 somewhat (a hidden tab), 2 behind (its timers come late). */
export type Level = 0 | 1 | 2;

/** How far down each level leads. */
const FURTHEST = [OPEN, FULL, LEAF] as const;

/** Turns what the shell notices of its own slowness into steps, down in order and slowly up again. */
export class Throttle {
  step: number = OPEN;
  #level: Level = 0;
  #levelSince = 0;
  #stepSince = 0;

  /** How slowed we are now. */
  told(level: Level, now: number): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#levelSince = now;
  }

  /** Takes the step that is due, if one is. */
  changed(now: number): boolean {
    const step = this.#next(now);
    if (step === this.step) return false;
    this.step = step;
    this.#stepSince = now;
    return true;
  }

  #next(now: number): number {
    const { step } = this;
    const furthest = FURTHEST[this.#level];
    const latest = Math.max(this.#stepSince, this.#levelSince);
    if (step < furthest) {
      if (step === OPEN) return FULL;
      const due = step === FULL ? now - latest >= STEP_DOWN_AFTER : now - this.#stepSince >= GRACE;
      return due ? step + 1 : step;
    }
    if (step > furthest && now - latest >= STEP_UP_AFTER) return step === FULL ? OPEN : FULL;
    return step;
  }
}
