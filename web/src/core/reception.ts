/** How well the pushed stripes come in: bytes by parent, and the share of blocks that others overtook. */

/**
 * Share of lost blocks at which parity is wanted: with four stripes 4 % of the parts are late then, by about 145 ms
 * for each hop, which a player half a second behind feels every 2.5 s; a quarter more bytes mend it.
 */
export const PARITY_ABOVE = 0.01;
/**
 * Share beyond which it is not begun: two of five blocks would be lost too often, and somebody has too much to carry
 * already.
 */
export const PARITY_USELESS = 0.2;
/** Share below which it is given up, after `PARITY_QUIET` seconds: far enough from the other not to swing. */
export const PARITY_BELOW = 0.0025;
export const PARITY_QUIET = 15.0;
/** Weight of a block in the mean share: of the last 400, which are 10 s, one alone starts nothing. */
export const MEMORY = 1 / 400;
/** Parts in a row of which nothing came that are a parent's silence, and no packets that were lost. */
export const OUTAGE = 2;
/** Peers in one report; nobody has that many parents in two seconds. */
export const PARENTS = 64;

/** The newest part of which something was pushed, how many of its blocks came, and how many it has. */
interface Stripe {
  parent: string;
  number: number;
  came: number;
  blocks: number;
}

/**
 * Watches what parents push. A block is lost when a later part of its stripe comes before it.
 *
 * A channel of blocks is unordered, so that happens just when packets were lost on the way, here or higher up the
 * tree; how long the way is does not matter. Requested blocks that come late change nothing.
 */
export class Reception {
  readonly #stripes: readonly Stripe[];
  readonly #bytes = new Map<string, number>();
  #due = 0;
  #lost = 0;
  #share = 0;
  #wantsParity = false;
  #quietSince: number | null = null;

  constructor(stripes: number) {
    this.#stripes = Array.from({ length: stripes }, () => ({ parent: "", number: -1, came: 0, blocks: 0 }));
  }

  /** Another epoch: numbers start again. */
  begin(): void {
    for (const stripe of this.#stripes) stripe.number = -1;
  }

  /**
   * A block came from the stripe's parent; its part has `blocks` on the stripe.
   *
   * `size` is that of the message, 0 if the block was here already: who repeats blocks carries nothing.
   */
  pushed(stripe: number, number: number, blocks: number, parent: string, size: number): void {
    if (this.#bytes.has(parent) || this.#bytes.size < PARENTS) {
      this.#bytes.set(parent, (this.#bytes.get(parent) ?? 0) + size);
    }
    const state = this.#stripes[stripe]; // none for parity
    if (state === undefined || number < state.number) return;
    if (number > state.number) {
      if (state.number >= 0) {
        const jumped = number - state.number - 1;
        const remember = parent === state.parent && jumped < OUTAGE;
        this.#passed(state.blocks + jumped, Math.max(0, state.blocks - state.came) + jumped, remember);
      }
      state.parent = parent;
      state.number = number;
      state.came = 0;
      state.blocks = blocks;
    }
    state.came += 1;
  }

  #passed(due: number, lost: number, remember: boolean): void {
    this.#due += due;
    this.#lost += lost;
    if (!remember) return;
    for (let block = 0; block < due; block++) {
      this.#share += (Number(block < lost) - this.#share) * MEMORY;
    }
  }

  /** Whether so much is lost that parity is worth its bytes. */
  wantsParity(now: number): boolean {
    if (this.#share >= PARITY_ABOVE) {
      this.#wantsParity ||= this.#share < PARITY_USELESS;
      this.#quietSince = null;
    } else if (this.#share > PARITY_BELOW || !this.#wantsParity) this.#quietSince = null;
    else if (this.#quietSince === null) this.#quietSince = now;
    else if (now - this.#quietSince >= PARITY_QUIET) this.#wantsParity = false;
    return this.#wantsParity;
  }

  /** What came since the last call: bytes by parent, and the share of blocks that were lost (0 to 1). */
  take(): [received: (readonly [string, number])[], loss: number] {
    const received = [...this.#bytes].filter(([, size]) => size > 0).sort(([a], [b]) => (a < b ? -1 : 1));
    const loss = this.#due > 0 ? this.#lost / this.#due : 0;
    this.#bytes.clear();
    this.#due = 0;
    this.#lost = 0;
    return [received, loss];
  }
}
