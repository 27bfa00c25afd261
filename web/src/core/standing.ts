/**
 * What is remembered of how other peers behaved: by peer id, whether they are linked now or not.
 *
 * docs/defence.md has the points, the thresholds and their reasons. Times are monotonic seconds of one page.
 */

/** Points for a block that a parent pushed before one had to ask for it. */
export const IN_TIME = 0.01;
/** For a block that nobody asked for and that was here, or is too old. */
export const STRAY = -0.01;
/** For a message over what one link may say. */
export const FLOOD = -0.25;
/** For blocks that a peer's STATUS says it has and that it did not send when asked. */
export const BROKEN_PROMISE = -1;
/** For pushing nothing of a stripe that a peer's STATUS says reaches it. */
export const EMPTY_WORD = -3;
/** For pushing nothing for a moment in which a peer says nothing either. */
export const STANDSTILL = -1.5;
/** For a parent that was replaced because it pushed too little of its stripe. */
export const MEAGRE = -5;

/** Points at most: long good service excuses a slip, never a habit. */
const CREDIT = 2;
/** Points by which merit and blame fade in a second. */
const FORGIVEN = 0.05;
/** At or below: chosen and asked last. */
const DOUBTED = -2;
/** At or below: after the publisher, too. */
const DISTRUSTED = -5;
/** At or below: the link ends. */
const SHUNNED = -15;
/** Seconds for which one whose link was ended gets no other. */
const SHUNNED_FOR = 600;
/** Peers of whom something is remembered; the least remarkable makes room. */
const REMEMBERED = 1024;

interface Account {
  points: number;
  at: number;
  shunnedUntil: number;
}

/** Points by peer: they fade, merit is capped, and blame outlives the link that it was earned on. */
export class Standing {
  readonly #accounts = new Map<string, Account>();

  get size(): number {
    return this.#accounts.size;
  }

  points(peer: string, now: number): number {
    const account = this.#accounts.get(peer);
    return account === undefined ? 0 : faded(account, now);
  }

  /** Something was done that is worth so many points. */
  note(peer: string, points: number, now: number): void {
    let account = this.#accounts.get(peer);
    if (account === undefined) {
      if (this.#accounts.size >= REMEMBERED) this.#forget(now);
      account = { points: 0, at: now, shunnedUntil: Number.NEGATIVE_INFINITY };
      this.#accounts.set(peer, account);
    }
    account.points = Math.min(CREDIT, faded(account, now) + points);
    account.at = now;
    if (account.points <= SHUNNED) account.shunnedUntil = now + SHUNNED_FOR;
  }

  /** It did what cannot be excused, such as sending a bad block. */
  shun(peer: string, now: number): void {
    this.note(peer, SHUNNED - CREDIT, now);
  }

  shunned(peer: string, now: number): boolean {
    return now < (this.#accounts.get(peer)?.shunnedUntil ?? now);
  }

  /** 0: nothing speaks against it; 1: doubted; 2: distrusted. */
  doubt(peer: string, now: number): number {
    const points = this.points(peer, now);
    return Number(points <= DOUBTED) + Number(points <= DISTRUSTED);
  }

  /** Many new names do not wash away what is known of others: the least remarkable goes. */
  #forget(now: number): void {
    let least: [string, number, number] | null = null;
    for (const [peer, account] of this.#accounts) {
      const [shunned, points] = [Math.max(0, account.shunnedUntil - now), Math.abs(faded(account, now))];
      if (least === null || shunned < least[1] || (shunned === least[1] && points < least[2])) {
        least = [peer, shunned, points];
      }
    }
    if (least !== null) this.#accounts.delete(least[0]);
  }
}

function faded({ points, at }: Account, now: number): number {
  const fade = (now - at) * FORGIVEN;
  return points > 0 ? Math.max(0, points - fade) : Math.min(0, points + fade);
}
