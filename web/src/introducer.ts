/**
 * The client of an introducer: one WebSocket, opened again whenever it is lost (docs/protocol.md section 4). The twin of
 * peer/introducer.py.
 *
 * What comes out are the introducer's messages, `up`, `down` and `refused`; what goes in is `send` for a message that is
 * worth something now or not at all, and `watch` and `unwatch` for what is to hold, which the introducer is told again
 * whenever it may have forgotten it.
 */

import { fromBase64url, toBase64url } from "./encoding.ts";
import { type Identity, joinPayload, TAG_JOIN } from "./identity.ts";
import { readServerMessage } from "./signaling.ts";
import type {
  Answer,
  Candidate,
  Challenge,
  ClientMessage,
  ErrorMessage,
  Hello,
  Introduce,
  Joined,
  Left,
  Moderate,
  Neighbours,
  Offer,
  Plan,
  RelayedAnswer,
  RelayedCandidate,
  RelayedOffer,
  Report,
  Stream,
  Watch,
  Welcome,
} from "./signaling-types.ts";
import { PROTOCOL_VERSION } from "./wire.ts";

const JOIN_TIMEOUT = 10;
const RETRY_MIN = 0.5;
const RETRY_MAX = 15;
/** A socket that lived this long was a success: the next attempt comes soon again. */
const STEADY_AFTER = 20;
/** Heartbeats without any sign of life after which the socket counts as dead. */
const MISSED_LIMIT = 2;
/** Bytes that may wait in the socket. */
const BUFFER_LIMIT = 1024 * 1024;

/** Instead of a welcome these are for good. */
const FINAL: ReadonlySet<string> = new Set([
  "version",
  "malformed",
  "too-large",
  "refused",
  "signature",
  "duplicate",
]);
/** In the room these end it: above all another page that joined with our key. */
const FINAL_WHEN_IN: ReadonlySet<string> = new Set(["version", "refused", "duplicate"]);

export type IntroducerEvent =
  /** We are in the room. `resumed`: in the place that we had, so that nothing was lost but time. */
  | { type: "up"; welcome: Welcome; resumed: boolean }
  /** The introducer is away for now; it is tried again in `retry` seconds. */
  | { type: "down"; sentence: string; retry: number }
  /** The introducer will not have us: trying again is no use. Nothing comes after this. */
  | { type: "refused"; code: string; sentence: string }
  | Joined
  | Left
  | Stream
  | Introduce
  | Plan
  | RelayedOffer
  | RelayedAnswer
  | RelayedCandidate
  | ErrorMessage;

export interface IntroducerOptions {
  role: "viewer" | "member";
  name?: string;
  token?: string | null;
  /** The key of the room's owner, base64url. */
  owner?: string | null;
  capabilities?: readonly string[];
  chance?: () => number;
  open?: (url: string) => WebSocket;
}

/** The address of `/ws` at an introducer given as the origin of its pages. Throws a TypeError when it is none. */
export function websocketUrl(server: string): string {
  const url = new URL(server, globalThis.location?.href);
  const protocols: Record<string, string> = {
    "http:": "ws:",
    "https:": "wss:",
    "ws:": "ws:",
    "wss:": "wss:",
  };
  const protocol = protocols[url.protocol];
  if (protocol === undefined) throw new TypeError(`${server} is no address of an introducer.`);
  const path = url.pathname.replace(/\/+$/, "");
  return `${protocol}//${url.host}${path.endsWith("/ws") ? path : `${path}/ws`}`;
}

/** Keeps one peer in one room. `handler` gets every event, in order. */
export class Introducer {
  /** base64url, of our hellos. It stays the same, so that introductions made before a dropped socket stay good. */
  readonly nonce: string = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  #name: string;
  #state: "stopped" | "waiting" | "joining" | "up" = "stopped";
  #socket: WebSocket | null = null;
  #session: string | null = null;
  #wasUp = false;
  #failures = 0;
  #upSince = 0;
  #missed = 0;
  #fatal: ErrorMessage | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  #heartbeatTimer: ReturnType<typeof setInterval> | undefined;
  readonly #url: string;
  readonly #watched = new Map<string, Watch>();
  /** The watches that the introducer was told in this session. */
  readonly #told = new Map<string, Watch>();
  readonly #onPageHide = (): void => {
    this.#say({ type: "leave" });
  };
  readonly #onOnline = (): void => this.#retryNow();

  constructor(
    server: string,
    private readonly room: string,
    private readonly identity: Identity,
    private readonly handler: (event: IntroducerEvent) => void,
    private readonly options: IntroducerOptions,
  ) {
    this.#url = websocketUrl(server);
    this.#name = options.name ?? "";
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  start(): void {
    if (this.#state !== "stopped") return;
    globalThis.addEventListener?.("pagehide", this.#onPageHide);
    globalThis.addEventListener?.("online", this.#onOnline);
    this.#open();
  }

  /** Leaves the room for good. */
  close(): void {
    if (this.#state === "up") this.#say({ type: "leave" });
    this.#stop();
  }

  /** Queues a message; false when it was not taken: the introducer is away, or too much waits already. */
  send(message: Offer | Answer | Candidate | Report | Neighbours | Moderate): boolean {
    return this.isUp && this.#say(message);
  }

  /** Holds a place in a braid; again with other arguments changes it. `uplink` is in bit/s. */
  watch(stream: string, rendition: string, carry: boolean, uplink: number | null, parity = false): void {
    const message: Watch = { type: "watch", stream, rendition, carry, uplink, parity };
    this.#watched.set(`${stream} ${rendition}`, message);
    if (this.isUp) this.#tellWatch(message);
  }

  /** Gives the place in a braid up. */
  unwatch(stream: string, rendition: string): void {
    const key = `${stream} ${rendition}`;
    if (this.#watched.delete(key) && this.isUp) {
      this.#told.delete(key);
      this.#say({ type: "unwatch", stream, rendition });
    }
  }

  /** Takes another name, by joining again in the same place. */
  rename(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    if (this.#socket !== null) {
      this.#drop();
      this.#open();
    }
  }

  #open(): void {
    this.#state = "joining";
    this.#fatal = null;
    let socket: WebSocket;
    try {
      socket = this.options.open?.(this.#url) ?? new WebSocket(this.#url);
    } catch {
      // A page on HTTPS may not open a socket without TLS.
      this.#lost("The browser does not allow a connection to this introducer.");
      return;
    }
    this.#socket = socket;
    const current = (): boolean => this.#socket === socket;
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (current()) this.#received(data);
    };
    socket.onclose = () => {
      if (current()) this.#closed();
    };
    this.#joinTimer = setTimeout(() => this.#lost("The introducer does not answer."), JOIN_TIMEOUT * 1000);
  }

  #received(frame: unknown): void {
    this.#missed = 0;
    const message = readServerMessage(frame);
    if (message === null) return;
    if (this.#state === "joining") {
      if (message.type === "challenge") {
        this.#join(message).catch(() => this.#lost("The challenge of the introducer cannot be answered."));
      }
      if (message.type === "welcome") this.#welcomed(message);
      if (message.type === "error") this.#denied(message);
      return;
    }
    switch (message.type) {
      case "challenge":
      case "welcome":
      case "pong":
        return;
      case "error":
        if (message.fatal) this.#fatal = message;
        else this.handler(message);
        return;
      default:
        this.handler(message);
    }
  }

  async #join(challenge: Challenge): Promise<void> {
    const socket = this.#socket;
    if (!challenge.versions.includes(PROTOCOL_VERSION)) {
      this.#refused(
        "version",
        `The introducer speaks version ${challenge.versions.join(", ")} of the protocol, this page ` +
          `${PROTOCOL_VERSION}: reload the page, or update the older one.`,
      );
      return;
    }
    const { key } = this.identity;
    const payload = joinPayload(this.room, fromBase64url(challenge.nonce), key, fromBase64url(this.nonce));
    const signature = await this.identity.sign(TAG_JOIN, payload);
    if (this.#socket !== socket) return;
    const hello: Hello = {
      type: "hello",
      version: PROTOCOL_VERSION,
      capabilities: [...(this.options.capabilities ?? [])],
      room: this.room,
      key: toBase64url(key),
      nonce: this.nonce,
      signature: toBase64url(signature),
      role: this.options.role,
      name: this.#name,
      token: this.options.token ?? null,
      session: this.#session,
      owner: this.options.owner ?? null,
    };
    this.#say(hello);
  }

  #welcomed(welcome: Welcome): void {
    clearTimeout(this.#joinTimer);
    const resumed = welcome.session === this.#session;
    this.#session = welcome.session;
    this.#state = "up";
    this.#wasUp = true;
    this.#upSince = performance.now();
    this.#heartbeatTimer = setInterval(() => this.#beat(), Math.max(welcome.heartbeat, 1) * 1000);
    if (!resumed) this.#told.clear();
    this.#tellAgain();
    this.handler({ type: "up", welcome, resumed });
  }

  /** An error came instead of a welcome. */
  #denied(error: ErrorMessage): void {
    if (error.code === "unknown-session") this.#session = null;
    if (FINAL.has(error.code) || (error.code === "room-full" && !this.#wasUp)) {
      this.#refused(error.code, error.message);
    } else {
      this.#lost(error.message);
    }
  }

  #closed(): void {
    const fatal = this.#fatal;
    if (fatal !== null && FINAL_WHEN_IN.has(fatal.code)) this.#refused(fatal.code, fatal.message);
    else if (fatal !== null) this.#lost(fatal.message);
    else if (this.#state === "up") this.#lost("The introducer has closed the connection.");
    else this.#lost(`The introducer at ${this.#url} cannot be reached.`);
  }

  #lost(sentence: string): void {
    if (this.#state === "up" && performance.now() - this.#upSince >= STEADY_AFTER * 1000) this.#failures = 0;
    this.#drop();
    this.#state = "waiting";
    const longest = Math.min(RETRY_MIN * 2 ** this.#failures, RETRY_MAX);
    const retry = longest * (0.5 + 0.5 * (this.options.chance ?? Math.random)());
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#retryTimer = setTimeout(() => this.#retryNow(), retry * 1000);
    this.handler({ type: "down", sentence, retry });
  }

  #retryNow(): void {
    if (this.#state !== "waiting") return;
    clearTimeout(this.#retryTimer);
    this.#open();
  }

  #refused(code: string, sentence: string): void {
    this.#stop();
    this.handler({ type: "refused", code, sentence });
  }

  #stop(): void {
    this.#drop();
    clearTimeout(this.#retryTimer);
    this.#state = "stopped";
    globalThis.removeEventListener?.("pagehide", this.#onPageHide);
    globalThis.removeEventListener?.("online", this.#onOnline);
  }

  /** Lets go of the socket, whose events count no more. */
  #drop(): void {
    clearTimeout(this.#joinTimer);
    clearInterval(this.#heartbeatTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Counts beats and not seconds: a page that was asleep has not heard what came meanwhile. */
  #beat(): void {
    if (this.#missed >= MISSED_LIMIT) {
      this.#lost("The introducer has fallen silent.");
      return;
    }
    this.#missed += 1;
    this.#say({ type: "ping" });
  }

  /** What is to hold is told on every new socket: the last messages on the old one may be lost. */
  #tellAgain(): void {
    for (const [key, { stream, rendition }] of this.#told) {
      if (!this.#watched.has(key)) this.#say({ type: "unwatch", stream, rendition });
    }
    this.#told.clear();
    for (const watch of this.#watched.values()) this.#tellWatch(watch);
  }

  #tellWatch(watch: Watch): void {
    this.#told.set(`${watch.stream} ${watch.rendition}`, watch);
    this.#say(watch);
  }

  #say(message: ClientMessage): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== 1 /* OPEN */ || socket.bufferedAmount > BUFFER_LIMIT) return false;
    socket.send(JSON.stringify(message));
    return true;
  }
}
