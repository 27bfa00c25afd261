/** What links tell of time: publishers' clocks, hop by hop, and the round trips to neighbours. */

import { seconds } from "./clockwork.ts";
import { PublisherClock } from "./core/clock.ts";
import { type Ping, type Pong, UNKNOWN_ERROR } from "./wire.ts";

/** Seconds of error beyond which an estimate is not passed on. */
const VAGUE = 60;
const NOBODY = "0".repeat(32);

export class Clocks {
  readonly #clocks = new Map<string, PublisherClock>();
  readonly #roundTrips = new Map<string, number>();

  /** The estimate of that publisher's clock. */
  of(publisher: string): PublisherClock {
    let clock = this.#clocks.get(publisher);
    if (clock === undefined) {
      clock = new PublisherClock(publisher);
      this.#clocks.set(publisher, clock);
    }
    return clock;
  }

  /** Seconds by peer. */
  get roundTrips(): Record<string, number> {
    return Object.fromEntries(this.#roundTrips);
  }

  /** The link to `peer` is closed. */
  forget(peer: string): void {
    this.#roundTrips.delete(peer);
  }

  /** Asks for the clock of `publisher`, or of nobody. */
  ping(publisher: string | null): Ping {
    return { type: "ping", publisher: publisher ?? NOBODY, t0: micros(seconds()) };
  }

  pong({ publisher, t0 }: Ping): Pong {
    const now = seconds();
    const known = this.#clocks.get(publisher)?.read(now) ?? null;
    const vague = known === null || known.error > VAGUE;
    const at = micros(vague ? now : known.time);
    const error = vague ? UNKNOWN_ERROR : micros(known.error);
    return { type: "pong", publisher, t0, t1: at, t2: at, error };
  }

  /** `peer` answered; what it says of a clock counts only if that is `watched`. */
  ponged(peer: string, { publisher, t0, t1, t2, error }: Pong, watched: boolean): void {
    const [sent, came] = [t0 / 1e6, seconds()];
    const roundTrip = came - sent - (t2 - t1) / 1e6;
    if (!(roundTrip >= 0 && roundTrip < 60)) return;
    this.#roundTrips.set(peer, roundTrip);
    if (error !== UNKNOWN_ERROR && watched) {
      this.of(publisher).sample(peer, sent, t1 / 1e6, t2 / 1e6, came, error / 1e6);
    }
  }
}

function micros(time: number): number {
  return Math.floor(time * 1e6);
}
