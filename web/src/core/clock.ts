/** The publisher's clock, learned hop by hop (NTP-style, RFC 5905 section 8), never from the wall. */

const SAMPLES = 16;
/** Seconds of error that a second of age adds: two ordinary crystals. */
const DRIFT = 100e-6;

interface Sample {
  readonly offset: number;
  readonly error: number;
  readonly at: number;
}

/** The publisher's clock minus the local monotonic one: best estimate and error, in seconds. */
export class PublisherClock {
  #samples: Sample[] = [];
  #exact: number | null = null;

  /** This peer is the publisher. */
  setExact(publisherTime: number, now: number): void {
    this.#exact = publisherTime - now;
  }

  /** A PING left at t0 and its PONG came at t3 (local); t1 and t2 are the answerer's estimates. */
  sample(t0: number, t1: number, t2: number, t3: number, error: number): void {
    const rtt = t3 - t0 - (t2 - t1);
    if (rtt < 0 || error < 0) return;
    this.#samples.push({ offset: (t1 - t0 + (t2 - t3)) / 2, error: rtt / 2 + error, at: t3 });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** The publisher's time and its error, or null while nothing is known. */
  read(now: number): { time: number; error: number } | null {
    if (this.#exact !== null) return { time: now + this.#exact, error: 0 };
    let best: Sample | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const sample of this.#samples) {
      const rank = sample.error + (now - sample.at) * DRIFT;
      if (rank < least) [best, least] = [sample, rank];
    }
    if (best === null) return null;
    return { time: now + best.offset, error: best.error + Math.max(0, now - best.at) * DRIFT };
  }
}
