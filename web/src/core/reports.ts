/** What the planner is told, and when: every two seconds, and soon after a change. */

import type { Report } from "./actions.ts";
import type { Reception } from "./reception.ts";
import type { Upstreams } from "./upstreams.ts";

export const REPORT_EVERY = 2.0;
export const REPORT_SOON = 0.05;

/** Collects what is new since the last report. */
export class Reports {
  readonly #upstreams: Upstreams;
  readonly #reception: Reception;
  readonly #lost = new Set<string>();
  readonly #harmful = new Set<string>();
  #at: number;
  #parents: readonly (string | null)[];
  #slots: number | null = null;

  constructor(upstreams: Upstreams, reception: Reception, now: number) {
    this.#upstreams = upstreams;
    this.#reception = reception;
    this.#at = now + REPORT_EVERY;
    this.#parents = upstreams.parents();
  }

  /** The link to `peer` is gone. */
  lost(peer: string, now: number): void {
    this.#lost.add(peer);
    this.#at = Math.min(this.#at, now + REPORT_SOON);
  }

  /** `peer` sent a bad block; its link ends, and that makes the report soon. */
  harmful(peer: string): void {
    this.#harmful.add(peer);
  }

  /** Report at the next tick. */
  soon(now: number): void {
    this.#at = now;
  }

  /** The report that is to be made now, if any; `slots` as in `Report`. */
  due(slots: number | null, now: number): Report[] {
    const up = this.#upstreams;
    const parents = up.parents();
    const changed = slots !== this.#slots || !same(parents, this.#parents);
    if (now < this.#at && !(changed && this.#at > now + REPORT_SOON)) return [];
    this.#at = now + REPORT_EVERY;
    this.#parents = parents;
    this.#slots = slots;
    const [receivedFrom, loss] = this.#reception.take();
    const [lost, failed, harmful] = [
      [...this.#lost].sort(),
      [...up.failed].sort(),
      [...this.#harmful].sort(),
    ];
    this.#lost.clear();
    this.#harmful.clear();
    up.failed.clear();
    return [{ type: "report", parents, lost, failed, receivedFrom, loss, slots, harmful }];
  }
}

function same(one: readonly (string | null)[], two: readonly (string | null)[]): boolean {
  return one.length === two.length && one.every((peer, i) => peer === two[i]);
}
