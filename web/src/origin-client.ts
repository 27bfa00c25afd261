/** Asks origins for parts: the newcomer's start, and the last resort (docs/protocol.md section 10). */

import { seconds } from "./clockwork.ts";
import { concatBytes } from "./encoding.ts";
import { MAX_PART, SEAL } from "./seal.ts";
import { MAX_DESCRIPTION } from "./wire.ts";

const TIMEOUT = 6000;
const MAX_JOIN = 64 * 1024 * 1024;

/** No answer that can be used. */
export interface Failure {
  readonly type: "failure";
  /** The origin does not have that part any more. */
  readonly gone: boolean;
  /** Seconds. */
  readonly retryAfter: number;
}

/** A seal and the bytes of its part. */
export type SealedBytes = readonly [Uint8Array, Uint8Array];

/** One reading of the publisher's clock over HTTP: local t0 and t3, the origin's t1 (all seconds). */
export interface ClockSample {
  readonly t0: number;
  readonly t1: number;
  readonly t3: number;
}

interface Answer {
  readonly type: "answer";
  readonly body: Uint8Array;
  readonly clock: ClockSample | null;
}

/** Requests to a stream's origins, the next one being tried after a failure. */
export class OriginClient {
  readonly #server: string;
  #origins: readonly string[] = [];
  #at = 0;
  #closed = new AbortController();
  clockSample: ClockSample | null = null;

  constructor(server: string) {
    this.#server = server;
  }

  /** Absolute, or relative to the server that the room was joined at. */
  setOrigins(origins: readonly string[]): void {
    if (origins.length === this.#origins.length && origins.every((url, i) => url === this.#origins[i]))
      return;
    this.#origins = [...origins];
    this.#at = 0;
  }

  /** (seal, part) for each part from the newest independent one on. */
  async join(rendition: string): Promise<readonly SealedBytes[] | Failure> {
    const answer = await this.#get(`${rendition}/join`, MAX_JOIN);
    if (answer.type === "failure") return answer;
    this.clockSample = answer.clock;
    return split(answer.body) ?? this.#failed();
  }

  /** (seal, part). */
  async part(rendition: string, epoch: number, number: number): Promise<SealedBytes | Failure> {
    const answer = await this.#get(`${rendition}/${epoch}/${number}.part`, SEAL + MAX_PART);
    if (answer.type === "failure") return answer;
    if (answer.body.length <= SEAL) return this.#failed();
    return [answer.body.subarray(0, SEAL), answer.body.subarray(SEAL)];
  }

  /** The signed stream description, not yet looked into. */
  async description(): Promise<Uint8Array | Failure> {
    const answer = await this.#get("description", MAX_DESCRIPTION);
    return answer.type === "failure" ? answer : answer.body;
  }

  /** Ends the requests that are under way. */
  close(): void {
    this.#closed.abort();
  }

  async #get(path: string, limit: number): Promise<Answer | Failure> {
    const url = this.#url(path);
    if (url === null) return this.#failed();
    const abort = new AbortController();
    const stop = () => abort.abort();
    const timer = setTimeout(stop, TIMEOUT);
    this.#closed.signal.addEventListener("abort", stop);
    try {
      if (this.#closed.signal.aborted) return this.#failed();
      const t0 = seconds();
      const response = await fetch(url, {
        signal: abort.signal,
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const t3 = seconds();
      if (response.status !== 200) {
        if (response.status >= 500 && response.status !== 503) this.#at += 1;
        const retry = whole(response.headers.get("Retry-After"));
        return { type: "failure", gone: response.status === 404, retryAfter: retry ?? 0 };
      }
      const body = await read(response, limit);
      const clock = whole(response.headers.get("Braidcast-Clock"));
      if (body === null) return this.#failed();
      return { type: "answer", body, clock: clock === null ? null : { t0, t1: clock / 1e6, t3 } };
    } catch {
      return this.#failed(); // no connection, cut off, or aborted
    } finally {
      clearTimeout(timer);
      this.#closed.signal.removeEventListener("abort", stop);
    }
  }

  #url(path: string): string | null {
    const origin = this.#origins[this.#at % Math.max(1, this.#origins.length)];
    if (origin === undefined) return null;
    try {
      const url = new URL(`${origin.replace(/\/+$/, "")}/${path}`, this.#server);
      return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
    } catch {
      return null; // the publisher announced what is no address
    }
  }

  #failed(): Failure {
    this.#at += 1;
    return { type: "failure", gone: false, retryAfter: 0 };
  }
}

function whole(header: string | null): number | null {
  return header !== null && /^\d{1,16}$/.test(header) ? Number(header) : null;
}

/** The body, or null when it is longer than `limit`. */
async function read(response: Response, limit: number): Promise<Uint8Array | null> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > limit) {
      await reader.cancel();
      return null;
    }
    chunks.push(next.value);
  }
  return chunks.length === 1 ? (chunks[0] ?? null) : concatBytes(...chunks);
}

/** The parts of a `/join` answer; null when it is none. */
function split(body: Uint8Array): SealedBytes[] | null {
  const parts: SealedBytes[] = [];
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  for (let at = 0; at < body.length; ) {
    if (at + 4 > body.length) return null;
    const size = view.getUint32(at);
    at += 4;
    if (size <= SEAL || size > SEAL + MAX_PART || at + size > body.length) return null;
    parts.push([body.subarray(at, at + SEAL), body.subarray(at + SEAL, at + size)]);
    at += size;
  }
  return parts;
}
