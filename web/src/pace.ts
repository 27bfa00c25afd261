/** Whether this page still keeps up: a hidden tab is slowed by its browser, a busy one by itself. */

import type { Level } from "./core/throttle.ts";

/** Seconds by which a timer is late when something holds the page up; a picture takes a twentieth of that. */
export const LATE = 0.25;
/** The same in a hidden tab, where browsers let timers through once a second. */
export const LATE_HIDDEN = 1.5;
/** So often within so many seconds it is no hiccup any more. */
export const TIMES = 3;
export const WITHIN = 3.0;

/** Looks at how late timers are. */
export class Pace {
  #late: number[] = [];

  /** How slowed the page is; a timer was `late` by so many seconds. */
  level(late: number, hidden: boolean, now: number): Level {
    this.#late = this.#late.filter((at) => now - at < WITHIN);
    if (late > (hidden ? LATE_HIDDEN : LATE)) this.#late.push(now);
    if (this.#late.length >= TIMES) return 2;
    return hidden ? 1 : 0;
  }
}
