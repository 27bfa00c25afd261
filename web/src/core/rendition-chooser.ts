/**
 * Chooses among the renditions of a stream by how parts come through the mesh. Without I/O.
 *
 * Throughput cannot be measured while it suffices: parts come as they are made, from several parents and in bursts. So what
 * counts is whether they come in time. How late a part begins to come, against its media time, stays the same while the way is
 * wide enough, whatever the rhythm of bursts and losses, and grows from part to part when a queue grows somewhere.
 */

/** What a player sees at one moment; seconds. */
export interface Seen {
  /** When the first of the newest part came, less its media time; null before the first. */
  lag: number | null;
  /** End of what can be played, on the player's timeline. */
  edge: number;
  /** Of it, what is ahead of the playhead. */
  forward: number;
  /** Bytes that came so far, from everywhere. */
  bytes: number;
  /** Stalls and jumps so far. */
  troubles: number;
  /** Every stripe comes over a link, so a trial begins without a burst. */
  linked: boolean;
}

/** So much (s) later than the soonest of the last seconds, and by so much later than the one before: a queue grows somewhere. */
const LATE = 0.08;
const LATER = 0.02;
/** So many in a row that are late say it, too, when it grows slowly. */
const IN_A_ROW = 4;
const BEFORE = 3;
/** So many whole ones in a row, so late, say it during a trial. */
const AFTER_BURST = 3;
const BEHIND_BURST = 0.15;
/** A buffer so low, for so large a part of the last moments, is one that parts reach too late. */
const LOW = 0.05;
const LOW_SHARE = 0.25;
const LOW_SPAN = 2;
/** What comes just after the beginning, or after a change, tells about that; and a buffer takes a while to grow again. */
const SETTLE = 4;
/** Seconds over which what arrives is counted: about as long as it takes to notice that it does not suffice. */
const ARRIVES = 0.35;
/** Of what arrived while it did not suffice, this share may be asked for. */
const SAFE = 0.8;
/** Seconds of calm before a better rendition is tried; doubled by each that fails. */
const CALM = 10;
const CALM_MOST = 160;
/** A better rendition has to come in time for so long beside the present one; and may take so long for it. */
const PROOF = 2;
const PATIENCE = 8;
/** A better one that lasted so long was no mistake. */
const LASTED = 20;

export class RenditionChooser {
  /** Index of the rendition that should be watched, 0 the best; and for how long it has to be proved first (s). */
  wanted: number;
  proof: number | null = 0;
  #at: number;
  #samples: { time: number; forward: number; bytes: number }[] = [];
  #heard: Late[] = [];
  #whole: Late[] = [];
  #edge = Number.NaN;
  #troubles: number | null = null;
  #since: number | null = null;
  #asked = 0;
  #raised: number | null = null;
  #calm = CALM;

  constructor(at: number) {
    this.wanted = at;
    this.#at = at;
  }

  /** The viewer was away, or something else decided: what was seen tells nothing any more. */
  reset(): void {
    this.#samples = [];
    this.#heard = [];
    this.#whole = [];
    this.#since = null;
    this.#troubles = null;
  }

  /**
   * About forty times a second while a picture plays: the edge moves in steps, and what matters is its highest.
   *
   * @param rates bit/s of the renditions, the best first
   * @param at index of the one that is watched
   */
  sample(seen: Seen, at: number, rates: readonly number[], now: number): void {
    if (at !== this.#at) this.#arrived(at, now);
    this.#since ??= now;
    this.#samples.push({ time: now, forward: seen.forward, bytes: seen.bytes });
    while ((this.#samples[0]?.time ?? now) < now - LOW_SPAN) this.#samples.shift();
    const grows = this.#grows(seen, now);
    const settled = now - this.#since >= SETTLE;
    const trouble = settled && (grows || this.#isLate(seen));
    this.#troubles = settled ? seen.troubles : null;
    if (this.wanted < at) {
      if (trouble || now - this.#asked > PATIENCE) this.#failed(at, now);
    } else if (this.wanted > at) {
      if (now - this.#asked > PATIENCE) this.#ask(rates.length - 1, null, now);
    } else if (trouble && at < rates.length - 1) {
      if (this.#raised !== null && now - this.#raised < LASTED)
        this.#calm = Math.min(CALM_MOST, 2 * this.#calm);
      this.#ask(this.#lower(at, rates), null, now);
    } else if (trouble) {
      this.#since = now;
    } else if (at > 0 && now - this.#since >= this.#calm) {
      this.#ask(at - 1, PROOF, now);
    } else if (this.#raised !== null && now - this.#raised >= LASTED) {
      this.#raised = null;
      this.#calm = CALM;
    }
  }

  #arrived(at: number, now: number): void {
    this.#raised = at < this.#at ? now : null;
    this.#at = at;
    this.reset();
  }

  #failed(at: number, now: number): void {
    this.#calm = Math.min(CALM_MOST, 2 * this.#calm);
    this.wanted = at;
    this.#since = now;
  }

  #ask(rendition: number, proof: number | null, now: number): void {
    this.wanted = rendition;
    this.proof = proof;
    this.#asked = now;
  }

  /**
   * Do parts come later and later? Their beginnings, and what is whole of them: what was lost, or a machine that was busy for a
   * moment, makes only one of them later, or less and less late.
   */
  #grows({ lag, edge, linked }: Seen, now: number): boolean {
    const wholeLate = late(this.#whole, 1) > LATE; // of a part before: what waited comes all at once
    if (edge !== this.#edge) noted(this.#whole, now - edge, now);
    this.#edge = edge;
    const heard = this.#heard;
    const before = heard.at(-1)?.lag;
    if (lag === null || lag === before) return false;
    noted(heard, lag, now);
    if (late(heard, IN_A_ROW) > LATE) return true;
    // Over HTTP a trial begins with a burst, behind which everything else comes later for a moment.
    if (this.wanted < this.#at && !linked) return late(this.#whole, AFTER_BURST) > BEHIND_BURST;
    return before !== undefined && lag > before + LATER && late(heard, 1) > LATE && wholeLate;
  }

  #isLate(seen: Seen): boolean {
    if (this.#troubles !== null && seen.troubles > this.#troubles) return true;
    const low = this.#samples.filter(({ forward }) => forward < LOW).length;
    return low > LOW_SHARE * this.#samples.length;
  }

  /** The best of the lower ones that what arrives of late is enough for; else the lowest. */
  #lower(at: number, rates: readonly number[]): number {
    const last = this.#samples.at(-1);
    const first = this.#samples.find(({ time }) => last !== undefined && time >= last.time - ARRIVES);
    if (first === undefined || last === undefined || last.time <= first.time) return rates.length - 1;
    const arrives = (8 * (last.bytes - first.bytes)) / (last.time - first.time);
    const found = rates.findIndex((rate, index) => index > at && rate <= SAFE * arrives);
    return found < 0 ? rates.length - 1 : found;
  }
}

interface Late {
  time: number;
  lag: number;
}

function noted(lags: Late[], lag: number, now: number): void {
  lags.push({ time: now, lag });
  while ((lags[0]?.time ?? now) < now - BEFORE) lags.shift();
}

/** How much later than the soonest all of the last so many were. */
function late(lags: readonly Late[], last: number): number {
  return least(lags.slice(-last)) - least(lags);
}

function least(lags: readonly Late[]): number {
  return Math.min(...lags.map(({ lag }) => lag));
}
